"""Reading on where a damaged database can't be read: each such place is a finding, and the rest is audited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from services.chassis.event_store.schema import events
from services.chassis.truth.findings import Code, Findings
from services.chassis.truth.ledger import Row


@contextmanager
def noting(findings: Findings, place: str) -> Iterator[None]:
    """End the block where the database can't be read and report that; what was found before stands."""
    try:
        yield
    except DatabaseError as error:
        tell(findings, place, error)


def tell(findings: Findings, place: str, error: DatabaseError, position: int | None = None) -> None:
    reason = error.orig
    findings.add(
        Code.UNREADABLE, place, f"数据库已损坏,无法读取({reason})", f"cannot be read: {reason}", position=position
    )


class Stretch(NamedTuple):
    """Positions in a row that can't be read, and why."""

    first: int
    last: int
    error: DatabaseError


class EventRows:
    """Rows of the events table by position; around damage it narrows down to the rows that can still be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lost: list[Stretch] = []

    def between(self, first: int, last: int) -> tuple[dict[int, Row], set[int]]:
        """The rows of these positions, and the positions of which nobody can tell whether they are there."""
        known = len(self._lost)
        rows = dict(self._read(first, last))
        lost = self._lost[max(known - 1, 0) :]
        return rows, {at for stretch in lost for at in range(max(first, stretch.first), stretch.last + 1)}

    def _read(self, first: int, last: int) -> Iterator[tuple[int, Row]]:
        at = events.c.position
        span = at == first if first == last else at.between(first, last)  # a span reads on to the row behind its end
        try:
            found = self._connection.execute(select(events).where(span).order_by(at)).fetchall()
        except DatabaseError as error:
            if first == last:
                self._lose(first, error)
                return
            half = (first + last) // 2
            yield from self._read(first, half)
            yield from self._read(half + 1, last)
        else:
            yield from ((row[0], row) for row in found)

    def _lose(self, position: int, error: DatabaseError) -> None:
        first = position
        if self._lost and self._lost[-1].last == position - 1:
            first = self._lost.pop().first
        self._lost.append(Stretch(first, position, error))

    def tell(self, findings: Findings) -> None:
        """Report what was lost."""
        for first, last, error in self._lost:
            place = f"position {first}" if first == last else f"positions {first}-{last}"
            tell(findings, place, error, first)
