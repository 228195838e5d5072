"""Recorded events as CloudEvents 1.0, for Kafka (binary or structured) and HTTP (structured, batched).

`source` and `id` together are unique: `/bizenv/<service>` and `<stream>/<version>`. The data are the stored bytes,
never encoded anew. Every extension is text: a position outgrows CloudEvents' 32-bit integers.

A reader knows the mode by `content-type` alone, as the Kafka binding says; `ce_` headers beside a structured
message mean nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import cast

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
    """Kafka headers and value. The record's key is the stream, which stays in `partitionkey` as well.

    The same attributes as `attributes_of`, written out once more: a relay makes tens of thousands a second.
    """
    recorded = _written(envelope.recorded_at)
    stream = envelope.stream.encode()
    sequence = b"%010d" % envelope.version
    headers = [
        _JSON,
        _SPECVERSION,
        ("ce_id", b"%b/%d" % (stream, envelope.version)),
        ("ce_source", _SOURCES[envelope.service]),
        ("ce_type", _TYPES[envelope.type][0]),
        ("ce_subject", stream),
        ("ce_time", recorded),
        ("ce_dataschema", _TYPES[envelope.type][1]),
        ("ce_partitionkey", stream),
        ("ce_sequence", sequence),
        ("ce_recordedtime", recorded),
        ("ce_correlationid", envelope.correlation_id.encode()),
        ("ce_causationid", envelope.causation_id.encode()),
        ("ce_occurredon", envelope.occurred_on.isoformat().encode()),
        ("ce_actor", envelope.actor.encode()),
        ("ce_commandid", envelope.command_id.encode()),
        ("ce_commandhash", envelope.command_hash.hex().encode()),
        ("ce_epoch", b"%d" % envelope.epoch),
        ("ce_partition", b"%d" % envelope.partition),
        ("ce_position", b"%d" % envelope.position),
        ("ce_previous", b"%d" % previous),
    ]
    if envelope.traceparent is not None:  # one hop so far: the hop's own context equals the starting one
        traceparent = envelope.traceparent.encode()
        headers += [("ce_traceparent", traceparent), ("traceparent", traceparent)]
    return headers, envelope.data


def _written(instant: datetime) -> bytes:
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="microseconds")[:-6].encode() + b"Z"


class _Sources(dict[str, bytes]):
    """The attribute `source` of each service."""

    def __missing__(self, service: str) -> bytes:
        self[service] = (SOURCE_PREFIX + service).encode()
        return self[service]


class _Types(dict[str, tuple[bytes, bytes]]):
    """The attributes `type` and `dataschema` of each event type; there are as many as the code declares."""

    def __missing__(self, name: str) -> tuple[bytes, bytes]:
        self[name] = name.encode(), (SCHEMA_PREFIX + name).encode()
        return self[name]


_JSON = ("content-type", DATA_TYPE.encode())
_SPECVERSION = ("ce_specversion", b"1.0")
_SOURCES = _Sources()
_TYPES = _Types()


def read_message(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> tuple[Envelope, int]:
    """The envelope and the previous position in a Kafka record of either mode; raises MalformedEvent."""
    found = dict(headers)
    if value is not None and found.get("content-type") == _JSON[1]:
        with contextlib.suppress(KeyError, ValueError, AttributeError, TypeError):  # then it is told what is wrong
            return _read_ours(cast(dict[str, bytes], found), value)
    known = {name.lower(): content for name, content in found.items() if content is not None}
    kind = known.get("content-type", b"").lower()
    if kind.startswith(b"application/cloudevents-batch"):
        raise MalformedEvent("a batch of CloudEvents has no place in a Kafka record")
    if value is None:
        raise MalformedEvent("the record has no value")
    return from_structured(value) if kind.startswith(b"application/cloudevents") else from_binary(known, value)


def _read_ours(found: Mapping[str, bytes], value: bytes) -> tuple[Envelope, int]:
    """As `from_binary`, for a record just as `to_binary` writes it. KeyError, ValueError for any other."""
    source, version, traceparent = found["ce_source"], int(found["ce_sequence"]), found.get("ce_traceparent")
    stream, prefix = found["ce_subject"], SOURCE_PREFIX.encode()
    ours = found["ce_specversion"] == b"1.0" and source.startswith(prefix)
    if not ours or found["ce_id"] != b"%b/%d" % (stream, version):
        raise ValueError("not an event of this platform")
    envelope = Envelope(
        service=source[len(prefix) :].decode(),
        epoch=int(found["ce_epoch"]),
        position=int(found["ce_position"]),
        partition=int(found["ce_partition"]),
        stream=stream.decode(),
        version=version,
        type=found["ce_type"].decode(),
        occurred_on=date.fromisoformat(found["ce_occurredon"].decode()),
        recorded_at=_instant(found["ce_time"].decode()),
        actor=found["ce_actor"].decode(),
        command_id=found["ce_commandid"].decode(),
        command_hash=bytes.fromhex(found["ce_commandhash"].decode()),
        correlation_id=found["ce_correlationid"].decode(),
        causation_id=found["ce_causationid"].decode(),
        traceparent=None if traceparent is None else traceparent.decode(),
        data=value,
    )
    return envelope, int(found["ce_previous"])


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
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)
