"""One moment of a store, read without trust: nothing that a row holds can make the reading fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from services.chassis.event_store import EventStore
from services.chassis.event_store.schema import store as store_table
from services.chassis.postgres.engine import UNHURRIED

_MOMENT = "moment"
"""The savepoint to which reading goes back after an error."""


@contextmanager
def snapshot(store: EventStore) -> Iterator[Connection]:
    """A connection on which all reads see the same moment, while others go on writing.

    Text of a SQLite file that is not UTF-8 comes with lone surrogates in it.
    """
    engine = _lenient(store.dialect.engine())
    try:
        with engine.connect() as connection:
            sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql("BEGIN" if sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if not sqlite:
                connection.exec_driver_sql(UNHURRIED)
            connection.execute(select(store_table)).fetchall()  # the moment is that of the first read
            if not sqlite:
                connection.exec_driver_sql(f"SAVEPOINT {_MOMENT}")
            try:
                yield connection
            finally:
                with suppress(DatabaseError):  # a damaged database may have ended it by itself
                    connection.exec_driver_sql("ROLLBACK")
    finally:
        engine.dispose()


def _lenient(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _accept_any_text)
    else:
        event.listen(engine, "before_cursor_execute", _go_on)
    return engine


def _accept_any_text(connection: sqlite3.Connection, _record: object) -> None:
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")


def _go_on(connection: Connection, *_: object) -> None:
    """PostgreSQL reads nothing more in a transaction after an error; back at the savepoint it is still that moment.

    Only when the next statement comes: by then the driver has let go of what failed.
    """
    raw = connection.connection.dbapi_connection
    if isinstance(raw, psycopg.Connection) and raw.info.transaction_status == TransactionStatus.INERROR:
        raw.execute(f"ROLLBACK TO SAVEPOINT {_MOMENT}")
