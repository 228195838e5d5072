"""How far a sink has applied each source, moved by compare and set: whoever was overtaken changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, select
from sqlalchemy.engine import Connection

from services.chassis.bus.port import Source
from services.chassis.sinks.place import SinkPlace
from services.chassis.sinks.row_insert import KEEPING, replacing


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a source was applied: the last position of its partition, under which store epoch, and where the
    bus goes on after it."""

    epoch: int = 0
    position: int = 0
    offset: int = 0


class LostPlace(Exception):
    """Another process has applied what this one was about to: read the checkpoints anew and go on from there. Nothing
    was written."""


_HOLD_WAIT = "SET LOCAL lock_timeout = '500ms'"
_FIELDS = ("epoch", "position", "offset")
_SAME = " AND ".join(
    f'checkpoints."{name}" = given.column{number}'
    for number, name in enumerate(("service", "partition", *_FIELDS), start=1)
)
_SET = ", ".join(f'"{name}" = given.column{number}' for number, name in enumerate(_FIELDS, start=6))


class Checkpoints:
    """A row for each source that was read, in the sink's place."""

    def __init__(self, place: SinkPlace, metadata: MetaData) -> None:
        self.table = Table(
            "checkpoints",
            metadata,
            Column("service", Text, primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("epoch", Integer, nullable=False),
            Column("position", BigInteger, nullable=False),
            Column("offset", BigInteger, nullable=False),
        )
        columns = list(self.table.columns)
        self._add = place.statement("INSERT INTO checkpoints", columns, KEEPING)
        self._put = place.statement("INSERT INTO checkpoints", columns, replacing(("service", "partition"), _FIELDS))
        given, after = [*columns, *columns[2:]], f") AS given WHERE {_SAME}"
        self._move = place.statement(f"UPDATE checkpoints SET {_SET} FROM (", given, after)

    def read(self, connection: Connection) -> dict[Source, Checkpoint]:
        rows = connection.execute(select(self.table)).fetchall()
        return {(row.service, row.partition): Checkpoint(row.epoch, row.position, row.offset) for row in rows}

    def hold(self, connection: Connection) -> dict[Source, Checkpoint]:
        """On PostgreSQL: where they are and stay until the end of the transaction. Whoever moves them waits, so does
        this for whoever is about to; raises OperationalError where that takes long."""
        connection.exec_driver_sql(_HOLD_WAIT)
        connection.exec_driver_sql("LOCK TABLE checkpoints IN SHARE MODE")
        return self.read(connection)

    def move(
        self, connection: Connection, moved: Mapping[Source, Checkpoint], before: Mapping[Source, Checkpoint]
    ) -> None:
        """Move these sources on from where they were `before` (missing: never read); raises LostPlace where one of
        them is somewhere else by now.

        The first statement of a transaction: until its end nobody else moves any of them.
        """
        known = [(*source, *_values(before[source]), *_values(at)) for source, at in moved.items() if source in before]
        new = [(*source, *_values(at)) for source, at in moved.items() if source not in before]
        if self._move.run(connection, sorted(known)) != len(known) or self._add.run(connection, new) != len(new):
            raise LostPlace("another process has moved these checkpoints")

    def put(self, connection: Connection, places: Mapping[Source, Checkpoint]) -> None:
        """Write them over whatever is there."""
        self._put.run(connection, [(*source, *_values(at)) for source, at in places.items()])


def _values(at: Checkpoint) -> tuple[Any, ...]:
    return (at.epoch, at.position, at.offset)
