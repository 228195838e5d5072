"""What a consumer makes of a store's epochs, which rise when a store was put back: positions may be other facts then.

The bus of one machine delivers everything under the store's present epoch, which tells nothing of what was applied
before. On Kafka each record keeps the epoch in which it came: there a newer one goes on where the one before it ended,
or it says by the position that it names before it which facts were given up.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.chassis.bus.port import Delivery
from services.chassis.envelope import Envelope
from services.chassis.sinks.checkpoints import Checkpoint

Beginnings = Mapping[str, Mapping[int, int]]
"""Per service and store epoch, its first position on the bus (`Bus.beginnings`)."""


class ConsumerStopped(Exception):
    """The consumer cannot go on by itself; the sentence says what to do."""


class GivenUp(ConsumerStopped):
    """A store was put back, and facts that were applied may be no more."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"{service} 的事件库做过恢复,已读到的位置不再可信,请运行 bizenv rebuild · "
            f"the store of {service} was restored, positions read before may be other facts now: run bizenv rebuild"
        )


def goes_on(delivery: Delivery, at: Checkpoint) -> bool:
    """Whether what a newer epoch brings stands behind all that was applied: it names our checkpoint, or a later
    position, as the one before it."""
    return delivery.own_epoch and delivery.previous >= at.position


def is_given_up(envelope: Envelope, beginnings: Mapping[int, int]) -> bool:
    """Whether it is no more since its store was put back: a later epoch has used its position or an earlier one."""
    return any(epoch > envelope.epoch and first <= envelope.position for epoch, first in beginnings.items())
