"""The PostgreSQL schema under a sink: its engine, its locks, and what its errors mean."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import ARRAY, Column, ColumnElement, MetaData, Text, any_, bindparam, event
from sqlalchemy.engine import Connection, ExceptionContext

from services.chassis.errors import Unavailable
from services.chassis.postgres.compression import compress
from services.chassis.postgres.engine import schema_engine
from services.chassis.postgres.rows import UnnestRows, take_packed
from services.chassis.postgres.trouble import is_damage, is_passing

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s"


class PostgresSchema:
    """One schema of a database; many processes read and write it.

    What is passing (the server away, starting, stopping or full, a deadlock) is answered with Unavailable; a broken
    connection is replaced by a new one at the next try. Where tables are damaged or gone, `damage` says so too.
    """

    several_writers = True

    def __init__(self, url: str, schema: str, pool: int = 20) -> None:
        """`url`: postgresql://user:password@host:port/database; `pool`: the most connections at a time."""
        self.schema = schema
        self.damage: str | None = None
        self.engine = schema_engine(url, schema, pool)
        event.listen(self.engine, "connect", _on_connect)
        event.listen(self.engine, "handle_error", self._on_error)

    @property
    def name(self) -> str:
        return self.schema

    def flaw(self) -> str | None:
        """None: PostgreSQL looks after its pages itself, and says so when one is read."""
        return None

    def create(self, metadata: MetaData) -> None:
        """Several processes may begin at the same time."""
        with self.engine.begin() as connection:
            self.lock(connection, ["create"])
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"')
            there = set(connection.exec_driver_sql(_TABLES, (self.schema,)).scalars())
            metadata.create_all(connection)
            compress(connection, [table for table in metadata.sorted_tables if table.name not in there])

    def statement(self, before: str, columns: Sequence[Column[Any]], after: str) -> UnnestRows:
        return UnnestRows(before, columns, after)

    def among(self, column: Column[Any], keys: Sequence[str]) -> ColumnElement[bool]:
        return column == any_(bindparam(None, list(keys), type_=ARRAY(Text)))

    def lock(self, connection: Connection, names: Sequence[str]) -> None:
        for name in sorted(names):  # in one order everywhere, so that nobody waits in a ring
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock_key(self.schema, name),))

    def _on_error(self, context: ExceptionContext) -> None:
        error = context.original_exception
        if is_damage(error):
            self.damage = str(error).strip()
        if is_damage(error) or is_passing(error):
            raise Unavailable(
                f"数据库 {self.schema} 暂不可用,请稍后重试", f"the database of {self.schema} is not available: {error}"
            )


def _on_connect(connection: psycopg.Connection[Any], _record: object) -> None:
    take_packed(connection)


def lock_key(*names: str) -> int:
    """The key of an advisory lock of this name: 63 bits."""
    return int.from_bytes(hashlib.sha256("\n".join(names).encode()).digest()[:8]) >> 1
