"""All heads of one store, from its table and from the published file, each checked alone and then side by side."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from itertools import pairwise
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import RowMapping

from services.chassis.truth.findings import Code, Findings, Restore
from services.chassis.truth.heads import FIRST_PREVIOUS, Head, Identity, key_id, parse_line
from services.chassis.truth.ledger import head_of
from services.chassis.truth.published import Line, Published

_TABLES = """
CREATE TABLE good (source TEXT, epoch INT, size INT, root BLOB, line BLOB, fresh INT, PRIMARY KEY (epoch, size, source));
CREATE TABLE stored_rows (epoch, size, PRIMARY KEY (epoch, size));
CREATE TABLE openings (epoch INTEGER PRIMARY KEY, size INT);
"""  # noqa: E501
_FORGET_FRESH = """
DELETE FROM good AS h WHERE (h.source = 'announced later' OR h.source = 'published' AND h.fresh)
AND NOT EXISTS (SELECT 1 FROM good s WHERE s.epoch = h.epoch AND s.size = h.size AND s.source = 'stored')
"""
_OPENINGS = "INSERT INTO openings SELECT epoch, min(size) FROM good GROUP BY epoch"
_BINDS = "NOT EXISTS (SELECT 1 FROM openings o WHERE o.epoch > h.epoch AND o.size < h.size)"
"""No later epoch began with fewer events; where one did, a restore gave up what this head covered."""

_ONLY_PUBLISHED = f"""
SELECT epoch, size FROM good h WHERE source = 'published' AND {_BINDS}
AND NOT EXISTS (SELECT 1 FROM stored_rows s WHERE s.epoch = h.epoch AND s.size = h.size)
AND NOT EXISTS (SELECT 1 FROM good a WHERE a.epoch = h.epoch AND a.size = h.size AND a.source LIKE 'announced%')
ORDER BY epoch, size
"""
_ONLY_STORED = """
SELECT epoch, size FROM good h WHERE source = 'stored'
AND NOT EXISTS (SELECT 1 FROM good p WHERE p.epoch = h.epoch AND p.size = h.size AND p.source <> 'stored')
ORDER BY epoch, size
"""
_DIFFERENT = """
SELECT DISTINCT h.epoch, h.size FROM good h JOIN good p ON p.epoch = h.epoch AND p.size = h.size
WHERE h.source = 'stored' AND p.source <> 'stored' AND p.line <> h.line ORDER BY 1, 2
"""


class Moment(NamedTuple):
    """The published files as they were before the store was read: bytes of the heads file, the pending line."""

    size: int
    announced: bytes | None

    @classmethod
    def of(cls, published: Published) -> Moment:
        """Taken before the store's snapshot: what is here by now must be in the snapshot, or announced."""
        size = published.size()
        return cls(size, published.pending_line())


class HeadBook:
    """Collects the heads that are well signed, on disk beyond a few megabytes, and answers what follows from them."""

    def __init__(self, published: Published, key: Ed25519PublicKey, findings: Findings) -> None:
        self.identity: Identity | None = None
        """The store that the heads speak of; None without a good published head."""
        self.lines = 0
        self._published = published
        self._key, self._key_id = key, key_id(key)
        self._findings = findings
        self._book = sqlite3.connect("", isolation_level=None)
        self._book.executescript(_TABLES)

    def close(self) -> None:
        self._book.close()

    def take_published(self, before: Moment) -> None:
        """Check each published line, and what is announced; `before` was taken before the store was read."""
        announced = self._published.pending_line()
        previous: bytes | None = FIRST_PREVIOUS
        for line in self._published.lines(max(before.size, self._published.size())):
            self.lines += 1
            fresh = line.offset >= before.size
            if not line.raw.endswith(b"\n") and (fresh or _begins(line.raw, before.announced, announced)):
                continue
            head = self._good_line(line)
            if head is not None and previous is not None and bytes.fromhex(head.previous) != previous:
                self._tell_chain(line.number)
            previous = None if head is None else head.digest
            if head is not None:
                self._take("published", head, fresh)
        self._take_announced("announced before", before.announced)
        self._take_announced("announced later", announced)

    def _take_announced(self, source: str, raw: bytes | None) -> None:
        head = parse_line(raw) if raw is not None else None
        if head is not None and head.is_signed_by(self._key) and self._same_store(head):
            self._take(source, head)
        elif raw is not None:
            self._tell_published(self._published.pending_file.name)

    def _good_line(self, line: Line) -> Head | None:
        place = f"{self._published.heads_file.name}:{line.number}"
        head = parse_line(line.raw)
        if head is not None and head.key_id != self._key_id:
            self._tell_key(place, head.key_id)
            return None
        if head is None or not head.is_signed_by(self._key) or not self._same_store(head):
            self._tell_published(place)
            return None
        return head

    def _same_store(self, head: Head) -> bool:
        """Whether the head speaks of the store that the first good one spoke of."""
        if self.identity is None:
            self.identity = head.identity
        return head.identity == self.identity

    def take_stored(self, row: RowMapping, identity: Identity) -> None:
        """Check a row of tree_heads; `identity` is what the store says where no published head says it."""
        self._book.execute("INSERT OR IGNORE INTO stored_rows VALUES (?, ?)", (row["epoch"], row["size"]))
        place = f"tree_heads {row['epoch']}/{row['size']}"
        head = head_of(row, self.identity or identity)
        if row["key_id"] != self._key_id:
            self._tell_key(place, str(row["key_id"]))
        elif head is None or not head.is_signed_by(self._key):
            self._findings.add(
                Code.HEAD_ALTERED, place, "存储中的树头被改动或伪造", "the head in the store was altered or forged"
            )
        else:
            self._take("stored", head)

    def _take(self, source: str, head: Head, fresh: bool = False) -> None:
        values = (source, head.epoch, head.size, bytes.fromhex(head.root), head.line(), fresh)
        self._book.execute("INSERT OR IGNORE INTO good VALUES (?, ?, ?, ?, ?, ?)", values)

    def compare(self, complete: bool = True) -> None:
        """Report where store and published file do not have the same heads, once all were taken up; `complete`: of the
        store's none could not be read."""
        self._book.execute(_FORGET_FRESH)
        self._book.execute(_OPENINGS)
        for epoch, size in self._book.execute(_DIFFERENT):
            place = f"tree_heads {epoch}/{size}"
            self._findings.add(
                Code.HEAD_ALTERED, place, "存储中的树头与已公布的不同", "the head in the store is not the published one"
            )
        for epoch, size in self._book.execute(_ONLY_PUBLISHED) if complete else ():
            place = f"tree_heads {epoch}/{size}"
            self._findings.add(
                Code.HEAD_MISSING, place, "已公布的树头不在存储中", "a published head is not in the store"
            )
        for epoch, size in self._book.execute(_ONLY_STORED):
            place = f"{self._published.heads_file.name} {epoch}/{size}"
            self._findings.add(
                Code.PUBLISHED_MISSING,
                place,
                f"存储中 {size} 条的树头(纪元 {epoch})不在公布文件中",
                f"the store's head of size {size} (epoch {epoch}) is not in the published file",
            )

    def roots(self) -> Generator[tuple[int, bytes], None, None]:
        """Size and root of every head that binds, smallest first. To be closed before the book is."""
        yield from self._book.execute(f"SELECT DISTINCT size, root FROM good h WHERE {_BINDS} ORDER BY 1, 2")

    def sizes(self) -> tuple[int, int]:
        """The largest sizes that bind: of a head in the store (its nodes must all be there), and of any head."""
        return self._largest("source = 'stored'"), self._largest("true")

    def _largest(self, where: str) -> int:
        return int(self._one(f"SELECT coalesce(max(size), 0) FROM good h WHERE {where} AND {_BINDS}"))

    def newest(self) -> Head | None:
        """The newest head that binds."""
        line = self._one("SELECT line FROM good ORDER BY epoch DESC, size DESC LIMIT 1")
        return None if line is None else parse_line(line)

    def any(self) -> bool:
        """Whether there is any head at all, good or not."""
        return bool(self.lines or self._one("SELECT 1 FROM stored_rows") or self._one("SELECT 1 FROM good"))

    def restores(self) -> tuple[Restore, ...]:
        """The restores that heads record, oldest first."""
        spans = self._book.execute(
            "SELECT epoch, min(size), max(size) FROM good GROUP BY epoch ORDER BY epoch"
        ).fetchall()
        return tuple(
            Restore(epoch, kept, max(0, reached - kept)) for (_, _, reached), (epoch, kept, _) in pairwise(spans)
        )

    def _one(self, query: str) -> Any:
        row = self._book.execute(query).fetchone()
        return None if row is None else row[0]

    def _tell_published(self, place: str) -> None:
        self._findings.add(
            Code.PUBLISHED_ALTERED, place, "公布的树头被改动或伪造", "the published head was altered or forged"
        )

    def _tell_chain(self, number: int) -> None:
        place = f"{self._published.heads_file.name}:{number}"
        self._findings.add(
            Code.PUBLISHED_CHAIN,
            place,
            "该树头与上一行不相接:有行被删除、插入或移动",
            "this head does not follow the line before it: lines were removed, inserted or moved",
        )

    def _tell_key(self, place: str, found: str) -> None:
        self._findings.add(
            Code.HEAD_UNKNOWN_KEY,
            place,
            f"树头的密钥 {found} 不是给定的密钥",
            f"the head's key {found} is not the one given",
        )


def _begins(torn: bytes, *lines: bytes | None) -> bool:
    """Whether this is what a crash left of an announced line."""
    return any(line is not None and line.startswith(torn) for line in lines)
