"""The consumer: poll → take in → go on. Honest about duplicates, holes and poison (`intake`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.intake import Intake
from services.chassis.bus.lag import LagGauges, Untold
from services.chassis.bus.port import Bus, Source, Subscription
from services.chassis.bus.read_ahead import ReadAhead
from services.chassis.errors import Unavailable
from services.chassis.sinks.checkpoints import LostPlace
from services.chassis.sinks.sink import PASSING, NotYet
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS

log = logger(__name__)

CATCH_UP_BATCH = 2000
NEAR = 200
NEAR_STEPS = 20
"""So few records may be left when a step that brought some ends a catch-up, once it has stayed that near for so many
steps: under steady appends there is never nothing left. In quiet times all is read."""


class Consumer:
    """One thread's turns over one subscription; feeds its sinks one after another, each from its own checkpoint."""

    def __init__(
        self,
        group: str,
        bus: Bus,
        services: Sequence[str],
        intakes: Sequence[Intake],
        *,
        batch: int = 500,
        shared: bool = True,
        build: str = "",
        ahead: bool = False,
    ) -> None:
        """`shared`: with the other members of the group, which each read some of the sources; with those of the same
        `build` only, where members of others feed something else. `ahead`: fetch a batch while the one before it is
        applied."""
        self.group = group
        self.intakes = list(intakes)
        subscription = bus.subscribe(f"{group}.{build}" if build else group, services, shared=shared)
        self.subscription: Subscription = ReadAhead(subscription) if ahead else subscription
        self.failure: Exception | None = None
        self.waits_for: Exception | None = None
        """Why the last turn failed, where that passes by itself; None: it did not."""
        self._batch = batch
        self._pause = 0.0
        self._stopping = threading.Event()
        self._next_look = 0.0
        self._lost_place = False
        self._assignment = self.subscription.assignment
        self.go_back()
        self._untold = Untold("whether it has caught up", group=group)
        self._tell_lag = LagGauges(group, self.subscription, self.intakes[0].age_of)

    def go_back(self) -> None:
        """Read again from the lowest durable checkpoint of the sinks; what no sink has seen, from its beginning."""
        for intake in self.intakes:
            intake.reload()
        self._seek()
        self._lost_place = False

    def _seek(self) -> None:
        sources = set(self.subscription.progress()).union(*(intake.checkpoints for intake in self.intakes))
        for source in sources:
            self.subscription.seek(source, self._offset(source))

    def _offset(self, source: Source) -> int:
        """Up to where no sink needs the source again."""
        return min(intake.offset(source) for intake in self.intakes)

    def step(self, timeout: float = 0.0) -> int:
        """One poll and what follows from it; returns how many deliveries came. Raises when they could not be
        applied (they will come again). Where sources were assigned anew, what came is left and read again from the
        checkpoints, which another member may have moved."""
        if self._lost_place:
            self.go_back()
        try:
            deliveries = self.subscription.poll(timeout, self._batch)
            if self.subscription.assignment != self._assignment:
                self._assignment = self.subscription.assignment
                self.go_back()
                return 0
            progress = self.subscription.progress() if deliveries else {}
            for intake in self.intakes:
                holes = intake.take(deliveries, progress)
                for source, checkpoint in holes.items():
                    self.subscription.seek(source, checkpoint.offset)
        except BaseException:
            self._lost_place = True
            self._seek()  # what could not be applied counts as unread from now on, also if no step follows
            raise
        METRICS.consumer_batch_size.labels(self.group).observe(len(deliveries))
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + 1.0
            self._look_around()
        return len(deliveries)

    def drain(self) -> int:
        """Apply all there is now; returns how many deliveries came."""
        total = 0
        while came := self.step():
            total += came
        return total

    def turn(self, idle_seconds: float = 0.05) -> int | None:
        """One step that never raises; returns how many deliveries came, None when it failed. Passing troubles (disk
        full, database locked, overload) are waited out with growing pauses; where another member was faster, or facts
        must wait for the views, the next turn reads again. Anything else stops this consumer, which its owner sees by
        `failure`: its turns do nothing from then on."""
        if self.failure is not None:
            self._stopping.wait(idle_seconds)
            return None
        try:
            came = self.step(idle_seconds)
            self._pause, self.waits_for = 0.0, None
            return came
        except (LostPlace, NotYet) as reason:
            log.debug("consumer reads again", group=self.group, reason=str(reason))
        except (SQLAlchemyError, *PASSING) as error:
            self._pause, self.waits_for = min(max(2 * self._pause, 0.1), 5.0), error
            log.warning("consumer waits", group=self.group, seconds=self._pause, reason=str(error))
            self._stopping.wait(self._pause)
        except Exception as error:
            self.failure = error
            log.critical("consumer stopped", group=self.group, exc_info=error)
        return None

    def replace_intake(self, number: int, intake: Intake) -> None:
        """Feed another sink in the place of one, from the lowest checkpoint; a stopped consumer tries again."""
        self.intakes[number] = intake
        self._lost_place = True
        self.failure = None

    @property
    def stopped(self) -> bool:
        return self.failure is not None or self._stopping.is_set()

    def has_caught_up(self, came: int = 0) -> bool:
        """Whether it has its share of the sources and nothing is left of them. A poll may bring nothing although there
        is something, so the bus is asked. Under steady appends something always is: after a step to which some `came`,
        as in a catch-up, little may be left."""
        try:
            left = sum(self.subscription.lag().values())
        except (SQLAlchemyError, Unavailable) as error:
            self._untold.why(error)
            return False
        self._untold.no_more()
        return self.subscription.assignment > 0 and left <= (NEAR if came else 0)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Let no further turn begin and wake the one in hand (from any thread)."""
        self._stopping.set()
        self._tell_lag.close()
        self.subscription.close()

    def _look_around(self) -> None:
        """Once a second: tell the bus how far we are, take up parked streams whose retry was asked for."""
        held = self.subscription.progress()
        self.subscription.commit({source: self._offset(source) for source in held})
        for intake in self.intakes:
            if intake.parked:
                for stream in intake.sink.database.wanted_retries():
                    if not intake.retry(stream, held):
                        intake.sink.database.refuse_retry(stream)


def catch_up(bus: Bus, services: Sequence[str], intake: Intake, page: Callable[[int], None] | None = None) -> None:
    """Feed one sink from its checkpoint to the head, beside any other consumer: a rebuild, a new generation.

    `page` is told how many deliveries came in each step. Under steady appends there is never nothing left: a few
    records for some time (`NEAR_STEPS`) are near enough to the head. Where facts stay missing (`Intake.missing`), also
    when their sources are read again from the beginning, it ends without them and says so: waiting would bring nothing.
    """
    group = f"{intake.sink.name}.catch-up"
    consumer = Consumer(group, bus, services, [intake], batch=CATCH_UP_BATCH, shared=False, ahead=True)
    near = 0
    try:
        while True:
            came = consumer.step()
            if page and came:
                page(came)
            left = 0 if came == CATCH_UP_BATCH else sum(consumer.subscription.lag().values())
            near += 0 < left <= NEAR
            behind = came == CATCH_UP_BATCH or left > (NEAR if came and near >= NEAR_STEPS else 0)
            if not behind and (not intake.has_holes or intake.reads_in_vain):
                _tell_missing(intake)
                return
    finally:
        consumer.stop()


def _tell_missing(intake: Intake) -> None:
    if intake.missing:
        places = ", ".join(f"{service}/{partition}" for service, partition in sorted(intake.missing))
        log.error("caught up without facts that are missing on the bus", group=intake.sink.name, sources=places)
