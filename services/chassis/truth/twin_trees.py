"""Two trees over the same positions, held against the signed roots: of the events as they are, and of the log's own
leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.chassis.truth.findings import LISTED, Code
from services.chassis.truth.merkle import HASH_BYTES, Address, Frontier
from services.chassis.truth.walk_report import WalkReport


class TwinTrees:
    """Grows both position by position. At each signed head the one that gives its root is the true one, which tells
    what was altered: event or log. `leaves` is how many leaves the log holds."""

    def __init__(self, roots: Iterator[tuple[int, bytes]], leaves: int, report: WalkReport) -> None:
        self._roots = roots
        self._next = next(roots, None)
        self._leaves = leaves
        self._report = report
        self._tree = Frontier()
        self._log: Frontier | None = None
        """The tree of the log's own leaves; None while they are the events'."""
        self._agreed = 0
        self._lost = False
        """Nothing gives the true tree any more: roots are not checked from here on."""
        self._differing: list[int] = []
        self._more_differing = 0

    def grow(self, position: int, leaf: bytes | None, nodes: Mapping[Address, Any] | None) -> None:
        """Take up the next position: its event's leaf (None: there is none that can be read) and the log's nodes (None:
        unreadable) as far as this leaf completes them."""
        kept = None if nodes is None else nodes.get(Address(0, position - 1))
        held = kept if isinstance(kept, bytes) else None
        own = leaf or held or bytes(HASH_BYTES)
        self._lost |= leaf is None and held is None
        if held is not None and held != own:
            self._differ(position)
        completed = self._tree.append(own)
        beside = self._log.append(held or own) if self._log is not None else completed
        if position <= self._leaves and nodes is not None:
            for (address, right), (_, also) in zip(completed, beside, strict=True):
                self._check_node(address, nodes.get(address), right, also)
        self.check_roots()

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
            self._report.node(address, "缺失", "is missing")
        elif stored not in (right, also):
            self._report.node(address, "被改动", "was altered")

    def check_roots(self) -> None:
        """Hold the trees against the signed roots of their present size."""
        while self._next is not None and self._next[0] == self._tree.size:
            size, root = self._next
            self._next = next(self._roots, None)
            if not self._lost:
                self._judge(size, root)

    def _judge(self, size: int, root: bytes) -> None:
        """The tree that gives the signed root is the true one; both go on from it."""
        log = self._log or self._tree
        if log.root() == root:
            self.settle(Code.EVENT_ALTERED)
            self._tree, self._log = log, None
        elif self._tree.root() == root:
            self.settle(Code.MERKLE_NODE)
            self._log = None
        else:
            self._lost = True
            self.settle(Code.EVENT_ALTERED)
            self._report.root(self._agreed, size)
        self._agreed = size

    def settle(self, code: Code) -> None:
        """Report the positions at which event and leaf differ, by what turned out to be altered."""
        for position in self._differing:
            if code is Code.EVENT_ALTERED:
                self._report.event(
                    code, position, "事件与日志所记不符", "the event is not the one that the log recorded"
                )
            else:
                self._report.node(Address(0, position - 1), "被改动", "was altered")
        if self._more_differing:
            self._report.more(code, self._more_differing)
        self._differing, self._more_differing = [], 0
