"""How PostgreSQL says that it does not work now, and that tables are damaged or gone."""

from __future__ import annotations

import psycopg

_PASSING_CLASSES = (
    "08",  # connection lost
    "40",  # deadlock, serialization
    "53",  # disk full, out of memory, too many connections
    "57",  # shut down, starting, cancelled
    "58",  # the system's own errors
)
_PASSING = frozenset({"25006", "25P03", "55P03"})
"""Read-only, as after a fail-over; cut off after standing still in a transaction; a lock not had in time."""

_DAMAGE = frozenset({"XX001", "XX002", "42P01", "3F000"})
"""Damaged data, a damaged index, a table or a schema that is not there."""


def is_passing(error: BaseException | None) -> bool:
    """Whether the driver's error goes away by itself, or by what an operator does about the server."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:  # no answer of the server at all: it is away, or cut the connection
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] in _PASSING_CLASSES or state in _PASSING


def is_damage(error: BaseException) -> bool:
    """Whether the driver's error tells of tables that cannot be read any more: that never passes by itself."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _DAMAGE
