"""The headers of an event's record on Kafka, CloudEvents in binary mode: what each one is, and an example of all."""

from __future__ import annotations

from services.chassis.contracts.jsonschema import Schema
from services.chassis.contracts.samples import DAY, INSTANT
from services.chassis.domain import Event
from services.chassis.envelope import Envelope, partition_of
from services.chassis.feed.cloudevents import DATA_TYPE, SCHEMA_PREFIX, attributes_of
from services.chassis.forms.embedded import PARTITIONS

TRAIT = "cloudEventsKafkaBinary"

STREAM = "^[a-z][a-z_]*-.+$"
_EVENT_ID = r"^[a-z][a-z_]*-.+/[1-9][0-9]*$"
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_FROM_1 = "^[1-9][0-9]*$"
_FROM_0 = "^(0|[1-9][0-9]*)$"
_TRACEPARENT = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"

_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "specversion": (r"^1\.0$", "Version of CloudEvents."),
    "id": (_EVENT_ID, "`<stream>/<version>`; unique with `source`, the same on every delivery."),
    "source": ("^/bizenv/[a-z][a-z_]*$", "`/bizenv/<service>`, the service of the topic."),
    "type": (r"^bizenv(\.[a-z][a-z_]*)+\.v[1-9][0-9]*$", "The event's type, its version included."),
    "subject": (STREAM, "The stream: `<aggregate>-<id>`."),
    "time": (_INSTANT, "When it was recorded (UTC)."),
    "dataschema": (f"^{SCHEMA_PREFIX}", "Names the JSON Schema of the data."),
    "partitionkey": (STREAM, "The stream; also the record's key."),
    "sequence": ("^[0-9]{10,}$", "Version in its stream from 1, zero-padded: compares as text."),
    "recordedtime": (_INSTANT, "When it was recorded (UTC)."),
    "correlationid": ("^.+$", "Joins all that follows from one request."),
    "causationid": ("^.+$", "The command or event that caused it."),
    "occurredon": (_DAY, "The day on which it happened (Asia/Shanghai)."),
    "actor": ("^[^:]+:.+$", "`<role>:<account>` of who recorded it."),
    "commandid": ("^.+$", "The command that recorded it."),
    "commandhash": ("^[0-9a-f]{64}$", "SHA-256 of that command, in hex."),
    "storeid": ("^.+$", "The city's store id: all its stores bear it. A record with another one is of another city."),
    "epoch": (_FROM_1, "Epoch of the event store; raised after a restore."),
    "partition": (_FROM_0, "The stream's partition, fixed for ever; also the record's."),
    "position": (_FROM_1, "Position in its service's store, from 1."),
    "previous": (_FROM_0, "Position of the event before it in this partition (0: none). A gap shows a lost record."),
    "traceparent": (_TRACEPARENT, "W3C trace context in which it was recorded."),
}
"""Each attribute but `datacontenttype`: the pattern that every value keeps to, and its meaning."""

_OPTIONAL = "traceparent"


def headers_trait() -> Schema:
    """What holds of the headers of every event."""
    properties = {f"ce_{name}": _text(pattern, meaning) for name, (pattern, meaning) in _ATTRIBUTES.items()}
    properties["content-type"] = {"type": "string", "enum": [DATA_TYPE]}
    properties["traceparent"] = _text(_TRACEPARENT, "The same as `ce_traceparent`, under the name that tracers read.")
    required = [name for name in properties if name.removeprefix("ce_") != _OPTIONAL]
    headers = {"type": "object", "required": required, "properties": properties}
    correlation = {"location": "$message.header#/ce_correlationid", "description": _ATTRIBUTES["correlationid"][1]}
    return {"headers": headers, "correlationId": correlation}


def headers_of_type(event: type[Event]) -> Schema:
    """What holds of this type's headers besides."""
    fixed = {"ce_type": event.type, "ce_dataschema": SCHEMA_PREFIX + event.type}
    properties = {name: {"type": "string", "enum": [value]} for name, value in fixed.items()}
    return {"type": "object", "properties": properties}


def _text(pattern: str, meaning: str) -> Schema:
    return {"type": "string", "pattern": pattern, "description": meaning}


def example_headers(event: type[Event], service: str) -> dict[str, str]:
    """The headers of a record of this type, as a consumer sees them."""
    stream = f"{event.type.split('.')[1]}-sample-1"
    envelope = Envelope(
        service=service,
        epoch=1,
        position=120,
        partition=partition_of(stream, PARTITIONS),
        stream=stream,
        version=3,
        type=event.type,
        occurred_on=DAY,
        recorded_at=INSTANT,
        actor="city_group:wang",
        command_id="0b5f7a3e-2f0c-4c57-9b0e-6a2d8a3c1f10",
        command_hash=bytes(32),
        correlation_id="0b5f7a3e-2f0c-4c57-9b0e-6a2d8a3c1f10",
        causation_id="0b5f7a3e-2f0c-4c57-9b0e-6a2d8a3c1f10",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=b"{}",
        store_id="5e1c7a52-7d0b-4f0e-8a55-3c1d9b2e6f70",
    )
    attributes = attributes_of(envelope, previous=117)
    headers = {"content-type": attributes.pop("datacontenttype"), "traceparent": attributes["traceparent"]}
    return headers | {f"ce_{name}": value for name, value in attributes.items()}
