"""Recorded events as CloudEvents 1.0, for Kafka (binary or structured) and HTTP (structured, batched).

`source` and `id` together are unique: `/bizenv/<service>` and `<stream>/<version>`. The data are the stored bytes,
never encoded anew. Every extension is text: a position outgrows CloudEvents' 32-bit integers.

Read again by `cloudevents_reading`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from services.chassis.envelope import Envelope

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
        "storeid": envelope.store_id,
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
        ("ce_storeid", envelope.store_id.encode()),
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
