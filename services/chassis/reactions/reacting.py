"""How a service acts by itself: commands in its own name, drawn from facts that its own views show already."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from services.chassis.auth import system
from services.chassis.commanding.command_bus import CommandBus
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.envelope import Envelope
from services.chassis.errors import CommandIdReused
from services.chassis.event_store import EventStore
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.positions.position import PositionToken
from services.chassis.views.live import LiveViews
from services.chassis.views.view import Received

REACTION_SECONDS = 30.0
"""A reaction's command that is not durable after this long is tried again with its batch."""

SHOWN_SECONDS = 1.0
"""How long a reaction waits for the views before it lets the facts of other streams go first."""

TOGETHER = 64
"""Commands of reactions that share commits."""


class OwnCommands:
    """Sends a service's own commands. `ordered`: one after another, so that a rehearsal is the same each time."""

    def __init__(self, service: str, bus: CommandBus, loop: LoopThread, *, ordered: bool) -> None:
        self._service = service
        self._bus = bus
        self._loop = loop
        self._together = 1 if ordered else TOGETHER

    def do(self, command: Command) -> Receipt:
        """Carry it out from a plain thread."""
        return self._loop.run(self._bus.execute(command, self._call()))

    def dispatch(self, commands: Sequence[tuple[Command, str, Envelope]]) -> None:
        """Carry out (command, command id, causing fact) and return when all are durable; raises the first error."""
        calls = [(command, self._call(command_id, cause)) for command, command_id, cause in commands]
        self._loop.run(self._carry_out(calls))

    async def _carry_out(self, calls: Sequence[tuple[Command, Call]]) -> None:
        for start in range(0, len(calls), self._together):
            await asyncio.gather(*(self._send(*call) for call in calls[start : start + self._together]))

    async def _send(self, command: Command, call: Call) -> None:
        """A reaction's id that was used for another body was used by an earlier delivery of the same event, when the
        reference tables said something else: what it did stands."""
        with contextlib.suppress(CommandIdReused):
            await self._bus.execute(command, call)

    def _call(self, command_id: str | None = None, cause: Envelope | None = None) -> Call:
        return Call(
            principal=system(self._service),
            deadline=Deadline.after(REACTION_SECONDS),
            command_id=command_id,
            correlation_id=cause.correlation_id if cause else None,
            causation_id=cause.id if cause else None,
            traceparent=cause.traceparent if cause else None,
        )


class ShownFirst:
    """Whether the views that a reaction reads show what it rests on: the fact itself, and for a day that has passed
    every fact that the service recorded before it (the bus keeps no order between partitions)."""

    def __init__(self, views: LiveViews, store: EventStore, seconds: float = SHOWN_SECONDS) -> None:
        self._views = views
        self._store = store
        self._seconds = seconds
        self._progress = threading.Condition()
        views.on_progress(self._wake)

    def ready(self, fact: Received) -> bool:
        """Waits a moment for the views; False: not yet."""
        tokens = [_token(fact.envelope), *self._before(fact)]
        shown: Callable[[], bool] = lambda: all(map(self._views.covers, tokens))  # noqa: E731 - asked again and again
        if shown():
            return True
        self._views.want()
        end = time.monotonic() + self._seconds
        with self._views.awaited(), self._progress:
            return self._progress.wait_for(shown, max(0.0, end - time.monotonic()))

    def _before(self, fact: Received) -> list[PositionToken]:
        envelope, info = fact.envelope, self._store.info
        if not isinstance(fact.event, DayPassed) or envelope.service != info.service:
            return []
        before = self._store.previous_in_partition
        return [
            PositionToken(info.service, envelope.epoch, partition, before(partition, envelope.position))
            for partition in range(info.partitions)
        ]

    def _wake(self) -> None:
        with self._progress:
            self._progress.notify_all()


def _token(envelope: Envelope) -> PositionToken:
    return PositionToken(envelope.service, envelope.epoch, envelope.partition, envelope.position)
