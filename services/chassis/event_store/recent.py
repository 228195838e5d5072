"""The newest events of a store that this process recorded itself, at hand for those who follow it here."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from services.chassis.envelope import Envelope, partition_of
from services.chassis.event_store.model import Append, Appended, CommandRecord, Outcome, StoreInfo
from services.chassis.time.instants import instant_of

MOST_EVENTS = 2000
MOST_BYTES = 4 * 1024 * 1024
"""Of events' data. Whoever is further behind reads the database."""

_Member = tuple[Append, CommandRecord, int]
"""An append, what it recorded, and which of its events this is, from 0."""


class Recent:
    """A run of events without a gap, each durable and visible before it is here. Where another process has recorded
    between two commits of this one, the run begins anew behind it. Any thread may read, one adds."""

    def __init__(self, info: StoreInfo) -> None:
        self._info = info
        self._changing = threading.Lock()
        self._after = 0
        """The position before the first."""
        self._run: list[_Member | Envelope] = []
        self._bytes = 0

    def add(self, batch: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
        """What a commit recorded, in the order of its positions."""
        with self._changing:
            for append, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Appended) and not outcome.repeated:
                    self._put(append, outcome.record)
            if len(self._run) > MOST_EVENTS or self._bytes > MOST_BYTES:
                self._forget_older()

    def read(self, after: int, limit: int) -> list[Envelope]:
        """Up to `limit` events after this position, in order; none where the next one is not here."""
        with self._changing:  # for moments only: the writer waits for it
            start = after - self._after
            members = self._run[start : start + limit] if start >= 0 else []
        found = [self._envelope(each) for each in members]
        self._keep(after, found)
        return found

    def _keep(self, after: int, found: Sequence[Envelope]) -> None:
        """Whoever reads them next finds them made."""
        with self._changing:
            start = after - self._after
            if 0 <= start < start + len(found) <= len(self._run):
                self._run[start : start + len(found)] = found

    def _put(self, append: Append, record: CommandRecord) -> None:
        before = record.position - len(append.events)
        if before != self._after + len(self._run):
            self._after, self._run, self._bytes = before, [], 0
        self._run.extend((append, record, step) for step in range(len(append.events)))
        self._bytes += sum(len(event.data) for event in append.events)

    def _forget_older(self) -> None:
        """Half of them, or more where few fill the room."""
        half = len(self._run) // 2
        while half < len(self._run) and self._size(self._run[half:]) > MOST_BYTES // 2:
            half += max(1, (len(self._run) - half) // 2)
        self._after += half
        del self._run[:half]
        self._bytes = self._size(self._run)

    @staticmethod
    def _size(run: Iterable[_Member | Envelope]) -> int:
        return sum(len(each.data if isinstance(each, Envelope) else each[0].events[each[2]].data) for each in run)

    def _envelope(self, each: _Member | Envelope) -> Envelope:
        if isinstance(each, Envelope):
            return each
        append, record, step = each
        event = append.events[step]
        return Envelope(
            service=self._info.service,
            epoch=self._info.epoch,
            position=record.position - len(append.events) + 1 + step,
            stream=append.stream,
            version=record.first_version + step,
            partition=partition_of(append.stream, self._info.partitions),
            type=event.type,
            occurred_on=event.occurred_on,
            recorded_at=instant_of(append.recorded_at),
            actor=append.actor,
            command_id=append.command_id,
            command_hash=append.command_hash,
            correlation_id=append.correlation_id,
            causation_id=append.causation_id,
            traceparent=append.traceparent,
            data=event.data,
            store_id=self._info.store_id,
        )
