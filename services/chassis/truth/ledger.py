"""The log's own tables in the store (nodes, heads), and the events as the rows they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Engine, RowMapping, and_, event, false, func, insert, or_, select
from sqlalchemy.engine import Connection

from services.chassis.event_store import EventStore
from services.chassis.event_store.queries import PAGE
from services.chassis.event_store.schema import EVENT_COLUMNS, merkle_nodes, tree_heads
from services.chassis.truth.heads import Head, Identity
from services.chassis.truth.merkle import Address, Frontier, IncompleteTree, peaks_of

Row = Sequence[Any]
"""A row of the events table, columns as in `schema.events`."""

_COMMAND = EVENT_COLUMNS.index("command_id")
_NODES, _HEADS = merkle_nodes.c, tree_heads.c
_NEWEST_FIRST = (_HEADS.epoch.desc(), _HEADS.size.desc())
_ADD = {
    "sqlite": "INSERT INTO merkle_nodes VALUES (?, ?, ?)",
    "postgresql": "INSERT INTO merkle_nodes SELECT * FROM unnest(%b::int4[], %b::int8[], %b::bytea[])",
}


class LeavesLost(Exception):
    """The database came back without the newest leaves, whose commits had not waited for its disk."""


class Ledger:
    """Reads and writes the log's tables over connections of its own.

    Every method may raise SQLAlchemyError (locked for longer than the store waits, disk full): nothing is
    written then.
    """

    def __init__(self, store: EventStore, guard: Callable[[Connection], None] = lambda _: None) -> None:
        """`guard` comes first in each writing transaction, and may refuse it."""
        self._engine = store.engine
        self._dialect = store.dialect
        self._identity = Identity.of(store.info)
        self._quick = _quick(store.dialect.engine())
        self._guard = guard

    def close(self) -> None:
        self._quick.dispose()

    def rows(self, after: int, limit: int) -> Sequence[Row]:
        """Up to `limit` rows of the events table after a position, in position order."""
        with self._quick.connect() as connection:
            found = connection.execute(PAGE, {"after": after, "most": limit}).fetchall()
        if found:
            self._dialect.reached(found[-1][0])
        return found

    def whole_commands(self, after: int, limit: int) -> Sequence[Row]:
        """As `rows`, but no command is cut at the end, unless it alone has more events: a head then says that the last
        command that it covers is whole, which a recovery wants to know."""
        found = self.rows(after, limit + 1)
        if len(found) <= limit:
            return found
        cut = found[limit][_COMMAND]
        whole = next((end for end in range(limit, 0, -1) if found[end - 1][_COMMAND] != cut), limit)
        return found[:whole]

    def leaves(self) -> int:
        """How many leaves the log holds."""
        last = select(func.max(_NODES.index)).where(_NODES.level == 0)
        with self._quick.connect() as connection:
            found = connection.execute(last).scalar()
        return 0 if found is None else int(found) + 1

    def frontier(self, size: int) -> Frontier:
        """The right edge of the tree at this size; raises IncompleteTree when a node is missing."""
        peaks = peaks_of(size)
        nodes = self.nodes(peaks)
        missing = [address for address in peaks if address not in nodes]
        if missing:
            raise IncompleteTree(f"no node {missing[0]}")
        return Frontier(size, [nodes[address] for address in peaks])

    def nodes(self, addresses: Iterable[Address]) -> dict[Address, bytes]:
        """The hashes of those complete subtrees that are there."""
        wanted = or_(false(), *(and_(_NODES.level == level, _NODES.index == number) for level, number in addresses))
        with self._quick.connect() as connection:
            rows = connection.execute(select(merkle_nodes).where(wanted)).fetchall()
        return {Address(row[0], row[1]): bytes(row[2]) for row in rows}

    def add(self, nodes: Sequence[tuple[Address, bytes]]) -> None:
        """Keep complete subtrees, the first of them a leaf, all or none; IntegrityError when one of them is there
        already, LeavesLost when the leaf before them is not.

        Not flushed: nodes can be made again from the events. `add_head` flushes them with the head.
        """
        rows = [(level, number, digest) for (level, number), digest in nodes]
        values = rows if (kind := self._quick.dialect.name) == "sqlite" else _arrays(rows)
        with self._quick.connect() as connection, writing(connection):
            self._guard(connection)
            _require_leaves(connection, rows[0][1])
            connection.exec_driver_sql(_ADD[kind], values)  # nothing is prepared while the writer waits

    def add_head(self, head: Head, leaves: int = 0) -> None:
        """Keep a signed head, unless this same one is there; IntegrityError when another stands in its place,
        LeavesLost when there are not so many leaves."""
        if self.head(head.epoch, head.size) == head:
            return
        with self._engine.connect() as connection, writing(connection):
            self._guard(connection)
            _require_leaves(connection, leaves)
            connection.execute(insert(tree_heads), row_of(head))

    def head(self, epoch: int, size: int) -> Head | None:
        """The head of this size and epoch."""
        return self._first(_HEADS.epoch == epoch, _HEADS.size == size)

    def newest_head(self, size: int | None = None) -> Head | None:
        """The newest head, of this size if one is given."""
        return self._first(*([] if size is None else [_HEADS.size == size]))

    def _first(self, *where: Any) -> Head | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(tree_heads).where(*where).order_by(*_NEWEST_FIRST)).mappings().first()
        return None if row is None else head_of(row, self._identity)


def _require_leaves(connection: Connection, count: int) -> None:
    """Raise LeavesLost unless there are so many. What a database lost when it ended is the newest of what was not
    flushed, so the last leaf stands for all before it; a connection that was made anew tells nothing of such an end."""
    last = select(_NODES.level).where(_NODES.level == 0, _NODES.index == count - 1)
    if count and connection.execute(last).first() is None:
        raise LeavesLost(f"leaf {count - 1} is not there")


def row_of(head: Head) -> dict[str, Any]:
    """The head as a row of tree_heads; the store's own fields stand in its info."""
    hashes = {name: bytes.fromhex(getattr(head, name)) for name in ("root", "previous", "signature")}
    plain = {name: getattr(head, name) for name in ("epoch", "size", "position", "signed_at", "key_id")}
    return plain | hashes


def head_of(row: RowMapping, identity: Identity) -> Head | None:
    """The head in a row of tree_heads; None when the row holds what no head holds."""
    fields = {str(name): value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
    try:
        return msgspec.convert(fields | msgspec.structs.asdict(identity), Head)
    except msgspec.ValidationError:
        return None


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """One writing transaction on a connection that commits each statement by itself."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")
    try:
        yield
    except BaseException:
        if not connection.invalidated:  # where the server is gone, so is the transaction
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _arrays(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _quick(engine: Engine) -> Engine:
    """An engine whose commits do not wait for the disk, so that the store's writer hardly waits for them."""
    sqlite = engine.dialect.name == "sqlite"
    event.listen(engine, "connect", _flush_later if sqlite else _answer_before_the_flush)
    return engine


def _flush_later(connection: sqlite3.Connection, _record: object) -> None:
    if connection.execute("PRAGMA synchronous").fetchone()[0] > 1:
        connection.execute("PRAGMA synchronous = NORMAL")


def _answer_before_the_flush(connection: Any, _record: object) -> None:
    connection.execute("SET synchronous_commit = off")
