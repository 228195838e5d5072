"""The SQLite dialect: WAL, synchronous=FULL, one writing connection; commit order is position order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import json
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from services.chassis.envelope import partition_of
from services.chassis.event_store.model import (
    Alteration,
    Append,
    Appended,
    CommandRecord,
    Failure,
    Outcome,
    Refusal,
    WrongVersion,
)
from services.chassis.event_store.schema import EVENT_COLUMNS
from services.chassis.event_store.sqlite_file import SqliteFile, Trouble
from services.chassis.event_store.sqlite_schema import alterations
from services.chassis.sinks.row_insert import RowInsert
from services.chassis.sqlite.connection import Synchronous, prepare_connections

_COMMANDS = f"SELECT {', '.join(CommandRecord.__struct_fields__)} FROM commands WHERE command_id IN"
_EVENTS = RowInsert("events", len(EVENT_COLUMNS))
_RECORDS = RowInsert("commands", len(CommandRecord.__struct_fields__))
_STREAMS = RowInsert("streams", 2, verb="INSERT OR REPLACE")


class SqliteDialect:
    """Where the store's file lies and how a batch is appended to it.

    `durable=False` leaves out the flush at each commit: only for a store that is thrown away when its
    making is interrupted (a rehearsal being made).
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._file = SqliteFile(path)
        self._synchronous: Synchronous = "FULL" if durable else "OFF"

    @property
    def place(self) -> str:
        return str(self.path)

    def engine(self) -> Engine:
        engine = create_engine(f"sqlite:///{self.path}", isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=16)
        prepare_connections(engine, self._synchronous)
        self._file.watch(engine)
        return engine

    def prepare(self) -> None:
        """The folder that the file lies in."""
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("BEGIN IMMEDIATE")
        try:
            outcomes = _Batch(raw, batch, partitions).run()
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        return outcomes

    @staticmethod
    def failure(error: Exception) -> Failure:
        cause = error.orig if isinstance(error, DBAPIError) else error
        full = isinstance(cause, sqlite3.OperationalError) and "full" in str(cause)
        return Failure.FULL if full else Failure.OTHER

    def trouble(self) -> Trouble | None:
        """What is wrong with the file."""
        return self._file.trouble()

    def reached(self, position: int) -> None:
        """A file that was put back is another file, which `trouble` tells."""

    def alterations(self, connection: Connection) -> list[Alteration]:
        """The port's question, answered from `sqlite_master`."""
        return alterations(connection)


class _Batch:
    """One transaction: look up repeats and heads, then write what may be written."""

    def __init__(self, raw: sqlite3.Connection, batch: Sequence[Append], partitions: int) -> None:
        self._raw = raw
        self._batch = batch
        self._partitions = partitions

    def run(self) -> list[Outcome]:
        position, heads, known = self._look()
        outcomes: list[Outcome] = []
        events: list[tuple[Any, ...]] = []
        commands: list[tuple[Any, ...]] = []
        streams: list[tuple[Any, ...]] = []
        for append in self._batch:
            outcome = _judge(append, known.get(append.command_id), heads.get(append.stream, 0), position)
            outcomes.append(outcome)
            if not isinstance(outcome, Appended) or outcome.repeated:
                continue
            record = outcome.record
            partition = partition_of(append.stream, self._partitions)
            for version, new in enumerate(append.events, record.first_version):
                position += 1
                events.append((
                    position, append.stream, version, partition, new.type, new.occurred_on.isoformat(),
                    append.recorded_at, append.actor, append.command_id, append.command_hash,
                    append.correlation_id, append.causation_id, append.traceparent, new.data,
                ))  # fmt: skip
            commands.append((
                record.command_id, record.command_hash, record.stream,
                record.first_version, record.last_version, record.position,
            ))  # fmt: skip
            streams.append((append.stream, record.last_version))
        self._write(_EVENTS, events)
        self._write(_RECORDS, commands)
        self._write(_STREAMS, streams)
        return outcomes

    def _look(self) -> tuple[int, dict[str, int], dict[str, CommandRecord]]:
        """The last position, the heads of the batch's streams, and which of its commands were carried out before.

        One row answers: between any two rows the other threads of the process may run first.
        """
        streams = _filled([append.stream for append in self._batch])
        ids = _filled([append.command_id for append in self._batch])
        position, heads, repeats = self._raw.execute(_look(len(ids)), [*streams, *ids]).fetchone()
        return position, json.decode(heads), self._records(ids) if repeats else {}

    def _records(self, ids: list[str]) -> dict[str, CommandRecord]:
        rows = self._raw.execute(f"{_COMMANDS} ({_marks(len(ids))})", ids)
        return {row[0]: CommandRecord(**dict(zip(CommandRecord.__struct_fields__, row, strict=True))) for row in rows}

    def _write(self, insert: RowInsert, rows: Sequence[tuple[Any, ...]]) -> None:
        for text, values in insert.parts(rows):
            self._raw.execute(text, values)


def _judge(append: Append, known: CommandRecord | None, actual: int, position: int) -> Outcome:
    if known is not None:
        return Appended(known, True) if known.command_hash == append.command_hash else Refusal(append.command_id)
    if actual != append.expected_version:
        return WrongVersion(append.stream, append.expected_version, actual)
    count = len(append.events)
    record = CommandRecord(
        command_id=append.command_id,
        command_hash=append.command_hash,
        stream=append.stream,
        first_version=actual + 1,
        last_version=actual + count,
        position=position + count,
    )
    return Appended(record, False)


def _filled(values: list[str]) -> list[str]:
    """Filled up to a power of two by the last value, so that there are few statements to keep."""
    size = 1 << (len(values) - 1).bit_length()
    return values + values[-1:] * (size - len(values))


@cache
def _look(count: int) -> str:
    among = f"IN ({_marks(count)})"
    return (
        "SELECT (SELECT coalesce(max(position), 0) FROM events),"
        f" (SELECT json_group_object(stream, version) FROM streams WHERE stream {among}),"
        f" EXISTS (SELECT 1 FROM commands WHERE command_id {among})"
    )


@cache
def _marks(count: int) -> str:
    return ",".join("?" * count)
