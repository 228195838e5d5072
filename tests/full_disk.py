"""A disk that is full and freed again, for a SQLite database: its file may not grow."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine, event

UNLIMITED = 2**31 - 2


class FullDisk:
    """Put it on an engine before its first write; it holds for every connection taken from then on."""

    def __init__(self, engine: Engine) -> None:
        self._pages: int | None = None
        event.listen(engine, "checkout", self._on_checkout)

    def fill(self, spare_pages: int = 0) -> None:
        """From the next connection on the file grows by so many pages at the most."""
        self._pages = spare_pages

    def free(self) -> None:
        self._pages = None

    def _on_checkout(self, connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        limit = UNLIMITED if self._pages is None else used + self._pages
        connection.execute(f"PRAGMA max_page_count = {limit}").fetchone()
