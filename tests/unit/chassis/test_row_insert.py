"""Rows in few statements of few sizes: every number of rows, in order, each size parsed once."""

from __future__ import annotations

import sqlite3

import pytest

from services.chassis.sinks.row_insert import FEW_ROWS, KEEPING, MOST_ROWS, RowInsert, replacing


def table() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE things (key TEXT PRIMARY KEY, number INTEGER)")
    return connection


def insert(connection: sqlite3.Connection, into: RowInsert, rows: list[tuple[str, int]]) -> list[int]:
    """Insert and return how many values each statement took."""
    parts = list(into.parts(rows))
    for text, values in parts:
        connection.execute(text, values)
    return [len(values) for _, values in parts]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 63, 64, 65, 200])
def test_every_row_is_inserted_in_its_order(count: int) -> None:
    connection = table()
    rows = [(f"k{number:03}", number) for number in range(count)]
    insert(connection, RowInsert("things", 2), rows)
    assert connection.execute("SELECT * FROM things ORDER BY rowid").fetchall() == rows


def test_few_rows_go_at_once_and_many_by_powers_of_two() -> None:
    into = RowInsert("things", 2)
    assert insert(table(), into, [(f"a{n}", n) for n in range(11)]) == [22]
    assert insert(table(), into, [(f"b{n}", n) for n in range(MOST_ROWS + 32 + 11)]) == [2 * MOST_ROWS, 64, 22]


def test_there_are_few_statements_whatever_the_numbers_of_rows() -> None:
    into = RowInsert("things", 2)
    texts = {text for count in range(1, 300) for text, _ in into.parts([("k", 1)] * count)}
    assert len(texts) == FEW_ROWS + 2


def test_a_row_takes_the_place_of_the_one_with_its_key() -> None:
    connection = table()
    into = RowInsert("things", 2, conflict=replacing(["key"], ["number"]))
    insert(connection, into, [("a", 1), ("b", 2)])
    insert(connection, into, [("b", 3), ("c", 4)])
    assert connection.execute("SELECT * FROM things ORDER BY key").fetchall() == [("a", 1), ("b", 3), ("c", 4)]


def test_a_row_that_is_there_is_kept() -> None:
    connection = table()
    into = RowInsert("things", 2, conflict=KEEPING)
    insert(connection, into, [("a", 1)])
    insert(connection, into, [("a", 2), ("b", 3)])
    assert connection.execute("SELECT * FROM things ORDER BY key").fetchall() == [("a", 1), ("b", 3)]
