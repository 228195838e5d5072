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


class ManyRows:
    """A statement with any number of rows of one width in it: `before VALUES …after`. Values are marked by `?`."""

    def __init__(self, before: str, width: int, after: str = "") -> None:
        self._before = f"{before} VALUES "
        self._row = f"({','.join('?' * width)})"
        self._after = after
        self._texts: dict[int, str] = {}

    def parts(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Statements and their values that together hold the rows, in order."""
        start = 0
        while left := len(rows) - start:
            size = left if left <= FEW_ROWS else min(1 << left.bit_length() - 1, MOST_ROWS)
            yield self._text(size), tuple(chain.from_iterable(rows[start : start + size]))
            start += size

    def _text(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            text = self._texts[size] = f"{self._before}{','.join([self._row] * size)}{self._after}"
        return text


class RowInsert(ManyRows):
    """`INSERT INTO table VALUES …` for any number of rows, each with a value for every column in its order.

    `verb` is INSERT or INSERT OR REPLACE; `conflict` the clause that follows the rows.
    """

    def __init__(self, table: str, width: int, *, verb: str = "INSERT", conflict: str = "") -> None:
        super().__init__(f"{verb} INTO {table}", width, conflict)


def replacing(key: Sequence[str], changed: Sequence[str]) -> str:
    """The conflict clause that puts a row in the place of the one with its key."""
    values = ", ".join(f'"{name}" = excluded."{name}"' for name in changed)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"


KEEPING = " ON CONFLICT DO NOTHING"
"""The conflict clause that keeps the row that is there."""
