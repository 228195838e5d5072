"""The audit of a topic without its store: is every event that the signed heads vouch for there, and as it was recorded?

It needs the topic of events, the topic of heads and the store's public key, which the auditor keeps. A head is on its
topic only once all its events are on theirs, so whatever one covers and is not there was removed. What differs between
two heads is told apart no further: the tree's nodes are in the store, and `audit verify` there names the very event.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.envelope import partition_of
from services.chassis.flow.topic_heads import write_heads
from services.chassis.flow.topic_index import Seen, TopicIndex
from services.chassis.flow.topics import Topics, read_topic
from services.chassis.kafka.records import Own
from services.chassis.truth.findings import AuditReport, Code, Findings
from services.chassis.truth.head_book import HeadBook, Moment
from services.chassis.truth.heads import Head
from services.chassis.truth.merkle import Frontier
from services.chassis.truth.published import Published

Progress = Callable[[str, int, int], None]
"""Told the stage (`heads`, `events`), how much of it is done, and how much there is."""


def verify_topic(topics: Topics, service: str, key: Ed25519PublicKey, progress: Progress) -> AuditReport:
    """Audit the service's topic against its topic of heads. Relay and commands may go on meanwhile.

    What is wrong is in the report; raises Unavailable when the topics can't be read.
    """
    findings = Findings(service)
    with tempfile.TemporaryDirectory(prefix="bizenv-audit-") as folder:
        files = Published(Path(folder), service)
        count = write_heads(topics, service, files)
        progress("heads", count, count)
        with closing(HeadBook(files, key, findings)) as book:
            book.take_published(Moment.of(files))
            book.compare(complete=False)
            step: Callable[[int, int], None] = lambda done, total: progress("events", done, total)  # noqa: E731
            with closing(read_topic(topics, _own(service, book), step)) as index:
                return _Verification(service, book, index, findings).run()


def _own(service: str, book: HeadBook) -> Own:
    """What is an event of the store that signed the heads. What is of an epoch of which none was signed yet is left
    out, as events are that none covers: it says nothing of those that one does."""
    identity, newest = book.identity, book.newest()
    if identity is None:
        return Own(service, None)
    return Own(service, identity.store_id, identity.partitions, None if newest is None else newest.epoch)


class _Verification:
    """One walk over the topic's positions, along the signed roots."""

    def __init__(self, service: str, book: HeadBook, index: TopicIndex, findings: Findings) -> None:
        self._service = service
        self._book = book
        self._index = index
        self._findings = findings
        self._newest = book.newest()
        _, self._covered = book.sizes()
        self._tree: Frontier | None = Frontier()
        self._agreed = 0
        self._events = 0

    def run(self) -> AuditReport:
        with closing(self._book.roots()) as roots:
            self._walk(roots)
        for row in self._index.out_of_order(self._covered):
            self._tell(Code.EVENT_OUT_OF_ORDER, row, "排在应在其后的事件之后", "stands behind one that must follow it")
        if self._findings.counts or not self._book.any():
            self._tell_strays()
        if self._events and not self._book.any():
            english = f"there are {self._events} events, but no signed head at all"
            self._findings.add(Code.NO_HEADS, "heads", f"有 {self._events} 个事件,却没有任何签名树头", english)
        return self._report(self._newest)

    def _walk(self, roots: Iterator[tuple[int, bytes]]) -> None:
        due, position = next(roots, None), 0
        while due is not None and due[0] == 0:
            due = self._judge(due, roots)
        for row in self._index.rows():
            self._events += 1
            self._tell_gap(position + 1, row.position - 1)
            position = row.position
            self._check(row)
            if self._tree is not None:
                self._tree.append(row.leaf)
            while due is not None and due[0] <= position:
                due = self._judge(due, roots)
        self._tell_gap(position + 1, self._covered)

    def _tell_gap(self, first: int, last: int) -> None:
        """Beyond what is signed an event may still be on its way."""
        last = min(last, self._covered)
        if first <= last:
            self._tree = None
            place = f"position {first}" if first == last else f"positions {first}-{last}"
            count = last - first + 1
            self._findings.add(
                Code.EVENT_MISSING, place, f"主题中缺少 {count} 个事件", f"{count} events are missing", position=first
            )

    def _check(self, row: Seen) -> None:
        identity = self._book.identity
        stream = row.id.rpartition("/")[0]
        if row.differs:
            self._tell(
                Code.EVENT_ALTERED, row, "有多条内容不同或被改写的记录", "has records that differ, or were rewritten"
            )
        if identity is not None and row.partition != partition_of(stream, identity.partitions):
            self._tell(Code.EVENT_PARTITION, row, "不在其流的分区", "is not on its stream's partition")

    def _judge(self, due: tuple[int, bytes], roots: Iterator[tuple[int, bytes]]) -> tuple[int, bytes] | None:
        """Hold the tree against a root of its present size; after the first that fails none can be told any more."""
        size, root = due
        if self._tree is not None and self._tree.size == size:
            if self._tree.root() != root:
                self._tree = None
                self._findings.add(
                    Code.HEAD_ROOT,
                    f"positions {self._agreed + 1}-{size}",
                    f"主题中的事件与 {size} 条的签名树头不符,其后无法再核对",
                    f"the topic's events don't give the signed root of size {size}; what follows cannot be told apart",
                    position=self._agreed + 1,
                )
            else:
                self._agreed = size
        return next(roots, None)

    def _tell(self, code: Code, row: Seen, message: str, english: str) -> None:
        place = f"position {row.position} (partition {row.partition} offset {row.first})"
        self._findings.add(code, place, message, english, position=row.position, stream=row.id.rpartition("/")[0])

    def _tell_strays(self) -> None:
        for stray in self._index.listed_strays:
            place = f"partition {stray.partition} offset {stray.offset}"
            self._findings.add(Code.EVENT_MALFORMED, place, "不是本平台的事件", f"no event of ours: {stray.reason}")

    def _report(self, newest: Head | None) -> AuditReport:
        covered = 0 if newest is None else newest.size
        return AuditReport(
            service=self._service,
            store_id="" if newest is None else newest.store_id,
            epoch=self._index.newest_epoch,
            events=self._events,
            leaves=self._events,
            heads=self._book.lines,
            published=self._book.lines,
            covered=covered,
            not_yet_covered=max(0, self._events - covered),
            signed_at=None if newest is None else newest.signed_at,
            restores=self._book.restores(),
            counts=self._findings.counts,
            findings=self._findings.listed,
        )
