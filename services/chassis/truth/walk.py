"""The walk over all events in the order of their positions: against the log's nodes and the signed roots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection

from services.chassis.envelope import partition_of
from services.chassis.event_store.schema import events, merkle_nodes
from services.chassis.truth.extent import Extent
from services.chassis.truth.findings import Code, Findings
from services.chassis.truth.leaf import MalformedRow, leaf_of_row
from services.chassis.truth.ledger import Row
from services.chassis.truth.merkle import Address
from services.chassis.truth.twin_trees import TwinTrees
from services.chassis.truth.unreadable import EventRows, noting
from services.chassis.truth.walk_report import WalkReport

PAGE = 2048
_LEVELS = 63
_NODES = merkle_nodes.c

Progress = Callable[[int, int], None]


class Walk:
    """One pass over a snapshot. Reports altered, missing and malformed events, altered nodes, roots that fail."""

    def __init__(
        self,
        connection: Connection,
        findings: Findings,
        roots: Iterator[tuple[int, bytes]],
        extent: Extent,
        partitions: int,
    ) -> None:
        self._connection = connection
        self._rows = EventRows(connection)
        self._findings = findings
        self._extent = extent
        self._grow_to = max(extent.leaves, min(extent.signed, extent.events))
        self._partitions = partitions
        self._report = WalkReport(connection, findings)
        self._trees = TwinTrees(roots, extent.leaves, self._report)
        self._gap: int | None = None
        self._found = 0
        self._position = 0

    def run(self, progress: Progress) -> None:
        """`progress` is told how many of how many positions are done, page by page.

        Where positions are left out, as many events stand beyond the count of all: the end moves on to them.
        """
        end, walked, known = max(self._extent.events, self._extent.leaves), 0, 0
        self._trees.check_roots()
        while walked < end:
            last = min(walked + PAGE, end)
            self._page(walked + 1, last)
            walked = last
            if walked == end and self._found > known:
                end, known = end + self._extent.events - self._found, self._found
            progress(walked, end)
        self._end_gap(max(self._extent.leaves, self._extent.signed))
        self._trees.settle(Code.EVENT_ALTERED)
        self._rows.tell(self._findings)
        with noting(self._findings, "events"):
            self._outside(end)
        with noting(self._findings, "merkle_nodes"):
            self._strays()

    def _page(self, first: int, last: int) -> None:
        rows, lost = self._rows.between(first, last)
        self._found += len(rows) + len(lost)
        nodes = self._nodes(first, last)
        for position in range(first, last + 1):
            row = rows.get(position)
            leaf = None if row is None else self._leaf(row)
            self._note_gap(position, row is None and position not in lost)
            if position <= self._grow_to:
                self._trees.grow(position, leaf, nodes)

    def _nodes(self, first: int, last: int) -> dict[Address, Any] | None:
        """The log's nodes that the leaves of these positions complete; None when they can't be read."""
        with noting(self._findings, f"merkle_nodes of positions {first}-{last}"):
            return self._stored(first, last)
        return None

    def _stored(self, first: int, last: int) -> dict[Address, Any]:
        spans = [
            and_(_NODES.level == level, _NODES.index.between((first - 1) >> level, (last >> level) - 1))
            for level in range(last.bit_length())
        ]
        return {
            Address(row[0], row[1]): row[2] for row in self._connection.execute(select(merkle_nodes).where(or_(*spans)))
        }

    def _leaf(self, row: Row) -> bytes | None:
        """The event's leaf hash; None when its row is malformed."""
        position, stream = row[0], row[1]
        try:
            leaf = leaf_of_row(row)
        except MalformedRow as error:
            self._report.event(
                Code.EVENT_MALFORMED,
                position,
                "事件内容无法读取",
                f"the event's row is malformed ({error})",
                str(stream),
            )
            return None
        if row[3] != partition_of(stream, self._partitions):
            self._report.event(
                Code.EVENT_PARTITION, position, "事件的分区不是其流的分区", "the partition is not its stream's", stream
            )
        return leaf

    def _note_gap(self, position: int, missing: bool) -> None:
        self._position = position
        if missing and self._gap is None:
            self._gap = position
        elif not missing and self._gap is not None:
            self._report.gap(self._gap, position - 1)
            self._gap = None

    def _end_gap(self, reach: int) -> None:
        """Positions up to `reach` are vouched for, by leaves or by signed heads."""
        first = self._gap or self._position + 1
        if first <= reach:
            self._report.gap(first, reach)

    def _outside(self, end: int) -> None:
        at = events.c.position
        outside = or_(at < 1, at > end) if self._extent.counted else at < 1
        for position, stream in _pages(self._connection, select(at, events.c.stream).where(outside).order_by(at)):
            self._report.event(
                Code.EVENT_ALTERED,
                position,
                "事件的位置不在次序之内",
                "the event's position is out of order",
                str(stream),
            )

    def _strays(self) -> None:
        """Nodes that no tree of this many leaves has."""
        beyond = [and_(_NODES.level == level, _NODES.index >= self._extent.leaves >> level) for level in range(_LEVELS)]
        stray = or_(_NODES.level < 0, _NODES.level >= _LEVELS, _NODES.index < 0, *beyond)
        for level, number in _pages(
            self._connection, select(_NODES.level, _NODES.index).where(stray).order_by(_NODES.level)
        ):
            self._report.node(Address(level, number), "不属于日志", "does not belong to the log")


def _pages(connection: Connection, query: Any) -> Iterator[Sequence[Any]]:
    yield from connection.execution_options(yield_per=500).execute(query)
