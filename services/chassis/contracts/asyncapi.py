"""The AsyncAPI 3.0 document of the event topics on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from services.chassis.contracts.about import CONTACT, VERSION
from services.chassis.contracts.asyncapi_headers import (
    STREAM,
    TRAIT,
    example_headers,
    headers_of_type,
    headers_trait,
)
from services.chassis.contracts.asyncapi_heads import (
    SCHEMA,
    head_message,
    head_schema,
    heads_channel,
    heads_operation,
)
from services.chassis.contracts.asyncapi_kafka import channel, message_binding, security_schemes, servers
from services.chassis.contracts.goldens import GOLDEN_FOLDER, events_of, events_of_all, golden_bytes
from services.chassis.contracts.jsonschema import Schema
from services.chassis.contracts.model import summary
from services.chassis.domain import Event
from services.chassis.feed.cloudevents import DATA_TYPE
from services.chassis.forms.embedded import PARTITIONS
from services.chassis.service import Service
from services.chassis.truth.heads import FORMAT

_TEXT = """\
The recorded facts of the city's business-environment programme (营商环境推进方案) as CloudEvents 1.0, in binary mode. \
Each topic keeps them for ever; only the platform writes to it.

A record may come more than once, and late. Per partition keep `ce_epoch` and `ce_position` of the last event taken, \
together with what you made of it. Take a record if its `ce_previous` is that position. Leave it out if its epoch is \
older, or the same with a position that is not beyond yours. If its `ce_previous` is beyond yours, one before it is \
still to come, and then this one again. A newer epoch whose `ce_previous` is below your position takes back what was \
recorded behind that: the store was put back. Order holds within a partition, so within a stream, not between them."""


def asyncapi_document(services: Iterable[Service], golden: Path = GOLDEN_FOLDER) -> Schema:
    """The document; FileNotFoundError when an event has no golden file yet."""
    publishing = [service for service in services if events_of(service)]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:bizenv:events",
        "info": _info(),
        "defaultContentType": DATA_TYPE,
        "servers": servers(),
        "channels": _both(publishing, _channel, heads_channel),
        "operations": {
            f"publish_{name}": made for name, made in _both(publishing, _operation, heads_operation).items()
        },
        "components": {
            "messages": {
                **{event.type: _message(event, owner.name, golden) for owner, event in _owned(publishing)},
                FORMAT: head_message(),
            },
            "messageTraits": {TRAIT: headers_trait()},
            "schemas": {SCHEMA: head_schema()},
            "securitySchemes": security_schemes(),
        },
    }


def _both(
    services: Sequence[Service], events: Callable[[Service], Schema], heads: Callable[[Service], Schema]
) -> Schema:
    """What is made for each topic, by its name here."""
    made = {service.name: events(service) for service in services}
    return made | {f"{service.name}_heads": heads(service) for service in services}


def _owned(services: list[Service]) -> list[tuple[Service, type[Event]]]:
    """Each event once, with the first service that publishes it."""
    owners = {event.type: service for service in reversed(services) for event in events_of(service)}
    return [(owners[name], event) for name, event in events_of_all(services).items()]


def _info() -> Schema:
    tags = [{"name": "营商环境"}, {"name": "cloudevents"}]
    return {"title": "bizenv events", "version": VERSION, "description": _TEXT, "contact": CONTACT, "tags": tags}


def topic_of(service: Service) -> str:
    return f"bizenv.{service.name}.events"


def _channel(service: Service) -> Schema:
    return {
        **channel(topic_of(service), PARTITIONS),
        "title": service.title,
        "description": f"Every fact that {service.name} ({service.title}) recorded.",
        "messages": {e.type: {"$ref": f"#/components/messages/{e.type}"} for e in events_of(service)},
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
        "headers": headers_of_type(event),
        "traits": [{"$ref": f"#/components/messageTraits/{TRAIT}"}],
        "payload": {"$ref": f"./schemas/{event.type}.json"},
        "bindings": message_binding(_key()),
        "examples": [{"name": "example", "headers": example_headers(event, service), "payload": example}],
    }


def _key() -> Schema:
    return {
        "type": "string",
        "pattern": STREAM,
        "description": "The stream: `<aggregate>-<id>`. Order holds within one key.",
    }
