"""What an error of PostgreSQL means for whoever waits for an answer."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from services.chassis.postgres.trouble import is_damage, is_passing


@pytest.mark.parametrize(
    "state",
    [
        "08006",
        "40001",
        "40P01",
        "53100",
        "53300",
        "57P01",
        "57P02",
        "57P03",
        "57014",
        "58030",
        "25006",
        "25P03",
        "55P03",
    ],
)
def test_what_goes_away_by_itself_is_waited_out(state: str) -> None:
    error = psycopg.errors.lookup(state)("no")
    assert is_passing(error)
    assert not is_damage(error)


@pytest.mark.parametrize("error", [psycopg.OperationalError("refused"), psycopg.InterfaceError("closed")])
def test_a_server_that_says_nothing_is_away(error: psycopg.Error) -> None:
    assert is_passing(error)
    assert not is_damage(error)


@pytest.mark.parametrize("state", ["XX001", "XX002", "42P01", "3F000"])
def test_what_is_damaged_or_gone_does_not_come_back(state: str) -> None:
    error = psycopg.errors.lookup(state)("no")
    assert is_damage(error)
    assert not is_passing(error)


@pytest.mark.parametrize(
    "error", [psycopg.errors.lookup("23505")("twice"), psycopg.DataError("bad"), sqlite3.OperationalError("locked")]
)
def test_anything_else_is_neither(error: Exception) -> None:
    assert not is_passing(error)
    assert not is_damage(error)
