"""Where a sink keeps its tables: a port with two adapters, the SQLite file of one process (`view_file`) and the
PostgreSQL schema that several processes share (`postgres_schema`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Engine, MetaData
from sqlalchemy.engine import Connection


class RowStatement(Protocol):
    """A statement with any number of rows in it."""

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Carry it out in the connection's transaction; returns how many rows of the table it inserted or changed."""
        ...


class SinkPlace(Protocol):
    """One place for the tables of one sink. Its engine answers with Unavailable where the place is damaged, full or
    away for a while, for readers and writers alike."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def engine(self) -> Engine: ...

    @property
    def several_writers(self) -> bool:
        """Whether other processes may write here at the same time."""
        ...

    @property
    def damage(self) -> str | None:
        """What is wrong with it for good, as far as anyone came upon it; None: nothing is known."""
        ...

    def flaw(self) -> str | None:
        """What is wrong with it, looked for all over it; None: nothing."""
        ...

    def create(self, metadata: MetaData) -> None:
        """Make the tables that are missing."""
        ...

    def statement(self, before: str, columns: Sequence[Column[Any]], after: str) -> RowStatement:
        """`before`, rows with a value for each of these columns (named column1, column2, …), `after`."""
        ...

    def among(self, column: Column[Any], keys: Sequence[str]) -> ColumnElement[bool]:
        """The condition that a text column has one of these values."""
        ...

    def lock(self, connection: Connection, names: Sequence[str]) -> None:
        """Let nobody else lock any of these names until the connection's transaction ends; waits for who has."""
        ...
