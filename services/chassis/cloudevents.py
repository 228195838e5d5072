"""Recorded events as CloudEvents 1.0, for Kafka (binary or structured) and HTTP (structured, batched).

`source` and `id` together are unique: `/bizenv/<service>` and `<stream>/<version>`. The data are the stored bytes,
never encoded anew. Every extension is text: a position outgrows CloudEvents' 32-bit integers.

A reader knows the mode by `content-type` alone, as the Kafka binding says; `ce_` headers beside a structured
message mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

import msgspec

from services.chassis.envelope import Envelope
from services.chassis.registry import MalformedEvent

Attributes = dict[str, str]
Headers = list[tuple[str, bytes]]

SOURCE_PREFIX = "/bizenv/"
SCHEMA_PREFIX = "urn:bizenv:schema:"
DATA_TYPE = "application/json"
STRUCTURED = "application/cloudevents+json; charset=UTF-8"
BATCH = "application/cloudevents-batch+json; charset=UTF-8"
_SEQUENCE_DIGITS = 10


def attributes_of(envelope: Envelope, previous: int) -> Attributes:
    """Every attribute but the data; `previous` is the position before it in its partition (0: none)."""
    recorded = envelope.recorded_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    found = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": SOURCE_PREFIX + envelope.service,
        "type": envelope.type,
        "subject": envelope.stream,
        "time": recorded,
        "dataschema": SCHEMA_PREFIX + envelope.type,
        "datacontenttype": DATA_TYPE,
        "partitionkey": envelope.stream,
        "sequence": str(envelope.version).zfill(_SEQUENCE_DIGITS),
        "recordedtime": recorded,
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "occurredon": envelope.occurred_on.isoformat(),
        "actor": envelope.actor,
        "commandid": envelope.command_id,
        "commandhash": envelope.command_hash.hex(),
        "epoch": str(envelope.epoch),
        "partition": str(envelope.partition),
        "position": str(envelope.position),
        "previous": str(previous),
    }
    if envelope.traceparent is not None:
        found["traceparent"] = envelope.traceparent
    return found


def to_structured(envelope: Envelope, previous: int) -> bytes:
    """The event in the JSON format, its data embedded as they are stored."""
    return msgspec.json.encode({**attributes_of(envelope, previous), "data": msgspec.Raw(envelope.data)})


def to_batch(page: Iterable[tuple[Envelope, int]]) -> bytes:
    """Events in the JSON batch format (HTTP only; Kafka knows no batches)."""
    return b"[" + b",".join(to_structured(envelope, previous) for envelope, previous in page) + b"]"


def to_binary(envelope: Envelope, previous: int) -> tuple[Headers, bytes]:
    """Kafka headers and value. The record's key is the stream, which stays in `partitionkey` as well."""
    attributes = attributes_of(envelope, previous)
    headers = [("content-type", attributes.pop("datacontenttype").encode())]
    headers += [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    if envelope.traceparent is not None:  # one hop so far: the hop's own context equals the starting one
        headers.append(("traceparent", envelope.traceparent.encode()))
    return headers, envelope.data


def read_message(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> tuple[Envelope, int]:
    """The envelope and the previous position in a Kafka record of either mode; raises MalformedEvent."""
    found = {name.lower(): content for name, content in headers}
    kind = found.get("content-type", b"").lower()
    if kind.startswith(b"application/cloudevents-batch"):
        raise MalformedEvent("a batch of CloudEvents has no place in a Kafka record")
    if value is None:
        raise MalformedEvent("the record has no value")
    return from_structured(value) if kind.startswith(b"application/cloudevents") else from_binary(found, value)


def from_binary(headers: Mapping[str, bytes], value: bytes) -> tuple[Envelope, int]:
    """The envelope in a binary record's `ce_` headers; raises MalformedEvent."""
    try:
        attributes = {name[3:]: content.decode() for name, content in headers.items() if name.startswith("ce_")}
    except UnicodeDecodeError as error:
        raise MalformedEvent("a CloudEvents header is not UTF-8") from error
    return _envelope(attributes, value)


def from_structured(data: bytes) -> tuple[Envelope, int]:
    """The envelope in an event of the JSON format; raises MalformedEvent."""
    try:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        content = bytes(members.pop("data"))
        attributes = {name: str(msgspec.json.decode(value)) for name, value in members.items()}
    except KeyError as error:
        raise MalformedEvent("the event has no data in JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"not a CloudEvent in the JSON format: {error}") from error
    return _envelope(attributes, content)


def _envelope(attributes: Mapping[str, str], data: bytes) -> tuple[Envelope, int]:
    try:
        envelope = _strict_envelope(attributes, data)
        previous = int(attributes["previous"])
    except KeyError as error:
        raise MalformedEvent(f"the attribute {error} is missing") from error
    except ValueError as error:
        raise MalformedEvent(f"an attribute is malformed: {error}") from error
    if envelope.id != attributes["id"]:
        raise MalformedEvent(f"the id {attributes['id']} is not that of {envelope.id}")
    return envelope, previous


def _strict_envelope(attributes: Mapping[str, str], data: bytes) -> Envelope:
    """KeyError for a missing attribute, ValueError for a malformed one."""
    if attributes["specversion"] != "1.0" or not attributes["source"].startswith(SOURCE_PREFIX):
        raise ValueError("not an event of this platform")
    return Envelope(
        service=attributes["source"].removeprefix(SOURCE_PREFIX),
        epoch=int(attributes["epoch"]),
        position=int(attributes["position"]),
        partition=int(attributes["partition"]),
        stream=attributes["subject"],
        version=int(attributes["sequence"]),
        type=attributes["type"],
        occurred_on=date.fromisoformat(attributes["occurredon"]),
        recorded_at=_instant(attributes["time"]),
        actor=attributes["actor"],
        command_id=attributes["commandid"],
        command_hash=bytes.fromhex(attributes["commandhash"]),
        correlation_id=attributes["correlationid"],
        causation_id=attributes["causationid"],
        traceparent=attributes.get("traceparent"),
        data=data,
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)
