"""Views: tables that hold what the events say, for questions; disposable, rebuilt from the bus at any time.

A `FoldedView` keeps one folded row per key; an `AppendedView` keeps the facts themselves. A service declares
them; `view_database` stores them; handlers are pure functions `(row, fact) -> row` and never reject a
recorded fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Select, Table, Text

from services.chassis.domain import Event
from services.chassis.envelope import Envelope


class Received(msgspec.Struct, frozen=True, gc=False):
    """A recorded fact as a handler gets it: its envelope and its decoded event."""

    envelope: Envelope
    event: Event


SORTED_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its bytes everywhere."""

Handler = Callable[[Any, Received], Any]
"""(row or None, fact) → the row after it; None: the key has no row."""


class Folding(Protocol):
    """A row on its way through the facts of a batch that belong to it."""

    def add(self, fact: Received) -> None:
        """The next one; it may raise as a handler may."""
        ...

    def done(self) -> Any:
        """The row after them; None: the key has no row."""
        ...


@dataclass(frozen=True)
class FoldedView:
    """One row per key, folded from the facts in the order of their streams.

    `key` names the row that a fact belongs to (None: the fact is not for this view); `row` is its Struct. Raise
    `revision` when a handler's meaning changes: the view is then rebuilt. `shared`: facts of several streams make one
    row, so that several processes may come to write it; else each row is of one stream. `folding` (row or None, its
    first fact): does for a batch what the handlers do for each fact, where a new row for each costs too much.
    """

    name: str
    row: type[msgspec.Struct]
    key: Callable[[Envelope], str | None]
    handlers: Mapping[type[Event], Handler]
    revision: int = 1
    shared: bool = False
    folding: Callable[[Any, Received], Folding] | None = None

    def table(self, metadata: MetaData) -> Table:
        position = Column("position", BigInteger, nullable=False)
        row = Column("row", LargeBinary, nullable=False)
        return Table(self.name, metadata, Column("key", SORTED_TEXT, primary_key=True), position, row)


@dataclass(frozen=True)
class AppendedView:
    """The facts of some streams, append-only, each under the key that it is asked by."""

    name: str
    key: Callable[[Envelope], str | None]
    revision: int = 1

    def table(self, metadata: MetaData) -> Table:
        return Table(
            self.name,
            metadata,
            Column("service", SORTED_TEXT, primary_key=True),
            Column("position", BigInteger, primary_key=True),
            Column("key", SORTED_TEXT, nullable=False),
            Column("stream", Text, nullable=False),
            Column("version", Integer, nullable=False),
            Column("type", Text, nullable=False),
            Column("occurred_on", SORTED_TEXT, nullable=False),
            Column("recorded_at", BigInteger, nullable=False),
            Column("actor", Text, nullable=False),
            Column("command_id", Text, nullable=False),
            Column("data", LargeBinary, nullable=False),
            Index(f"{self.name}_key", "key", "occurred_on", "position"),
            Index(f"{self.name}_recorded", "recorded_at"),
            sqlite_with_rowid=False,
        )


ViewSpec = FoldedView | AppendedView


class Reader(Protocol):
    """Reads views. Every call sees committed rows; `get` may answer from a cache that follows the commits."""

    def get(self, view: str, key: str) -> Any:
        """The folded row of a key, or None."""
        ...

    def rows(self, view: str) -> Iterable[tuple[str, Any]]:
        """(key, row) of all rows, by key."""
        ...

    def facts(self, view: str, key: str | None = None, recorded_before: int | None = None) -> Sequence[StoredFact]:
        """Facts of an appended view in (occurred_on, position) order: of one key or of all, and only those
        recorded before an instant (microseconds since 1970 UTC)."""
        ...

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        """Rows of a query over `table(view)`."""
        ...

    def table(self, view: str) -> Table: ...


class StoredFact(msgspec.Struct, frozen=True):
    """A row of an AppendedView; `event` is the fact in today's shape."""

    service: str
    position: int
    key: str
    stream: str
    version: int
    type: str
    occurred_on: str
    recorded_at: int
    actor: str
    command_id: str
    event: Event
