"""The audit of one store: is every event what was recorded, in its place, and vouched for by the published heads?

What it cannot find: facts appended to the store by somebody with its password, before the follower covers them
and with all books in order; and a store, its published files and every copy of them all put back to an older
state. Against the second, others keep published heads and ask for consistency proofs (`proofs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.auth.keys import KeyFileError
from services.chassis.event_store import Alteration, EventStore, StoreInfo
from services.chassis.event_store.schema import merkle_nodes, tree_heads
from services.chassis.event_store.schema import store as store_table
from services.chassis.truth.books import check_books
from services.chassis.truth.extent import Extent, extent
from services.chassis.truth.findings import AuditReport, Code, Findings
from services.chassis.truth.head_book import HeadBook, Moment
from services.chassis.truth.heads import BOUND, Head, Identity
from services.chassis.truth.published import Published, read_public_key
from services.chassis.truth.snapshot import snapshot
from services.chassis.truth.torn import Torn, true_marks
from services.chassis.truth.unreadable import noting
from services.chassis.truth.walk import Walk

Progress = Callable[[str, int, int], None]
"""Told the stage (`heads`, `events`, `books`), how much of it is done, and how much there is (0: unknown)."""


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Tells nobody."""


def verify(store: EventStore, published: Path, key: Ed25519PublicKey, progress: Progress = _silent) -> AuditReport:
    """Audit a store against what was published of it. Reads one moment; commands and the follower may go on.

    `key` is the public key as the auditor knows it (`read_public_key`), not merely as it is published today. Takes
    some 70 µs an event; its memory does not grow with the store. What is wrong is in the report; raises
    SQLAlchemyError or OSError only when store or files cannot be read at all. Parts that are damaged are findings.
    """
    files, findings = Published(published, store.service), Findings(store.service)
    before = Moment.of(files)
    book = HeadBook(files, key, findings)
    try:
        with snapshot(store) as connection:
            check_schema(store.dialect.alterations(connection), findings)
            return _Audit(store.info, connection, files, key, book, findings, progress).run(before)
    finally:
        book.close()


def check_schema(alterations: Sequence[Alteration], findings: Findings) -> None:
    """Report each; no row tells what a trigger put there has done."""
    for each in alterations:
        findings.add(Code.SCHEMA_ALTERED, f"{each.kind} {each.name}", each.message, each.english)


class _Audit:
    """The parts of one audit, in their order."""

    def __init__(
        self,
        info: StoreInfo,
        connection: Connection,
        files: Published,
        key: Ed25519PublicKey,
        book: HeadBook,
        findings: Findings,
        progress: Progress,
    ) -> None:
        self._info = info
        self._connection = connection
        self._files = files
        self._key = key
        self._book = book
        self._findings = findings
        self._progress = progress
        self._torn: dict[str, Torn] = {}

    def run(self, before: Moment) -> AuditReport:
        heads = self._take_heads(before)
        newest = self._book.newest()
        with noting(self._findings, "store"):
            self._check_info(newest)
        self._check_key()
        reach = extent(self._connection, self._findings, *self._book.sizes())
        with noting(self._findings, "merkle_nodes"):
            self._check_any_head(reach)
        self._walk(reach)
        self._progress("books", 0, 0)
        check_books(self._connection, self._findings)
        return self._report(newest, reach, heads)

    def _take_heads(self, before: Moment) -> int:
        """Take up all heads; returns how many rows the store has, or how many of them can be read."""
        self._progress("heads", 0, 0)
        self._book.take_published(before)
        rows = select(tree_heads).order_by(tree_heads.c.epoch, tree_heads.c.size)
        count, complete = 0, False
        with noting(self._findings, "tree_heads"):
            for row in self._connection.execution_options(yield_per=500).execute(rows).mappings():
                count += 1
                self._book.take_stored(row, Identity.of(self._info))
            complete = True
        self._book.compare(complete)
        self._progress("heads", count, count)
        return count

    def _check_info(self, newest: Head | None) -> None:
        """The store's own table says what its heads say."""
        said = {str(key): value for key, value in self._connection.execute(select(store_table))}
        due: Mapping[str, Any] = dict.fromkeys(StoreInfo.__struct_fields__)
        if newest is not None:
            due = {name: getattr(newest, name) for name in (*BOUND, "epoch")}
        self._torn = true_marks(self._connection, said)
        for name in sorted({*said, *due} - {*self._torn}):
            self._check_entry(name, said.get(name), due)

    def _check_entry(self, name: str, said: Any, due: Mapping[str, Any]) -> None:
        expected, code = due.get(name), Code.STORE_INFO
        if name in due and said is not None and (expected is None or str(said) == str(expected)):
            return
        if name == "epoch" and expected is not None and str(said).isdecimal():
            code = Code.EPOCH_MOVED_BACK if int(str(said)) < expected else Code.EPOCH_NOT_SIGNED
        self._findings.add(
            code,
            f"store {name}",
            f"存储记为 {said},签名树头为 {expected}",
            f"the store says {said}, its signed heads {expected}",
        )

    def _check_key(self) -> None:
        try:
            right = read_public_key(self._files.key_file).public_bytes_raw() == self._key.public_bytes_raw()
        except KeyFileError:
            right = False
        except FileNotFoundError:
            right = not self._book.any()
        if not right:
            place = self._files.key_file.name
            self._findings.add(
                Code.PUBLISHED_KEY, place, "公布的公钥不是给定的公钥", "the published key is not the one given"
            )

    def _check_any_head(self, reach: Extent) -> None:
        """Leaves or events without any head: whatever vouched for them is gone."""
        nodes = self._connection.execute(select(merkle_nodes.c.level).limit(1)).first()
        if (reach.events or nodes is not None) and not self._book.any():
            self._findings.add(
                Code.NO_HEADS,
                self._files.heads_file.name,
                f"有 {reach.events} 个事件,却没有任何签名树头",
                f"there are {reach.events} events, but no signed head at all",
            )

    def _walk(self, reach: Extent) -> None:
        partitions = self._info.partitions if self._book.identity is None else self._book.identity.partitions
        with closing(self._book.roots()) as roots:
            walk = Walk(self._connection, self._findings, roots, reach, partitions)
            walk.run(lambda done, total: self._progress("events", done, total))

    def _report(self, newest: Head | None, reach: Extent, heads: int) -> AuditReport:
        covered = 0 if newest is None else newest.size
        return AuditReport(
            service=self._info.service,
            store_id=self._info.store_id,
            epoch=self._info.epoch,
            events=reach.events,
            leaves=reach.leaves,
            heads=heads,
            published=self._book.lines,
            covered=covered,
            not_yet_covered=max(0, reach.events - covered),
            signed_at=None if newest is None else newest.signed_at,
            restores=self._book.restores(),
            torn=tuple(self._torn.values()),
            counts=self._findings.counts,
            findings=self._findings.listed,
        )
