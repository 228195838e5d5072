"""Every position that a topic holds, kept in a temporary file: what readers take of it, in which order, how often.

Reading follows the rule of our consumers: a record is taken where the position named before it is the last one taken
of its partition; older ones are repeats; one before its time (sent while the one before it was not) must come again. A
record of a newer epoch whose previous position lies below gives up what former epochs had behind it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from services.chassis.bus.port import Delivery
from services.chassis.envelope import Envelope
from services.chassis.feed.cloudevents import to_binary
from services.chassis.kafka.records import KeyedRecord, OtherCity, Own, delivery_of
from services.chassis.registry import MalformedEvent
from services.chassis.truth.leaf import entry
from services.chassis.truth.merkle import leaf_hash

_FLUSH = 4000
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Envelope).decode
_TABLES = """
CREATE TABLE seen (position INTEGER, epoch INTEGER, partition INTEGER, previous INTEGER, id TEXT, leaf BLOB,
  first INTEGER, last INTEGER, taken INTEGER, times INTEGER, differs INTEGER, PRIMARY KEY (position, epoch))
  WITHOUT ROWID;
CREATE TABLE kept (position INTEGER, epoch INTEGER, envelope BLOB, PRIMARY KEY (position, epoch)) WITHOUT ROWID;
"""
_SEE = """
INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (position, epoch) DO UPDATE SET
  last = excluded.last, times = times + 1, taken = CASE WHEN taken < 0 THEN excluded.taken ELSE taken END,
  differs = differs OR excluded.differs OR leaf <> excluded.leaf OR partition <> excluded.partition
    OR previous <> excluded.previous
"""
_KEEP = "INSERT OR IGNORE INTO kept VALUES (?, ?, ?)"
_KEPT = "SELECT envelope FROM kept JOIN seen USING (position, epoch) WHERE position {} ? ORDER BY position {}"
_BETWEEN = """
SELECT envelope FROM kept JOIN seen USING (position, epoch)
WHERE position > ? AND position <= ? ORDER BY position LIMIT ?
"""
_BEGINNINGS = "SELECT epoch, min(position) FROM seen WHERE taken >= 0 GROUP BY epoch ORDER BY epoch"
_AGAIN = """
SELECT coalesce(sum(times), 0) FROM seen a WHERE EXISTS (
  SELECT 1 FROM seen b WHERE b.position = a.position AND b.epoch > a.epoch AND b.leaf = a.leaf)
"""
_OUTDATED = "EXISTS (SELECT 1 FROM seen b WHERE b.position = seen.position AND b.epoch > seen.epoch)"
_COLUMNS = "position, epoch, partition, previous, id, leaf, first, last, taken, differs"


class Seen(NamedTuple):
    """What the topic holds at one position. `first`, `last` and `taken` are offsets: of its first and last record, and
    of the one that a reader takes (-1: none). `differs`: not all its records are alike, or as the relay writes them."""

    position: int
    epoch: int
    partition: int
    previous: int
    id: str
    leaf: bytes
    first: int
    last: int
    taken: int
    differs: int


class Stray(NamedTuple):
    """A record that is no event of this topic."""

    partition: int
    offset: int
    reason: str


class TopicIndex:
    """Filled by `take`, then `close_books`, then asked. Its memory does not grow with the topic."""

    def __init__(self, own: Own, keep_after: int | None = None) -> None:
        """`own`: what is an event of ours. `keep_after`: keep the events of later positions whole, for `kept`."""
        self.records = 0
        self.early = 0
        self.repeats = 0
        self.given_up = 0
        """Records of former epochs that a later one gave up."""
        self.strays = 0
        self.others = 0
        """How many of these are events of another city."""
        self.listed_strays: list[Stray] = []
        self._own = own
        self._reached: dict[int, tuple[int, int]] = {}
        self._keep_after = keep_after
        self._rows: list[tuple[object, ...]] = []
        self._whole: list[tuple[int, int, bytes]] = []
        self._book = sqlite3.connect("", isolation_level=None)  # in memory at first, then in a file that nobody sees
        self._book.execute("PRAGMA cache_size = -20000")
        self._book.executescript(_TABLES)

    def close(self) -> None:
        self._book.close()

    def take(self, partition: int, records: Sequence[KeyedRecord]) -> None:
        """Take up records of a partition, in the order of their offsets."""
        for record in records:
            self.records += 1
            try:
                delivery = delivery_of(record, self._own)
            except MalformedEvent as error:
                self.others += isinstance(error, OtherCity)
                self._stray(Stray(partition, record.offset, str(error)))
            else:
                self._see(delivery, record)
        if len(self._rows) >= _FLUSH:
            self._flush()

    def _stray(self, stray: Stray) -> None:
        self.strays += 1
        if len(self.listed_strays) < 20:
            self.listed_strays.append(stray)

    def _see(self, delivery: Delivery, record: KeyedRecord) -> None:
        envelope = delivery.envelope
        taken = record.offset if self._is_next(delivery) else -1
        if self._keep_after is not None and envelope.position > self._keep_after:
            self._whole.append((envelope.position, envelope.epoch, _pack(envelope)))
        self._rows.append(
            (
                *(envelope.position, envelope.epoch, envelope.partition, delivery.previous, envelope.id),
                *(leaf_hash(entry(envelope)), record.offset, record.offset, taken),
                not _as_written(delivery, record),
            )
        )

    def _is_next(self, delivery: Delivery) -> bool:
        envelope = delivery.envelope
        epoch, at = self._reached.get(envelope.partition, (0, 0))
        if envelope.epoch > epoch and delivery.previous < at:
            at = delivery.previous
        if envelope.epoch < epoch or envelope.position <= at:
            return False
        if delivery.previous != at:
            self.early += 1
            return False
        self._reached[envelope.partition] = (envelope.epoch, envelope.position)
        return True

    def _flush(self) -> None:
        self._book.execute("BEGIN")
        self._book.executemany(_SEE, self._rows)
        self._book.executemany(_KEEP, self._whole)
        self._book.execute("COMMIT")
        self._rows.clear()
        self._whole.clear()

    def close_books(self, begun: Mapping[int, int]) -> None:
        """All was taken up: leave out what former epochs had and later ones gave up. `begun`: first positions of epochs
        of which the topic need not have an event yet."""
        self._flush()
        total = self._one("SELECT coalesce(sum(times - 1), 0) FROM seen")
        again = self._one(_AGAIN)
        gone = 0
        for epoch, beginning in [*self._book.execute(_BEGINNINGS).fetchall(), *begun.items()]:
            where = "epoch < ? AND position >= ? AND NOT " + _OUTDATED
            gone += self._one(f"SELECT coalesce(sum(times), 0) FROM seen WHERE {where}", epoch, beginning)
            self._book.execute(f"DELETE FROM seen WHERE {where}", (epoch, beginning))
        outdated = self._one(f"SELECT coalesce(sum(times), 0) FROM seen WHERE {_OUTDATED}")
        self._book.execute(f"DELETE FROM seen WHERE {_OUTDATED}")
        self.given_up = gone + outdated - again
        self.repeats = total + again

    @property
    def newest(self) -> int:
        """The highest position."""
        return self._one("SELECT coalesce(max(position), 0) FROM seen")

    @property
    def newest_epoch(self) -> int:
        return self._one("SELECT coalesce(max(epoch), 0) FROM seen")

    def rows(self) -> Iterator[Seen]:
        """All positions, in order."""
        yield from map(Seen._make, self._book.execute(f"SELECT {_COLUMNS} FROM seen ORDER BY position"))

    def kept(self, last: int) -> Iterator[Envelope]:
        """The events kept whole, in order, up to this position."""
        yield from (_unpack(row[0]) for row in self._book.execute(_KEPT.format("<=", ""), (last,)))

    def between(self, first: int, last: int, limit: int) -> Iterator[Envelope]:
        """Of the events kept whole, those behind one position and up to another, no more than so many."""
        found = self._book.execute(_BETWEEN, (first, last, limit))
        yield from (_unpack(row[0]) for row in found)

    def around(self, position: int) -> tuple[Envelope | None, Envelope | None]:
        """Of the events kept whole, the last one up to this position and the first one behind it."""
        sides = [_KEPT.format("<=", "DESC"), _KEPT.format(">", "")]
        rows = [self._book.execute(f"{side} LIMIT 1", (position,)).fetchone() for side in sides]
        before, behind = (None if row is None else _unpack(row[0]) for row in rows)
        return before, behind

    def out_of_order(self, relayed: int) -> Iterator[Seen]:
        """Positions up to `relayed` that no reader can take behind those before them, wherever it begins."""
        behind = "SELECT DISTINCT partition FROM seen WHERE taken < 0 AND position <= ?"
        for (partition,) in self._book.execute(behind, (relayed,)).fetchall():
            at = -1
            mine = f"SELECT {_COLUMNS} FROM seen WHERE partition = ? AND position <= ? ORDER BY position"
            for row in map(Seen._make, self._book.execute(mine, (partition, relayed))):
                places = [row.taken] if row.taken >= 0 else [place for place in (row.first, row.last) if place > at]
                if places:
                    at = min(places)
                else:
                    yield row

    def beginnings(self) -> dict[int, int]:
        """Per epoch, the first position of it."""
        self._flush()
        return {int(epoch): int(position) for epoch, position in self._book.execute(_BEGINNINGS)}

    def _one(self, query: str, *values: object) -> int:
        return int(self._book.execute(query, values).fetchone()[0])


def _as_written(delivery: Delivery, record: KeyedRecord) -> bool:
    """Whether a record in the binary mode is byte for byte what the relay writes of this event; another mode is as good
    as its content."""
    found = sorted(record.headers)
    if any(name == "content-type" and kind.startswith(b"application/cloudevents") for name, kind in found):
        return True
    headers, _ = to_binary(delivery.envelope, delivery.previous)
    return found == sorted(headers) and record.key == delivery.envelope.stream.encode()
