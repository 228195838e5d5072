"""A store's file while it is open: whether it is still the one under its path, and whole.

SQLite goes on writing to a file that was moved away or replaced, and what it acknowledges is in no store that anyone
opens later. So a commit counts only if the file is in its place afterwards, and nothing is opened in the place of
another file: one `stat` (a microsecond) for each commit, which costs a flush of the disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError

from services.chassis.sqlite.damage import is_damage

Trouble = tuple[str, str]
"""A sentence in Chinese and in English."""

MOVED = (
    "事件库文件被移走或替换,已停止记录;请停止服务,放回原文件后启动,再用同一命令编号重试",
    "the store's file was moved away or replaced, nothing more is recorded: stop, put it back, start; "
    "then repeat commands with the same id",
)
DAMAGED = (
    "事件库文件已损坏,已停止记录;请运行 bizenv audit verify,并从备份恢复",
    "the store's file is damaged, nothing more is recorded: run bizenv audit verify and restore from a backup",
)


class SqliteFile:
    """Watches the file over all engines that `watch` was called for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None
        self._damaged = False

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "connect", self._after_connect)
        event.listen(engine, "handle_error", self._on_error)

    def trouble(self) -> Trouble | None:
        """What is wrong with the file; from any thread."""
        if self._opened is not None and self._found() != self._opened:
            return MOVED
        return DAMAGED if self._damaged else None

    def _found(self) -> tuple[int, int] | None:
        """Device and number of the file that bears the path now; None: no file does."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _before_connect(self, *_: Any) -> None:
        if self._opened is not None and self._found() != self._opened:
            raise sqlite3.OperationalError(MOVED[1])

    def _after_connect(self, *_: Any) -> None:
        if self._opened is None:
            self._opened = self._found()

    def _on_error(self, context: ExceptionContext) -> None:
        """Let the error say which file it is about, and remember damage."""
        self._damaged |= is_damage(context.original_exception)
        if isinstance(context.sqlalchemy_exception, DatabaseError):
            context.sqlalchemy_exception.add_detail(str(self._path))
