"""Many rows of one table in few statements of few sizes.

One row a statement lets other threads run between any two rows, which on a busy process costs more than the rows.
A statement for each number of rows would push the others out of the driver's cache and be parsed anew each time.
So a few rows go in one statement of their number, many by the largest powers of two: some twenty statements for each
table, each parsed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

FEW_ROWS = 16
MOST_ROWS = 64
"""Rows in one statement; the widest table has 14 columns, and SQLite takes 32,766 values."""


class RowInsert:
    """`INSERT INTO table VALUES …` for any number of rows, each with a value for every column in its order.

    `verb` is INSERT or INSERT OR REPLACE; `conflict` the clause that follows the rows. Values are marked by `?`.
    """

    def __init__(self, table: str, width: int, *, verb: str = "INSERT", conflict: str = "") -> None:
        self._head = f"{verb} INTO {table} VALUES "
        self._row = f"({','.join('?' * width)})"
        self._conflict = conflict
        self._texts: dict[int, str] = {}

    def parts(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Statements and their values that together insert the rows, in order."""
        start = 0
        while left := len(rows) - start:
            size = left if left <= FEW_ROWS else min(1 << left.bit_length() - 1, MOST_ROWS)
            yield self._text(size), tuple(chain.from_iterable(rows[start : start + size]))
            start += size

    def _text(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            text = self._texts[size] = f"{self._head}{','.join([self._row] * size)}{self._conflict}"
        return text


def replacing(key: Sequence[str], changed: Sequence[str]) -> str:
    """The conflict clause that puts a row in the place of the one with its key."""
    values = ", ".join(f'"{name}" = excluded."{name}"' for name in changed)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"


KEEPING = " ON CONFLICT DO NOTHING"
"""The conflict clause that keeps the row that is there."""
