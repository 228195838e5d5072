"""The databases that an event store can stand on, each as a factory for contract tests."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from services.chassis.event_store import Alteration, Append, EventStore, Failure, SqliteDialect
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import Outcome
from services.chassis.event_store.postgresql import PostgresDialect
from tests.full_disk import FullDisk
from tests.servers import Postgres
from tests.small_disk import SmallDisk, small_disk

SCHEMA = "sample"

_copies = count(1)


class Disk(Protocol):
    """One that is full."""

    def free(self) -> None: ...


class Database(Protocol):
    """One empty place for one store. A copy in another process is the same place."""

    def dialect(self) -> Dialect: ...

    def fill(self, store: EventStore) -> Disk:
        """Make the disk full for the store, which has appended nothing since it was opened."""
        ...

    def execute(self, statement: str) -> None:
        """Run a statement from outside, as an operator would."""
        ...

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query asked from outside."""
        ...

    def copy(self, folder: Path) -> Database:
        """The same content in another place: a file of the same name that is in `folder` already, or a database of its
        own. Nobody may have this one open."""
        ...

    def close(self) -> None:
        """At the end of a test."""
        ...


class Sqlite:
    """A file in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.sqlite"

    def dialect(self) -> Dialect:
        return SqliteDialect(self.path, durable=False)

    def fill(self, store: EventStore) -> Disk:
        disk = FullDisk(store.engine)
        disk.fill()
        return disk

    def execute(self, statement: str) -> None:
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute(statement)
        connection.close()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(query).fetchall()
        connection.close()
        return rows

    def copy(self, folder: Path) -> Database:
        return Sqlite(folder)

    def close(self) -> None:
        """The test's folder goes by itself."""


class Postgresql:
    """A schema of a database of its own."""

    def __init__(self, url: str, superuser: str | None = None) -> None:
        self.url = url
        self._superuser = superuser
        self._disk: _FullTablespace | None = None

    def dialect(self) -> Dialect:
        return PostgresDialect(self.url, SCHEMA)

    def fill(self, store: EventStore) -> Disk:
        assert self._superuser is not None
        self._disk = _FullTablespace(self._superuser)
        self._disk.fill()
        return self._disk

    def execute(self, statement: str) -> None:
        execute(self.url, statement)

    def copy(self, folder: Path) -> Database:
        base, _, name = self.url.rpartition("/")
        other = f"{name}_{next(_copies)}"
        execute(f"{base}/bizenv", f"CREATE DATABASE {other} TEMPLATE {name}")
        return _Copy(f"{base}/{other}")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
            return connection.execute(query.encode()).fetchall()

    def close(self) -> None:
        if self._disk is not None:
            self._disk.close()


class _Copy(Postgresql):
    """One of many, that goes with its test."""

    def close(self) -> None:
        base, _, name = self.url.rpartition("/")
        execute(f"{base}/bizenv", f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str) -> None:
    """One statement by a connection of its own, in the schema of the store."""
    run_all(url, [statement])


def run_all(url: str, statements: Iterable[str]) -> None:
    """The same for several on one connection."""
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={SCHEMA}") as connection:
        for statement in statements:
            connection.execute(statement.encode())


class _FullTablespace:
    """A disk of eight megabytes on which the table of events lies; the server meets a real end of it (ENOSPC).

    Who may mount nothing has a trigger raise what the server would.
    """

    def __init__(self, superuser: str) -> None:
        self._superuser = superuser
        self._name = f"small_{superuser.rpartition('/')[2]}"
        self._stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="bizenv-disk-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        disk = self._stack.enter_context(small_disk(folder / "disk", 8))
        self._disk = disk if isinstance(disk, SmallDisk) else None

    def fill(self) -> None:
        if self._disk is None:
            self._raise()
            return
        place = self._disk.folder / "tablespace"
        place.mkdir()
        if os.geteuid() == 0:
            shutil.chown(place, "postgres")
        execute(self._superuser, f"CREATE TABLESPACE {self._name} LOCATION '{place}'")
        execute(self._superuser, f"ALTER TABLE events SET TABLESPACE {self._name}")
        self._disk.fill()

    def free(self) -> None:
        if self._disk is None:
            execute(self._superuser, "DROP TRIGGER full_disk ON events")
        else:
            self._disk.free()

    def close(self) -> None:
        """Take the database away before its disk: the server would look for it for ever."""
        database = self._superuser.rpartition("/")[2]
        if self._disk is not None:
            with suppress(FileNotFoundError):
                self._disk.free()
            server = self._superuser.removesuffix(database) + "postgres"
            execute(server, f"DROP DATABASE {database} WITH (FORCE)")
            execute(server, f"DROP TABLESPACE {self._name}")
        self._stack.close()

    def _raise(self) -> None:
        function = "BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END"
        execute(self._superuser, f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${function}$$")
        execute(
            self._superuser,
            "CREATE TRIGGER full_disk BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION full_disk()",
        )


def _sqlite(request: pytest.FixtureRequest) -> Database:
    return Sqlite(request.getfixturevalue("tmp_path"))


def _postgresql(request: pytest.FixtureRequest) -> Database:
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database()
    return Postgresql(url, server.as_superuser(url))


DATABASES: dict[str, Callable[[pytest.FixtureRequest], Database]] = {"sqlite": _sqlite, "postgresql": _postgresql}


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

    def prepare(self) -> None:
        self._inner.prepare()

    def failure(self, error: Exception) -> Failure:
        return self._inner.failure(error)

    def trouble(self) -> tuple[str, str] | None:
        return self._inner.trouble()

    def reached(self, position: int) -> None:
        self._inner.reached(position)

    def alterations(self, connection: Connection) -> list[Alteration]:
        return self._inner.alterations(connection)
