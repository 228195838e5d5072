"""How every SQLite file of ours is opened: write-ahead log, a bounded wait for other writers, a chosen durability."""

from __future__ import annotations

import sqlite3
from typing import Literal

from sqlalchemy import Engine, event

BUSY_MILLISECONDS = 10_000
"""How long a connection waits for another process's transaction before it gives up."""

Synchronous = Literal["FULL", "NORMAL", "OFF"]
"""FULL flushes at each commit; NORMAL at checkpoints, so that a power cut may take the last commits; OFF never."""


def prepare_connections(engine: Engine, synchronous: Synchronous) -> None:
    """Set each connection up as this engine opens it."""

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    event.listen(engine, "connect", on_connect)
