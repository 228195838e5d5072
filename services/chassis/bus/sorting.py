"""What of a page of deliveries is next for a sink, what it has already, and what stands behind a hole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.chassis.bus.epochs import Beginnings, GivenUp, goes_on, is_given_up
from services.chassis.bus.port import NOT_RECORDED, Delivery, Source
from services.chassis.sinks.checkpoints import Checkpoint

START = Checkpoint()


class Sorting:
    """A page sorted by the checkpoints that it goes on from. Raises GivenUp where a store was put back behind them."""

    def __init__(
        self, deliveries: Iterable[Delivery], checkpoints: Mapping[Source, Checkpoint], beginnings: Beginnings
    ) -> None:
        self.fresh: list[Delivery] = []
        """What is next, each after the one before it."""
        self.moved: dict[Source, Checkpoint] = {}
        """Where that leads to."""
        self.ahead: dict[Source, int] = {}
        """The highest position seen behind a hole."""
        self.old = 0
        """How many were applied before."""
        self._checkpoints = checkpoints
        self._beginnings = beginnings
        self._take(deliveries)

    def _take(self, deliveries: Iterable[Delivery]) -> None:
        """Almost all follow the one before them in their source: that is seen here, everything else in `_is_next`."""
        fresh, last, whole = self.fresh, dict[Source, Delivery](), not self._beginnings
        for delivery in deliveries:
            envelope = delivery.envelope
            source = (envelope.service, envelope.partition)
            before = last.get(source)
            if before is not None:
                at = before.envelope
                if whole and delivery.previous == at.position < envelope.position and envelope.epoch == at.epoch:
                    fresh.append(delivery)
                    last[source] = delivery
                    continue
                self.moved[source] = _checkpoint(last.pop(source))
            if self._is_next(source, delivery):
                fresh.append(delivery)
                last[source] = delivery
        self.moved.update((source, _checkpoint(delivery)) for source, delivery in last.items())

    def _is_next(self, source: Source, delivery: Delivery) -> bool:
        """Whether it is next; what else it is, is noted."""
        envelope = delivery.envelope
        at = self.moved.get(source) or self._checkpoints.get(source, START)
        if at.epoch > envelope.epoch or (envelope.epoch == at.epoch and envelope.position <= at.position):
            self.old += 1
        elif is_given_up(envelope, self._beginnings.get(envelope.service, {})):
            self.moved[source] = Checkpoint(at.epoch, at.position, max(at.offset, delivery.offset))
        elif delivery.previous == NOT_RECORDED:
            self.ahead[source] = max(envelope.position, self.ahead.get(source, 0))
        elif at.epoch and envelope.epoch > at.epoch and not goes_on(delivery, at):
            raise GivenUp(envelope.service)
        elif delivery.previous == at.position:
            return True
        else:
            self.ahead[source] = max(envelope.position, self.ahead.get(source, 0))
        return False


def _checkpoint(delivery: Delivery) -> Checkpoint:
    """After it."""
    return Checkpoint(delivery.envelope.epoch, delivery.envelope.position, delivery.offset)
