"""One connection, kept for a question that is asked many times a second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Connection


class KeptConnection:
    """Each statement is a transaction of its own: to take a connection from the pool, begin, and roll back costs
    several times what a small question does. Any thread may use it, one at a time; others wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._using = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def rows(self, statement: str) -> Sequence[Any]:
        """What the statement finds. One whose connection broke off since the last time is asked once more on a new
        one; raises what the engine raises."""
        try:
            with self._using:
                kept = self._connection is not None
                try:
                    return self._ask(statement)
                except Exception:
                    if not kept:
                        raise
                return self._ask(statement)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Let go of the connection; a question in hand does so when it is answered."""
        self._closed = True
        if self._using.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._using.release()

    def _ask(self, statement: str) -> Sequence[Any]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            return self._connection.exec_driver_sql(statement).fetchall()
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
