"""The `eventsourcing` library on SQLite, as its users have it, with every commit flushed as ours are."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from eventsourcing.sqlite import SQLiteConnectionPool, SQLiteDatastore

NAME = "eventsourcing"


class _FlushingPool(SQLiteConnectionPool):
    """The library's own pool in WAL as it makes it; synchronous=FULL is set outright and not left to the build of
    SQLite."""

    def _create_connection(self) -> Any:
        connection = super()._create_connection()
        connection._sqlite_conn.execute("PRAGMA synchronous = FULL")
        return connection


class FlushingDatastore(SQLiteDatastore):
    """The library's datastore with a connection for each caller and patience enough for all of them."""

    def __init__(self, path: Path, callers: int = 1) -> None:
        super().__init__(str(path), originator_id_type="text")
        self.pool.close()
        self.pool = _FlushingPool(db_name=str(path), lock_timeout=30, pool_size=callers, pool_timeout=60.0)
        with self.pool_connection() as raw:
            found = (_pragma(raw, "journal_mode"), _pragma(raw, "synchronous"))
        assert found == ("wal", 2), found

    def pool_connection(self) -> Any:
        return closing(self.pool._create_connection()._sqlite_conn)


def _pragma(raw: Any, name: str) -> Any:
    return raw.execute(f"PRAGMA {name}").fetchone()[0]
