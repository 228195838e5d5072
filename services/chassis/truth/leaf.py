"""The bytes of an event that the Merkle log covers: every recorded column, so that none can be altered unseen.

Format `bizenv.event.v1`. The entry is `encoding.pack` of fifteen fields in this order:

 1. the text `bizenv.event.v1`
 2. position, a number
 3. stream, text
 4. version, a number
 5. partition, a number
 6. type, text
 7. occurred_on, text `YYYY-MM-DD`
 8. recorded_at, a number: microseconds since 1970-01-01T00:00:00Z
 9. actor, text
10. command_id, text
11. command_hash, bytes
12. correlation_id, text
13. causation_id, text
14. traceparent, text, or absent
15. data, bytes: the JSON exactly as recorded

The leaf of the event at position p stands at index p - 1 and is SHA-256(0x00 ‖ entry). Service, epoch and store id are
not in the entry: the signed head names them, and an event keeps its leaf when the store's epoch rises. A later format
has another first field; logs that hold both stay verifiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.chassis.envelope import Envelope
from services.chassis.event_store.schema import EVENT_COLUMNS
from services.chassis.time.instants import microseconds
from services.chassis.truth.encoding import pack
from services.chassis.truth.merkle import leaf_hash

FORMAT = "bizenv.event.v1"

_TYPES = (int, str, int, int, str, str, int, str, str, bytes, str, str, str, bytes)
"""What a row of the events table holds, column by column; a database with loose types may hold anything."""

_TYPES_WITHOUT_TRACE = (*_TYPES[:12], type(None), bytes)


class MalformedRow(Exception):
    """A row whose column does not hold what the store ever writes there; the message names the column."""


def entry(envelope: Envelope) -> bytes:
    """The entry of an event as anyone holds it who received it, from the store or from the bus."""
    return pack(
        FORMAT,
        envelope.position,
        envelope.stream,
        envelope.version,
        envelope.partition,
        envelope.type,
        envelope.occurred_on.isoformat(),
        microseconds(envelope.recorded_at),
        envelope.actor,
        envelope.command_id,
        envelope.command_hash,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.traceparent,
        envelope.data,
    )


def leaf_of_row(row: Sequence[Any]) -> bytes:
    """The leaf hash of a row of the events table (columns as in `schema.events`); raises MalformedRow."""
    types = tuple(map(type, row))
    if types not in (_TYPES, _TYPES_WITHOUT_TRACE):
        wrong = (
            column for column, found, right in zip(EVENT_COLUMNS, types, _TYPES, strict=True) if found is not right
        )
        raise MalformedRow(next(wrong))
    try:
        return leaf_hash(pack(FORMAT, *row))
    except UnicodeEncodeError as error:
        raise MalformedRow("text") from error
