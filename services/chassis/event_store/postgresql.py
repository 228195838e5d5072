"""The PostgreSQL dialect: a schema of a database, one statement for each batch under an exclusive lock.

The role that a service connects as needs CONNECT on the database and either its own schema (owner) or CREATE on the
database, with which `prepare` makes it. Nothing else: no superuser, no rights in other schemas. A store that is only
read (`bizenv audit`) needs USAGE on the schema and SELECT on its tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.engine import Connection, ExecutionContext
from sqlalchemy.exc import DBAPIError

from services.chassis.event_store.model import Alteration, Append, Appended, Failure, Outcome
from services.chassis.event_store.postgresql_append import append_batch, prepare
from services.chassis.event_store.postgresql_place import PostgresPlace
from services.chassis.event_store.postgresql_schema import alterations
from services.chassis.event_store.queries import BINARY
from services.chassis.event_store.sqlite_file import Trouble
from services.chassis.postgres.engine import schema_engine

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PREPARED = "bizenv.append_batch"
_STATES = {"53100": Failure.FULL, "25006": Failure.READ_ONLY, "57P01": Failure.LOST, "57P02": Failure.LOST}
_ENDING = frozenset({"FATAL", "PANIC"})
"""How grave an error is with which the server ends the connection, or all of them."""


class PostgresDialect:
    """One schema of the database at `url` (`postgresql://user:password@host:port/database?sslmode=…`).

    `durable=False` does not wait for the disk at each commit: only for a store that is thrown away when its making is
    interrupted (a rehearsal being made). Raises ValueError for a name that is no plain schema name.
    """

    def __init__(self, url: str | URL, schema: str, *, durable: bool = True, pool: int = 24) -> None:
        if not _NAME.fullmatch(schema):
            raise ValueError(f"not a schema's name: {schema!r}")
        self.schema = schema
        self._pool = pool
        self._url = make_url(url)
        self._place = PostgresPlace(self.place, schema, durable=durable)

    @property
    def place(self) -> str:
        url = self._url
        return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database} 模式 {self.schema}"

    def engine(self) -> Engine:
        engine = schema_engine(self._url, self.schema, self._pool, isolation_level="AUTOCOMMIT")
        self._place.watch(engine)
        event.listen(engine, "before_cursor_execute", _answer_in_binary)
        return engine

    def prepare(self) -> None:
        """The schema. One that is there needs no right to make one."""
        engine = self.engine()
        try:
            with engine.connect() as connection:
                there = "SELECT 1 FROM pg_namespace WHERE nspname = current_setting('search_path')"
                if connection.exec_driver_sql(there).first() is None:
                    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {self.schema}")
        finally:
            engine.dispose()

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, psycopg.Connection)
        try:
            if _PREPARED not in connection.info:
                prepare(raw)
                connection.info[_PREPARED] = True
            outcomes = _append(raw, batch, partitions)
        except psycopg.Error as error:
            self._place.note(error)
            if raw.closed and not _ends_connection(error):
                raise psycopg.OperationalError(f"the connection ended: {error}") from error
            raise
        self.reached(max((each.record.position for each in outcomes if isinstance(each, Appended)), default=0))
        return outcomes

    @staticmethod
    def failure(error: Exception) -> Failure:
        """Where the connection ended with it, what its state says (a full disk) may be about the commit itself, which
        was perhaps recorded all the same."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, psycopg.Error):
            return Failure.OTHER
        if _ends_connection(cause):
            return Failure.LOST
        return _STATES.get(cause.sqlstate or "", Failure.OTHER)

    def trouble(self) -> Trouble | None:
        """What new connections found out."""
        return self._place.trouble()

    def reached(self, position: int) -> None:
        """New connections are held to it."""
        self._place.reached(position)

    def alterations(self, connection: Connection) -> list[Alteration]:
        """The port's question, answered from the catalogue."""
        return alterations(connection)


def _answer_in_binary(
    _connection: Connection,
    cursor: Any,
    _statement: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    if context is not None and context.execution_options.get(BINARY):
        cursor.format = psycopg.pq.Format.BINARY


def _ends_connection(error: psycopg.Error) -> bool:
    """An error without a state is the client library's own: the connection is gone."""
    state = error.sqlstate
    return state is None or state.startswith("08") or error.diag.severity_nonlocalized in _ENDING


def _append(raw: psycopg.Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
    try:
        return append_batch(raw, batch, partitions)
    except psycopg.errors.InvalidSqlStatementName:  # something in between let go of all statements
        prepare(raw)
        return append_batch(raw, batch, partitions)
