"""The walk over all events in the order of their positions: against the log's nodes and the signed roots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection

from services.chassis.envelope import partition_of
from services.chassis.event_store.schema import events, merkle_nodes
from services.chassis.truth.extent import Extent
from services.chassis.truth.findings import LISTED, Code, Findings
from services.chassis.truth.leaf import MalformedRow, leaf_of_row
from services.chassis.truth.ledger import Row
from services.chassis.truth.merkle import HASH_BYTES, Address, Frontier
from services.chassis.truth.unreadable import EventRows, noting

PAGE = 2048
_LEVELS = 63
_NODES = merkle_nodes.c

Progress = Callable[[int, int], None]


class Walk:
    """One pass over a snapshot. Reports altered, missing and malformed events, altered nodes, roots that fail.

    Two trees grow side by side: one of the events as they are, one of the leaves as the log holds them. At
    each signed head the one that gives its root is the true one, which tells what was altered: event or log.
    """

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
        self._roots = roots
        self._next = next(roots, None)
        self._extent = extent
        self._grow_to = max(extent.leaves, min(extent.signed, extent.events))
        self._partitions = partitions
        self._tree = Frontier()
        self._log: Frontier | None = None
        """The tree of the log's own leaves; None while they are the events'."""
        self._agreed = 0
        self._lost = False
        """Nothing gives the true tree any more: roots are not checked from here on."""
        self._differing: list[int] = []
        self._more_differing = 0
        self._gap: int | None = None
        self._found = 0
        self._position = 0

    def run(self, progress: Progress) -> None:
        """`progress` is told how many of how many positions are done, page by page.

        Where positions are left out, as many events stand beyond the count of all: the end moves on to them.
        """
        end, walked, known = max(self._extent.events, self._extent.leaves), 0, 0
        self._check_roots()
        while walked < end:
            last = min(walked + PAGE, end)
            self._page(walked + 1, last)
            walked = last
            if walked == end and self._found > known:
                end, known = end + self._extent.events - self._found, self._found
            progress(walked, end)
        self._end_gap(max(self._extent.leaves, self._extent.signed))
        self._settle(Code.EVENT_ALTERED)
        self._rows.tell(self._findings)
        with noting(self._findings, "events"):
            self._outside(end)
        with noting(self._findings, "merkle_nodes"):
            self._strays()

    # --- a page of positions ------------------------------------------------------------------------------------

    def _page(self, first: int, last: int) -> None:
        rows, lost = self._rows.between(first, last)
        self._found += len(rows) + len(lost)
        nodes = self._nodes(first, last)
        for position in range(first, last + 1):
            row = rows.get(position)
            leaf = None if row is None else self._leaf(row)
            self._note_gap(position, row is None and position not in lost)
            if position <= self._grow_to:
                self._grow(position, leaf, nodes)

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
            self._tell(
                Code.EVENT_MALFORMED,
                position,
                "事件内容无法读取",
                f"the event's row is malformed ({error})",
                str(stream),
            )
            return None
        if row[3] != partition_of(stream, self._partitions):
            self._tell(
                Code.EVENT_PARTITION, position, "事件的分区不是其流的分区", "the partition is not its stream's", stream
            )
        return leaf

    # --- the trees ----------------------------------------------------------------------------------------------

    def _grow(self, position: int, leaf: bytes | None, nodes: dict[Address, Any] | None) -> None:
        kept = None if nodes is None else nodes.get(Address(0, position - 1))
        held = kept if isinstance(kept, bytes) else None
        own = leaf or held or bytes(HASH_BYTES)
        self._lost |= leaf is None and held is None
        if held is not None and held != own:
            self._differ(position)
        completed = self._tree.append(own)
        beside = self._log.append(held or own) if self._log is not None else completed
        if position <= self._extent.leaves and nodes is not None:
            for (address, right), (_, also) in zip(completed, beside, strict=True):
                self._check_node(address, nodes.get(address), right, also)
        self._check_roots()

    def _differ(self, position: int) -> None:
        """The log holds another leaf: from here on its tree grows apart."""
        if self._log is None:
            self._log = self._tree.copy()
        if len(self._differing) < LISTED:
            self._differing.append(position)
        else:
            self._more_differing += 1

    def _check_node(self, address: Address, stored: Any, right: bytes, also: bytes) -> None:
        if stored is None:
            self._tell_node(address, "缺失", "is missing")
        elif stored not in (right, also):
            self._tell_node(address, "被改动", "was altered")

    def _check_roots(self) -> None:
        while self._next is not None and self._next[0] == self._tree.size:
            size, root = self._next
            self._next = next(self._roots, None)
            if not self._lost:
                self._judge(size, root)

    def _judge(self, size: int, root: bytes) -> None:
        """The tree that gives the signed root is the true one; both go on from it."""
        log = self._log or self._tree
        if log.root() == root:
            self._settle(Code.EVENT_ALTERED)
            self._tree, self._log = log, None
        elif self._tree.root() == root:
            self._settle(Code.MERKLE_NODE)
            self._log = None
        else:
            self._lost = True
            self._settle(Code.EVENT_ALTERED)
            self._tell_root(size)
        self._agreed = size

    def _settle(self, code: Code) -> None:
        """Report the positions at which event and leaf differ, by what turned out to be altered."""
        for position in self._differing:
            if code is Code.EVENT_ALTERED:
                self._tell(code, position, "事件与日志所记不符", "the event is not the one that the log recorded")
            else:
                self._tell_node(Address(0, position - 1), "被改动", "was altered")
        if self._more_differing:
            self._findings.count(code, self._more_differing)
        self._differing, self._more_differing = [], 0

    # --- what is missing, and what should not be there -------------------------------------------------------------

    def _note_gap(self, position: int, missing: bool) -> None:
        self._position = position
        if missing and self._gap is None:
            self._gap = position
        elif not missing and self._gap is not None:
            self._tell_gap(self._gap, position - 1)
            self._gap = None

    def _end_gap(self, reach: int) -> None:
        """Positions up to `reach` are vouched for, by leaves or by signed heads."""
        first = self._gap or self._position + 1
        if first <= reach:
            self._tell_gap(first, reach)

    def _outside(self, end: int) -> None:
        at = events.c.position
        outside = or_(at < 1, at > end) if self._extent.counted else at < 1
        for position, stream in _pages(self._connection, select(at, events.c.stream).where(outside).order_by(at)):
            self._tell(
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
            self._tell_node(Address(level, number), "不属于日志", "does not belong to the log")

    # --- telling ------------------------------------------------------------------------------------------------

    def _tell(self, code: Code, position: int, message: str, english: str, stream: str | None = None) -> None:
        if stream is None:
            stream = self._connection.execute(select(events.c.stream).where(events.c.position == position)).scalar()
        self._findings.add(code, f"position {position}", message, english, position=position, stream=stream)

    def _tell_node(self, address: Address, message: str, english: str) -> None:
        place = f"merkle_nodes {address.level}/{address.number}"
        self._findings.add(Code.MERKLE_NODE, place, f"日志节点{message}", f"the log's node {english}")

    def _tell_gap(self, first: int, last: int) -> None:
        self._findings.add(
            Code.EVENT_MISSING,
            f"position {first}" if first == last else f"positions {first}-{last}",
            f"缺少 {last - first + 1} 个事件",
            f"{last - first + 1} events are missing",
            position=first,
        )

    def _tell_root(self, size: int) -> None:
        self._findings.add(
            Code.HEAD_ROOT,
            f"positions {self._agreed + 1}-{size}",
            f"事件和日志都与 {size} 条的签名树头不符,其后无法再核对",
            f"neither events nor log give the signed root of size {size}; what follows cannot be told apart",
            position=self._agreed + 1,
        )


def _pages(connection: Connection, query: Any) -> Iterator[Sequence[Any]]:
    yield from connection.execution_options(yield_per=500).execute(query)
