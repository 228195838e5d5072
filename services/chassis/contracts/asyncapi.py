"""The AsyncAPI 3.0 document of the event topics on Kafka."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from services.chassis.cloudevents import DATA_TYPE, attributes_of
from services.chassis.contracts.about import CONTACT, VERSION
from services.chassis.contracts.goldens import GOLDEN_FOLDER, events_of, events_of_all, golden_bytes
from services.chassis.contracts.jsonschema import Schema
from services.chassis.contracts.model import summary
from services.chassis.contracts.samples import DAY, INSTANT
from services.chassis.domain import Event
from services.chassis.envelope import Envelope, partition_of
from services.chassis.service import Service

PARTITIONS = 12
BINDING = "0.5.0"
_TRAIT = "cloudEventsKafkaBinary"
_REQUIRED = ("ce_specversion", "ce_id", "ce_source", "ce_type", "content-type")

_MEANINGS = {
    "specversion": "Version of CloudEvents.",
    "id": "`<stream>/<version>`; unique with `source`, the same on every delivery.",
    "source": "`/bizenv/<service>`.",
    "type": "The event's type, its version included.",
    "subject": "The stream: `<aggregate>-<id>`.",
    "time": "When it was recorded (UTC).",
    "dataschema": "Names the JSON Schema of the data.",
    "partitionkey": "The stream; also the record's key.",
    "sequence": "Version in its stream, zero-padded: compares as text.",
    "recordedtime": "When it was recorded (UTC).",
    "correlationid": "Joins all that follows from one request.",
    "causationid": "The command or event that caused it.",
    "occurredon": "The day on which it happened (Asia/Shanghai).",
    "actor": "`<role>:<account>` of who recorded it.",
    "commandid": "The command that recorded it.",
    "commandhash": "SHA-256 of that command, in hex.",
    "epoch": "Epoch of the event store; raised after a restore.",
    "partition": "The stream's partition, fixed for ever.",
    "position": "Position in its service's store, from 1.",
    "previous": "Position of the event before it in this partition (0: none). A gap shows a lost record.",
    "traceparent": "W3C trace context in which it was recorded.",
}


def asyncapi_document(services: Iterable[Service], golden: Path = GOLDEN_FOLDER) -> Schema:
    """The document; FileNotFoundError when an event has no golden file yet."""
    publishing = [service for service in services if events_of(service)]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:bizenv:events",
        "info": _info(),
        "defaultContentType": DATA_TYPE,
        "servers": {"kafka": _server()},
        "channels": {service.name: _channel(service) for service in publishing},
        "operations": {f"publish_{service.name}": _operation(service) for service in publishing},
        "components": {
            "messages": {event.type: _message(event, owner.name, golden) for owner, event in _owned(publishing)},
            "messageTraits": {_TRAIT: _trait()},
            "securitySchemes": {"sasl": {"type": "scramSha512", "description": "SASL/SCRAM over TLS."}},
        },
    }


def _owned(services: list[Service]) -> list[tuple[Service, type[Event]]]:
    """Each event once, with the first service that publishes it."""
    owners = {event.type: service for service in reversed(services) for event in events_of(service)}
    return [(owners[name], event) for name, event in events_of_all(services).items()]


def _info() -> Schema:
    text = (
        "The recorded facts of the city's business-environment programme (营商环境推进方案) as CloudEvents 1.0, in "
        "binary mode. Each topic keeps them for ever, in order within a stream; a record may come more than once."
    )
    tags = [{"name": "营商环境"}, {"name": "cloudevents"}]
    return {"title": "bizenv events", "version": VERSION, "description": text, "contact": CONTACT, "tags": tags}


def _server() -> Schema:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka-secure",
        "description": "The city's Kafka.",
        "variables": {"bootstrap": {"default": "kafka.bizenv.example:9093", "description": "Bootstrap address."}},
        "security": [{"$ref": "#/components/securitySchemes/sasl"}],
    }


def topic_of(service: Service) -> str:
    return f"bizenv.{service.name}.events"


def _channel(service: Service) -> Schema:
    topic = topic_of(service)
    configuration = {"cleanup.policy": ["delete"], "retention.ms": -1, "retention.bytes": -1}
    kafka = {"topic": topic, "partitions": PARTITIONS, "replicas": 3, "topicConfiguration": configuration}
    return {
        "address": topic,
        "title": service.title,
        "description": f"Every fact that {service.name} ({service.title}) recorded.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {e.type: {"$ref": f"#/components/messages/{e.type}"} for e in events_of(service)},
        "bindings": {"kafka": {**kafka, "bindingVersion": BINDING}},
    }


def _operation(service: Service) -> Schema:
    channel = f"#/channels/{service.name}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": f"{service.name} publishes what it recorded.",
        "messages": [{"$ref": f"{channel}/messages/{event.type}"} for event in events_of(service)],
    }


def _message(event: type[Event], service: str, golden: Path) -> Schema:
    said = summary(event)
    example = msgspec.json.decode(golden_bytes(event.type, golden))
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": said.partition("\n")[0],
        "description": said,
        "contentType": DATA_TYPE,
        "traits": [{"$ref": f"#/components/messageTraits/{_TRAIT}"}],
        "payload": {"$ref": f"./schemas/{event.type}.json"},
        "bindings": {"kafka": {"key": _key(), "bindingVersion": BINDING}},
        "examples": [{"name": "example", "headers": example_headers(event, service), "payload": example}],
    }


def _key() -> Schema:
    return {"type": "string", "description": "The stream: `<aggregate>-<id>`. Order holds within one key."}


def _trait() -> Schema:
    """The CloudEvents attributes as Kafka headers, in binary mode."""
    properties: dict[str, Any] = {
        f"ce_{name}": {"type": "string", "description": meaning} for name, meaning in _MEANINGS.items()
    }
    properties["ce_specversion"]["enum"] = ["1.0"]
    properties["content-type"] = {"type": "string", "enum": [DATA_TYPE]}
    properties["traceparent"] = {"type": "string", "description": "This hop's W3C trace context."}
    return {"headers": {"type": "object", "required": list(_REQUIRED), "properties": properties}}


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
    )
    attributes = attributes_of(envelope, previous=117)
    headers = {"content-type": attributes.pop("datacontenttype"), "traceparent": attributes["traceparent"]}
    return headers | {f"ce_{name}": value for name, value in attributes.items()}
