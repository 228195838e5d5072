"""A store's rows held against each other's places and against what its topic holds, in one walk by position."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.envelope import partition_of
from services.chassis.event_store import StoreInfo
from services.chassis.event_store.schema import events
from services.chassis.flow.report import FlowCode, FlowFindings
from services.chassis.flow.topic_index import Seen
from services.chassis.truth.leaf import MalformedRow, leaf_of_row
from services.chassis.truth.ledger import Row
from services.chassis.truth.merkle import Frontier

PAGE = 2000
LOOKED_UP = 200
"""Of so many unknown records it is found out whether the store has their event elsewhere."""

_REMEDY = (
    ";若 bizenv audit verify 证实事件库无误,请删除该主题并运行 bizenv relay restart",
    "; if bizenv audit verify finds the store right, delete the topic and run bizenv relay restart",
)

Step = Callable[[int], None]
"""Told after each page up to which position the walk has come."""


def rows_of(connection: Connection) -> Iterator[list[Row]]:
    """All rows of the events table by position, page by page."""
    after = 0
    while True:
        page = select(events).where(events.c.position > after).order_by(events.c.position).limit(PAGE)
        found: list[Any] = list(connection.execute(page).fetchall())
        if not found:
            return
        yield found
        after = found[-1][0]


class Comparison:
    """Walks the store once. `seen` are the topic's positions in order; without a topic there are none, and nothing is
    missing."""

    def __init__(self, info: StoreInfo, findings: FlowFindings, seen: Iterator[Seen] | None, relayed: int) -> None:
        """`relayed`: up to there every event must be on the topic."""
        self.stored = 0
        self.present = 0
        self._info = info
        self._findings = findings
        self._seen = iter(()) if seen is None else seen
        self._has_topic = seen is not None
        self._relayed = relayed if self._has_topic else 0
        self._next: Seen | None = next(self._seen, None)
        self._last: dict[int, int] = {}
        self._expected = 1
        self._lost: list[int] = []
        self._unknowns = 0
        self._connection: Connection | None = None

    def run(self, connection: Connection, step: Step) -> None:
        self._connection = connection
        for page in rows_of(connection):
            for row in page:
                self._row(row)
            step(self.stored)
        self._end_lost()
        while self._next is not None:
            self._unknown(self._next)
            self._next = next(self._seen, None)

    def _row(self, row: Row) -> None:
        position, stream, partition = row[0], row[1], row[3]
        self.stored += 1
        if position != self._expected:
            self._tell_gap(position)
        self._expected = position + 1
        if partition != partition_of(stream, self._info.partitions):
            self._store(f"position {position}", "分区不是其流的分区", "its partition is not its stream's", position)
        previous = self._last.get(partition, 0)
        self._last[partition] = position
        if self._has_topic:
            self._hold(row, previous, self._seen_at(position))

    def _tell_gap(self, position: int) -> None:
        message = f"位置 {self._expected} 至 {position - 1} 没有事件"
        english = f"there are no events at positions {self._expected} to {position - 1}"
        self._store(f"position {self._expected}", message, english, self._expected)

    def _store(self, place: str, message: str, english: str, position: int) -> None:
        self._findings.add(FlowCode.STORE, place, message, english, position=position)

    def _seen_at(self, position: int) -> Seen | None:
        while self._next is not None and self._next.position < position:
            self._unknown(self._next)
            self._next = next(self._seen, None)
        if self._next is None or self._next.position > position:
            return None
        found, self._next = self._next, next(self._seen, None)
        return found

    def _hold(self, row: Row, previous: int, seen: Seen | None) -> None:
        position = row[0]
        if seen is None:
            if position <= self._relayed:
                self._lose(position)
            return
        self.present += 1
        if seen.epoch > self._info.epoch:
            self._unknown(seen)
        elif seen.leaf != _leaf(row) or (seen.partition, seen.previous) != (row[3], previous):
            self._different(seen, "与事件库所存的不同", "is not what the store holds")
        elif seen.differs:
            self._different(seen, "有多条内容不同或被改写的记录", "has records that differ, or were rewritten")

    def _position_of(self, seen: Seen) -> int | None:
        assert self._connection is not None
        stream, version = _stream_of(seen)
        known = select(events.c.position).where(events.c.stream == stream, events.c.version == version)
        return self._connection.execute(known).scalar()

    def _lose(self, position: int) -> None:
        """Told in runs: a topic that was emptied is one finding with its count."""
        if self._lost and position != self._lost[-1] + 1:
            self._end_lost()
        self._lost = [self._lost[0] if self._lost else position, position]

    def _end_lost(self) -> None:
        if not self._lost:
            return
        first, last = self._lost
        self._lost = []
        place = f"position {first}" if first == last else f"positions {first}-{last}"
        count = last - first + 1
        self._findings.add(
            FlowCode.LOST,
            place,
            f"事件库中的 {count} 个事件已转发,主题中却没有",
            f"{count} events of the store were relayed and are not on the topic",
            position=first,
            count=count,
        )

    def _different(self, seen: Seen, message: str, english: str) -> None:
        place = f"position {seen.position} ({seen.id}, partition {seen.partition} offset {seen.first})"
        self._findings.add(
            FlowCode.DIFFERENT,
            place,
            f"主题中的记录{message}{_REMEDY[0]}",
            f"what the topic holds {english}{_REMEDY[1]}",
            position=seen.position,
        )

    def _unknown(self, seen: Seen) -> None:
        """A position that the store has not; the event may stand there at another one."""
        self._unknowns += 1
        at = self._position_of(seen) if self._unknowns <= LOOKED_UP else None
        if at is not None and at != seen.position:
            self._findings.add(
                FlowCode.DOUBLED,
                f"position {seen.position} ({seen.id}, partition {seen.partition} offset {seen.first})",
                f"该事件在事件库中位于 {at},主题中还有一条位于 {seen.position}",
                f"the store has this event at position {at}, the topic has it at {seen.position} as well",
                position=seen.position,
            )
            return
        self._findings.add(
            FlowCode.UNKNOWN_TO_STORE,
            f"position {seen.position} ({seen.id}, partition {seen.partition} offset {seen.first})",
            f"主题中有此事件(第 {seen.epoch} 期),事件库(第 {self._info.epoch} 期)没有:事件库刚从备份恢复,或有他人向主题"
            f"写入;请停止服务后运行 bizenv recover --service {self._info.service},它会列出没有签名树头为证的事件",
            f"the topic has this event of epoch {seen.epoch}, the store (epoch {self._info.epoch}) has not: the store "
            "was put back from a backup, or somebody else wrote it: stop and run bizenv recover --service "
            f"{self._info.service}, which lists the events that no signed head proves",
            position=seen.position,
        )


def _stream_of(seen: Seen) -> tuple[str, int]:
    stream, _, version = seen.id.rpartition("/")
    return stream, int(version)


def _leaf(row: Row) -> bytes | None:
    try:
        return leaf_of_row(row)
    except MalformedRow:
        return None


def check_roots(seen: Iterator[Seen], roots: dict[int, bytes], findings: FlowFindings) -> int:
    """Hold the tree over the topic's events, as far as no position is missing, against signed roots by size; returns
    the largest size that was right."""
    tree, right, last = Frontier(), 0, max(roots, default=0)
    for row in seen:
        if row.position != tree.size + 1 or row.position > last:
            break
        tree.append(row.leaf)
        if (root := roots.get(tree.size)) is None:
            continue
        if tree.root() != root:
            findings.add(
                FlowCode.HEAD_ROOT,
                f"positions {right + 1}-{tree.size}",
                f"主题中的事件与 {tree.size} 条的签名树头不符{_REMEDY[0]}",
                f"the topic's events don't give the root of the signed head of size {tree.size}{_REMEDY[1]}",
                position=right + 1,
            )
            break
        right = tree.size
    return right
