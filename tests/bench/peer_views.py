"""The views of the library's projection: tracking recorders that write our tables' rows and the tracking record in one
transaction, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteTrackingRecorder
from psycopg import sql
from sqlalchemy import Dialect, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from services.projection.project_board import PROJECT_BOARD
from services.projection.project_timeline import PROJECT_TIMELINE
from tests.bench.peer import FlushingDatastore
from tests.bench.peer_postgres import application_recorder, datastore

_TABLES = (PROJECT_BOARD.table(MetaData()), PROJECT_TIMELINE.table(MetaData()))
_BOARD, _TIMELINE = _TABLES


class SqliteBoardView(SQLiteTrackingRecorder):
    """With the statements' marks as SQLite has them."""

    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), *_ddl(sqlite.dialect())]

    def write(self, board: Sequence[Any], timeline: Sequence[Any], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_UPSERT["?"], board)
            cursor.execute(_INSERT["?"], timeline)
            self._insert_tracking(cursor, tracking)


class PostgresBoardView(PostgresTrackingRecorder):
    """With prepared statements, as the library's own are."""

    def __init__(self, opened: PostgresDatastore) -> None:
        super().__init__(opened)
        made: list[Any] = [sql.SQL(line) for line in _ddl(postgresql.dialect())]  # type: ignore[no-untyped-call]
        self.sql_create_statements += made + [sql.SQL(line) for line in _COMPRESSED]

    def write(self, board: Sequence[Any], timeline: Sequence[Any], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(_UPSERT["%s"], board, prepare=True)
            cursor.execute(_INSERT["%s"], timeline, prepare=True)
            self._insert_tracking(cursor, tracking)


@contextmanager
def sqlite_peer(place: Path) -> Iterator[tuple[Any, Any]]:
    """An application recorder and a view, empty, in files of the folder."""
    log, shown = FlushingDatastore(place / "log.sqlite"), FlushingDatastore(place / "view.sqlite")
    with closing(log), closing(shown):
        recorder, view = SQLiteApplicationRecorder(log), SqliteBoardView(shown)
        recorder.create_table()
        view.create_table()
        yield recorder, view


@contextmanager
def postgres_peer(url: str) -> Iterator[tuple[Any, Any]]:
    """The same in a database, with a connection for each."""
    with application_recorder(url) as recorder, datastore(url) as shown:
        view = PostgresBoardView(shown)
        view.create_table()
        yield recorder, view


def _ddl(dialect: Dialect) -> list[str]:
    made: list[Any] = [each for table in _TABLES for each in (CreateTable(table), *map(CreateIndex, table.indexes))]
    return [str(each.compile(dialect=dialect)) for each in made]


def _values(table: Table, mark: str) -> str:
    return ",".join([mark] * len(table.columns))


_COMPRESSED = [
    f"ALTER TABLE {table.name} ALTER COLUMN {name} SET COMPRESSION lz4"
    for table, name in ((_BOARD, "row"), (_TIMELINE, "data"))
]
"""As ours are on PostgreSQL."""
_CHANGED = ", ".join(f"{column.name} = excluded.{column.name}" for column in _BOARD.columns if column.name != "key")
_UPSERT = {
    mark: f"INSERT INTO {_BOARD.name} VALUES ({_values(_BOARD, mark)}) ON CONFLICT (key) DO UPDATE SET {_CHANGED}"
    for mark in ("?", "%s")
}
_INSERT = {
    mark: f"INSERT INTO {_TIMELINE.name} VALUES ({_values(_TIMELINE, mark)}) ON CONFLICT DO NOTHING"
    for mark in ("?", "%s")
}
