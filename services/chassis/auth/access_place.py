"""Where login codes and ended sessions lie: in a file of the data folder, or in the city's database for all processes.

Only a code's SHA-256 is stored.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Column, Double, Insert, LargeBinary, MetaData, NullPool, Table, Text, create_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from services.chassis.errors import Unavailable
from services.chassis.postgres.schema import PostgresSchema

SCHEMA = "access"
_BUSY_SECONDS = 5.0

METADATA = MetaData()
LOGIN_CODES = Table(
    "login_codes",
    METADATA,
    Column("hash", LargeBinary, primary_key=True),
    Column("account", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("unit", Text),
    Column("expires_at", Double, nullable=False),
    sqlite_with_rowid=False,
)
ENDED_TOKENS = Table(
    "ended_tokens",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("expires_at", Double, nullable=False),
    sqlite_with_rowid=False,
)
"""`expires_at`: seconds since 1970."""


class AccessPlace(Protocol):
    """The two tables, wherever they are. Any thread and process may use it."""

    def exists(self) -> bool:
        """Whether anything can have been written there."""
        ...

    def opened(self) -> AbstractContextManager[Connection]:
        """One transaction, with the tables there; raises Unavailable."""
        ...

    def insert_or_leave(self, table: Table) -> Insert:
        """An insert that leaves a row of the same key as it is."""
        ...


class AccessFile:
    """An SQLite file that only its owner can read; opened anew for each transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)

    def exists(self) -> bool:
        return self._path.exists()

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            with self._engine.begin() as connection:
                for table in METADATA.sorted_tables:  # in one statement each: others may make them at the same time
                    connection.execute(CreateTable(table, if_not_exists=True))
                yield connection
        except (OSError, SQLAlchemyError) as error:
            raise _unavailable(error) from error

    @staticmethod
    def insert_or_leave(table: Table) -> Insert:
        return sqlite.insert(table).on_conflict_do_nothing()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_SECONDS)


class AccessSchema:
    """The schema `access` of the city's database."""

    def __init__(self, url: URL) -> None:
        self._schema = PostgresSchema(url.render_as_string(hide_password=False), SCHEMA)
        self._made = False
        self._lock = threading.Lock()

    def exists(self) -> bool:
        return True

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        try:
            self._make()
            with self._schema.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, Unavailable) as error:
            self._made = False  # perhaps the tables are gone: they are looked for the next time
            raise error if isinstance(error, Unavailable) else _unavailable(error) from error

    @staticmethod
    def insert_or_leave(table: Table) -> Insert:
        return postgresql.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        """Let go of all connections."""
        self._schema.engine.dispose()

    def _make(self) -> None:
        with self._lock:
            if not self._made:
                self._schema.create(METADATA)
                self._made = True


def place_of(given: Path | AccessPlace) -> AccessPlace:
    """A path is that of an SQLite file."""
    return AccessFile(given) if isinstance(given, Path) else given


def _unavailable(error: Exception) -> Unavailable:
    """With the driver's own words; a statement and its values are none of the caller's business."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return Unavailable("登录记录暂时无法使用", f"the records of logins are not available: {cause}")
