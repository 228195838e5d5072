"""A record on a topic and the delivery that it is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from services.chassis.bus.port import Delivery
from services.chassis.envelope import Envelope, partition_of
from services.chassis.feed.cloudevents import to_binary
from services.chassis.feed.cloudevents_reading import read_message
from services.chassis.registry import MalformedEvent
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS

log = logger(__name__)

REMEMBERED = 10_000
"""Foreign records that were told of; a topic with more of them is told of again when it is read again."""


class Record(Protocol):
    """What is used of the library's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    headers: list[tuple[str, bytes]]
    value: bytes | None


class KeyedRecord(Record, Protocol):
    """With its key."""

    key: bytes | None


class RecordAt(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


class OtherCity(MalformedEvent):
    """An event of another city's store, whose topics have the same names."""


class UnknownEpoch(MalformedEvent):
    """An event of a later epoch than that of the store: taken, it would let every true one behind it seem outdated."""

    def __init__(self, epoch: int, newest: int) -> None:
        super().__init__(f"it says that it is of epoch {epoch}, and the store is in epoch {newest}")


class Own(NamedTuple):
    """What the records of one service's topic must bear to be events of ours."""

    service: str
    store_id: str | None
    """The city's; None: whichever."""
    partitions: int | None = None
    """How many the store spreads its streams over; None: it is not known here."""
    newest_epoch: int | None = None
    """The one that the store is in; None: it is not known here."""


def delivery_of(record: Record, own: Own) -> Delivery:
    """Raises MalformedEvent for what is no event of ours, stands on another topic or partition than its stream's or
    says that it is of an epoch which the store has not begun; OtherCity for another city's."""
    envelope, previous = read_message(record.headers, record.value)
    if own.store_id not in (None, envelope.store_id):
        raise OtherCity(f"it was recorded by another city's store, {envelope.store_id}, not by {own.store_id}")
    if (envelope.service, envelope.partition) != (own.service, record.partition):
        raise MalformedEvent(f"it belongs to {envelope.service}/{envelope.partition}")
    if own.partitions is not None and partition_of(envelope.stream, own.partitions) != envelope.partition:
        raise MalformedEvent(f"the stream {envelope.stream} does not belong to partition {envelope.partition}")
    if own.newest_epoch is not None and envelope.epoch > own.newest_epoch:
        raise UnknownEpoch(envelope.epoch, own.newest_epoch)
    return Delivery(envelope, previous, record.offset + 1, own_epoch=True)


class Message(NamedTuple):
    """What the library's producer is told of an event, behind the topic, in its order."""

    value: bytes
    key: bytes
    headers: list[tuple[str, bytes]]
    partition: int
    timestamp_ms: int


def record_of(envelope: Envelope, previous: int) -> Message:
    """The record of an event. Its time is the event's."""
    headers, value = to_binary(envelope, previous)
    milliseconds = int(envelope.recorded_at.timestamp() * 1000)
    return Message(value, envelope.stream.encode(), headers, envelope.partition, milliseconds)


class Foreigners:
    """Counts and tells of records that are no events of ours, each once. They are skipped; had it been one of ours, the
    next record names a position that is missing."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int, int]] = set()

    def note(self, record: Record | RecordAt, service: str, reason: Exception) -> None:
        place = (record.topic, record.partition, record.offset)
        if place in self._told:
            return
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told.add(place)
        METRICS.bus_foreign.labels(service).inc()
        log.error(
            "foreign record skipped",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(reason),
        )
