"""Damaging SQLite files as a failing disk does: pages overwritten, nothing else touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

PAGE = 4096


def settle(path: Path) -> None:
    """Bring what stands in the write-ahead log into the file."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def root_page(path: Path, table: str) -> int:
    """The number, from 1, of the page that a table or index begins with."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0])


def page_of(path: Path, content: bytes) -> int:
    """The number of the first page that holds these bytes."""
    return path.read_bytes().index(content) // PAGE + 1


def spoil_page(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def spoil_table(path: Path, table: str) -> None:
    settle(path)
    spoil_page(path, root_page(path, table))
