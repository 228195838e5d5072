"""The SQLite file under a generation of views: how it is opened, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.engine import ExceptionContext

from services.chassis.errors import Unavailable
from services.chassis.sqlite_connection import prepare_connections
from services.chassis.sqlite_damage import is_damage


class ViewFile:
    """Its engine answers with Unavailable wherever the file turns out to be damaged, for readers and writers alike."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self.damage: str | None = None
        """What SQLite said of the first damage that anyone came upon; None: nobody did."""
        self.engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=16)
        prepare_connections(self.engine, "NORMAL" if durable else "OFF")
        event.listen(self.engine, "handle_error", self._on_error)

    def flaw(self) -> str | None:
        """What SQLite's quick check finds first; None: nothing. Reads the whole file, some 0.1 s for 100 MB."""
        with self.engine.connect() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return None if found == "ok" else found

    def _on_error(self, context: ExceptionContext) -> None:
        error = context.original_exception
        if is_damage(error):
            self.damage = str(error)
            name = self.path.name
            raise Unavailable(f"数据文件 {name} 已损坏,请稍后重试", f"the file {name} is damaged; try again later")
