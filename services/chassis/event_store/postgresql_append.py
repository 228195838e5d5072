"""A batch on its way to `append_batch` and back: binary arrays out, few rows in, one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from psycopg import Connection, errors, pq

from services.chassis.envelope import partition_of
from services.chassis.event_store.model import (
    Append,
    Appended,
    CommandRecord,
    Outcome,
    Refusal,
    WrongVersion,
)
from services.chassis.event_store.postgresql_arrays import (
    ARRAYS,
    BIGINT,
    BYTEA,
    INTEGER,
    TEXT,
    blobs,
    numbers,
    texts,
    texts_or_nulls,
)
from services.chassis.event_store.postgresql_function import ARGUMENTS, CALL

STATEMENT = b"append_batch"

_KINDS = {"text[]": TEXT, "bytea[]": BYTEA, "integer[]": INTEGER, "bigint[]": BIGINT}
_TYPES = [ARRAYS[_KINDS[kind]] for _, kind in ARGUMENTS]
_CALL = CALL.format(", ".join(f"${number}" for number in range(1, len(ARGUMENTS) + 1))).encode()
_BINARY = [pq.Format.BINARY] * len(ARGUMENTS)

_MEMBER, _KNOWN, _SAME, _STREAM, _FIRST, _LAST, _AT = range(7)


def prepare(raw: Connection) -> None:
    """Have the connection know the statement; once for each connection, which keeps no other from now on: the driver
    lets go of all of them together."""
    raw.prepare_threshold = None
    _require(raw.pgconn.prepare(STATEMENT, _CALL, _TYPES), pq.ExecStatus.COMMAND_OK)


def append_batch(raw: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
    """Append on a connection that is prepared and in autocommit; raises the driver's error.

    It goes past the driver's cursor, which costs this thread as much time as the arrays do, and other threads wait for
    each moment of it.
    """
    result = raw.pgconn.exec_prepared(STATEMENT, _arrays(batch, partitions), _BINARY, pq.Format.BINARY)
    _require(result, pq.ExecStatus.TUPLES_OK)
    return _outcomes(batch, result)


def _require(result: pq.abc.PGresult, status: pq.ExecStatus) -> None:
    if result.status != status:
        raise errors.error_from_result(result)


def _arrays(batch: Sequence[Append], partitions: int) -> list[bytes]:
    counts = [len(append.events) for append in batch]
    events = list(chain.from_iterable(append.events for append in batch))
    return [
        texts([append.stream for append in batch]),
        numbers(INTEGER, [append.expected_version for append in batch]),
        numbers(INTEGER, counts),
        numbers(INTEGER, [partition_of(append.stream, partitions) for append in batch]),
        numbers(BIGINT, [append.recorded_at for append in batch]),
        texts([append.actor for append in batch]),
        texts([append.command_id for append in batch]),
        blobs([append.command_hash for append in batch]),
        texts([append.correlation_id for append in batch]),
        texts([append.causation_id for append in batch]),
        texts_or_nulls([append.traceparent for append in batch]),
        numbers(INTEGER, [member for member, count in enumerate(counts, 1) for _ in range(count)]),
        numbers(INTEGER, [step for count in counts for step in range(1, count + 1)]),
        texts([event.type for event in events]),
        texts([event.occurred_on.isoformat() for event in events]),
        blobs([event.data for event in events]),
    ]


def _outcomes(batch: Sequence[Append], result: pq.abc.PGresult) -> list[Outcome]:
    position = _number(result, 0, _AT)
    others = {_number(result, row, _MEMBER): row for row in range(1, result.ntuples)}
    outcomes: list[Outcome] = []
    for member, append in enumerate(batch, 1):
        if others and member in others:
            outcomes.append(_not_appended(append, result, others[member]))
            continue
        position += len(append.events)
        outcomes.append(_appended(append, position))
    return outcomes


def _appended(append: Append, position: int) -> Appended:
    record = CommandRecord(
        command_id=append.command_id,
        command_hash=append.command_hash,
        stream=append.stream,
        first_version=append.expected_version + 1,
        last_version=append.expected_version + len(append.events),
        position=position,
    )
    return Appended(record, False)


def _not_appended(append: Append, result: pq.abc.PGresult, row: int) -> Outcome:
    if not _number(result, row, _KNOWN):
        return WrongVersion(append.stream, append.expected_version, _number(result, row, _LAST))
    if not _number(result, row, _SAME):
        return Refusal(append.command_id)
    record = CommandRecord(
        command_id=append.command_id,
        command_hash=append.command_hash,
        stream=_value(result, row, _STREAM).decode(),
        first_version=_number(result, row, _FIRST),
        last_version=_number(result, row, _LAST),
        position=_number(result, row, _AT),
    )
    return Appended(record, True)


def _number(result: pq.abc.PGresult, row: int, column: int) -> int:
    return int.from_bytes(_value(result, row, column), "big", signed=True)


def _value(result: pq.abc.PGresult, row: int, column: int) -> bytes:
    value = result.get_value(row, column)
    assert value is not None
    return value
