"""The databases that an event store can stand on, each as a factory for contract tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from services.chassis.event_store import Alteration, Append, EventStore, SqliteDialect
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import Outcome
from tests.full_disk import FullDisk


class Database(Protocol):
    """One empty place for one store."""

    def dialect(self) -> Dialect: ...

    def fill(self, store: EventStore) -> FullDisk:
        """Make the disk full for the store, which has appended nothing since it was opened."""
        ...

    def execute(self, statement: str) -> None:
        """Run a statement from outside, as an operator would."""
        ...


class Sqlite:
    """A file in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.sqlite"

    def dialect(self) -> Dialect:
        return SqliteDialect(self.path, durable=False)

    def fill(self, store: EventStore) -> FullDisk:
        disk = FullDisk(store.engine)
        disk.fill()
        return disk

    def execute(self, statement: str) -> None:
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute(statement)
        connection.close()


DATABASES = {"sqlite": Sqlite}


class Counting:
    """A dialect that keeps the size of each transaction and can hold the next one until it is let go."""

    def __init__(self, inner: Dialect) -> None:
        self._inner = inner
        self.batches: list[int] = []

    @property
    def place(self) -> str:
        return self._inner.place

    def engine(self) -> Engine:
        return self._inner.engine()

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        self.batches.append(len(batch))
        return self._inner.append(connection, batch, partitions)

    def is_full(self, error: Exception) -> bool:
        return self._inner.is_full(error)

    def trouble(self) -> tuple[str, str] | None:
        return self._inner.trouble()

    def alterations(self, connection: Connection) -> list[Alteration]:
        return self._inner.alterations(connection)
