"""The SQLite file under a sink: how it is opened, and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, create_engine, event
from sqlalchemy.engine import Connection, ExceptionContext

from services.chassis.errors import Unavailable
from services.chassis.sinks.row_insert import ManyRows
from services.chassis.sqlite.connection import prepare_connections
from services.chassis.sqlite.damage import is_damage


class ValuesRows(ManyRows):
    """Many rows in few statements."""

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        return sum(connection.exec_driver_sql(text, values).rowcount for text, values in self.parts(rows))


class ViewFile:
    """One file, written by one process. Its engine answers with Unavailable wherever the file turns out to be damaged,
    for readers and writers alike.

    It is synchronous=NORMAL where `durable`: after a power cut it may be some transactions behind, never torn.
    """

    several_writers = False

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self.damage: str | None = None
        """What SQLite said of the first damage that anyone came upon; None: nobody did."""
        self.engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=16)
        prepare_connections(self.engine, "NORMAL" if durable else "OFF")
        event.listen(self.engine, "handle_error", self._on_error)

    @property
    def name(self) -> str:
        return self.path.name

    def flaw(self) -> str | None:
        """What SQLite's quick check finds first; None: nothing. Reads the whole file, some 0.1 s for 100 MB."""
        with self.engine.connect() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return None if found == "ok" else found

    def create(self, metadata: MetaData) -> None:
        metadata.create_all(self.engine)

    def statement(self, before: str, columns: Sequence[Column[Any]], after: str) -> ValuesRows:
        return ValuesRows(before, len(columns), after)

    def among(self, column: Column[Any], keys: Sequence[str]) -> ColumnElement[bool]:
        return column.in_(keys)

    def lock(self, connection: Connection, names: Sequence[str]) -> None:
        """Nothing to do: nobody else writes."""

    def _on_error(self, context: ExceptionContext) -> None:
        error = context.original_exception
        if is_damage(error):
            self.damage = str(error)
            name = self.path.name
            raise Unavailable(f"数据文件 {name} 已损坏,请稍后重试", f"the file {name} is damaged; try again later")
