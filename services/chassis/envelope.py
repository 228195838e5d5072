"""The envelope around every recorded event: who, when, where in which stream, and the exact bytes."""

from __future__ import annotations

import zlib
from datetime import date, datetime
from typing import NewType

import msgspec

LARGEST_RECORD_BYTES = 4 * 1024 * 1024
"""Of an event with all that is around it on a topic (`max.message.bytes`)."""

LARGEST_EVENT_BYTES = LARGEST_RECORD_BYTES - 64 * 1024
"""Of an event's data. What is around them takes less than the rest: what was recorded can always be sent."""

EventId = NewType("EventId", str)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recorded event as the store keeps it and the bus carries it.

    `position` is its place in its service's store (from 1, visible in order), `partition` the fixed hash of
    its stream, `version` its place in the stream (from 1). `store_id` is the city's, which all its stores bear; empty
    only where it is not known: set aside by an earlier build. `recorded_at` is an aware UTC instant, `data` the
    exact JSON bytes of the fact. `command_hash` is the SHA-256 of the command that caused it. It holds plain values
    only, so the garbage collector need not look into it (`gc=False`): thousands are read at a time.
    """

    service: str
    epoch: int
    position: int
    partition: int
    stream: str
    version: int
    type: str
    occurred_on: date
    recorded_at: datetime
    actor: str
    command_id: str
    command_hash: bytes
    correlation_id: str
    causation_id: str
    traceparent: str | None
    data: bytes
    store_id: str = ""

    @property
    def id(self) -> EventId:
        """`<stream>/<version>`: unique in its service, the same on every delivery."""
        return EventId(f"{self.stream}/{self.version}")

    @property
    def entity(self) -> str:
        """The entity's id: the stream's name without its aggregate."""
        return self.stream.partition("-")[2]


def partition_of(stream: str, partitions: int) -> int:
    """The partition of a stream: CRC-32 of its UTF-8 name modulo the (never changing) number of partitions."""
    return zlib.crc32(stream.encode()) % partitions
