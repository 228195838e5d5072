"""Events as they are published: golden bytes, schemas, AsyncAPI — of the sample service and of the real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from services.catalogue import SERVICES
from services.chassis.contracts.asyncapi import asyncapi_document
from services.chassis.contracts.descriptors import PROTO_FOLDER
from services.chassis.contracts.goldens import (
    GOLDEN_FOLDER,
    events_of_all,
    golden_bytes,
    golden_path,
    settle,
)
from services.chassis.contracts.jsonschema import event_schema
from services.chassis.domain import Event
from services.chassis.forms.embedded import PARTITIONS
from services.chassis.kafka.topics import TopicShape
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.truth.heads import FORMAT, Head, parse_line
from tests.contract.sample import SERVICE, WorkRegistered

PLACE = "https://bizenv.example/events"
"""Where the document is, for its relative references."""

REAL = events_of_all(SERVICES)
UPCASTS = {name: upcast for service in SERVICES for name, upcast in service.upcasts.items()}
REGISTRY = EventRegistry(REAL.values(), UPCASTS)


@pytest.mark.parametrize("name", REAL)
def test_a_golden_event_is_read_and_written_as_the_same_bytes(name: str) -> None:
    data = golden_bytes(name)
    assert REGISTRY.encode(REGISTRY.decode(name, data)) == data


@pytest.mark.parametrize("name", REAL)
def test_a_golden_event_keeps_to_its_checked_in_schema(name: str) -> None:
    schema = json.loads((PROTO_FOLDER / "events" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(golden_bytes(name)))


def test_every_golden_event_is_still_read() -> None:
    for path in sorted(GOLDEN_FOLDER.glob("*.json")):
        assert isinstance(REGISTRY.decode(path.stem, golden_bytes(path.stem)), Event)


def test_a_published_golden_event_is_never_touched(tmp_path: Path) -> None:
    published = {event.type for event in SERVICE.events} | {"bizenv.work.gone.v1"}
    assert [path.stem for path in settle([SERVICE], published, tmp_path)] == [event.type for event in SERVICE.events]
    golden_path(WorkRegistered.type, tmp_path).write_bytes(b"{}\n")
    golden_path("bizenv.work.gone.v1", tmp_path).write_bytes(b"{}\n")
    assert settle([SERVICE], published, tmp_path) == []
    assert golden_bytes(WorkRegistered.type, tmp_path) == golden_bytes("bizenv.work.gone.v1", tmp_path) == b"{}"


def test_an_unpublished_golden_event_follows_its_struct(tmp_path: Path) -> None:
    settle([SERVICE], (), tmp_path)
    path, gone = golden_path(WorkRegistered.type, tmp_path), golden_path("bizenv.work.gone.v1", tmp_path)
    by_hand = path.read_bytes().replace(b"12.50", b"99.90")
    path.write_bytes(by_hand)
    assert settle([SERVICE], (), tmp_path) == []
    assert path.read_bytes() == by_hand
    path.write_bytes(b"{}\n")
    gone.write_bytes(b"{}\n")
    assert settle([SERVICE], (), tmp_path) == [gone, path]
    assert not gone.exists()


def test_a_schema_stands_on_its_own_and_lets_more_fields_come() -> None:
    schema = event_schema(WorkRegistered)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:bizenv:schema:bizenv.work.registered.v1"
    assert "additionalProperties" not in json.dumps(schema)
    newer = {"occurred_on": "2017-03-01", "name": "n", "kind": "road", "unit": "u", "investment_yuan": 1, "later": {}}
    Draft202012Validator(schema).validate(newer)
    assert msgspec.convert(newer, WorkRegistered).name == "n"


@pytest.fixture(params=["sample", "real"])
def services(request: pytest.FixtureRequest) -> Sequence[Service]:
    return (SERVICE,) if request.param == "sample" else SERVICES


@pytest.fixture
def document(services: Sequence[Service], tmp_path: Path) -> Any:
    settle(services, (), tmp_path)
    return json.loads(json.dumps(asyncapi_document(services, tmp_path)))


def resolve(document: Any, reference: str) -> Any:
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


MESSAGE_NEEDS = ["name", "title", "summary", "description", "contentType", "headers", "payload", "bindings", "examples"]
MESSAGE = (*MESSAGE_NEEDS, "traits")

STRUCTURE = {
    "type": "object",
    "required": ["asyncapi", "info", "servers", "channels", "operations", "components", "defaultContentType"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "id": {"type": "string", "format": "uri"},
        "defaultContentType": {"const": "application/json"},
        "info": {
            "type": "object",
            "required": ["title", "version", "description", "contact"],
            "properties": {
                "contact": {"required": ["name"]},
                "tags": {"items": {"required": ["name"]}},
            },
            "propertyNames": {"enum": ["title", "version", "description", "contact", "tags"]},
        },
        "servers": {
            "additionalProperties": {
                "required": ["host", "protocol"],
                "properties": {"protocol": {"enum": ["kafka", "kafka-secure"]}, "security": {"minItems": 1}},
                "if": {"properties": {"protocol": {"const": "kafka-secure"}}},
                "then": {"required": ["security"]},
                "propertyNames": {"enum": ["host", "protocol", "description", "variables", "security"]},
            }
        },
        "channels": {
            "additionalProperties": {
                "required": ["address", "messages", "bindings"],
                "propertyNames": {"enum": ["address", "title", "description", "servers", "messages", "bindings"]},
                "properties": {
                    "bindings": {
                        "required": ["kafka"],
                        "properties": {
                            "kafka": {
                                "properties": {
                                    "bindingVersion": {"const": "0.5.0"},
                                    "partitions": {"type": "integer", "minimum": 1},
                                    "replicas": {"type": "integer", "minimum": 1},
                                    "topicConfiguration": {
                                        "properties": {
                                            "cleanup.policy": {"type": "array"},
                                            "retention.ms": {"type": "integer", "minimum": -1},
                                            "retention.bytes": {"type": "integer", "minimum": -1},
                                            "max.message.bytes": {"type": "integer", "minimum": 1},
                                            "min.insync.replicas": {"type": "integer", "minimum": 1},
                                        },
                                        "additionalProperties": False,
                                    },
                                },
                                "propertyNames": {
                                    "enum": ["topic", "partitions", "replicas", "topicConfiguration", "bindingVersion"]
                                },
                            }
                        },
                    }
                },
            }
        },
        "operations": {
            "additionalProperties": {
                "required": ["action", "channel"],
                "properties": {"action": {"const": "send"}},
                "propertyNames": {"enum": ["action", "channel", "summary", "messages"]},
            }
        },
        "components": {
            "propertyNames": {"enum": ["messages", "messageTraits", "schemas", "securitySchemes"]},
            "properties": {
                "messages": {
                    "additionalProperties": {"propertyNames": {"enum": [*MESSAGE]}, "required": MESSAGE_NEEDS}
                },
                "messageTraits": {"additionalProperties": {"propertyNames": {"enum": ["headers", "correlationId"]}}},
                "securitySchemes": {
                    "additionalProperties": {
                        "required": ["type"],
                        "properties": {"type": {"enum": ["scramSha512", "X509"]}},
                        "propertyNames": {"enum": ["type", "description"]},
                    }
                },
            },
        },
    },
}
"""What AsyncAPI 3.0 says of the parts that we use."""


def test_the_document_keeps_to_the_structure(document: Any) -> None:
    Draft202012Validator(STRUCTURE, format_checker=FormatChecker()).validate(document)


def test_every_reference_leads_somewhere(document: Any, services: Sequence[Service]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                assert resolve(document, reference) is not None
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
    channels = document["channels"]
    for service in services:
        if service.events:
            own, heads = channels[service.name], channels[f"{service.name}_heads"]
            assert own["address"] == f"bizenv.{service.name}.events"
            assert heads["address"] == f"bizenv.{service.name}.heads"
            assert {event.type for event in service.events} <= set(own["messages"])


def test_the_topics_are_told_as_a_city_makes_them(document: Any) -> None:
    replicas = Settings().kafka_replication
    made = TopicShape(replication=replicas, min_insync=2).settings()
    for channel in document["channels"].values():
        binding = channel["bindings"]["kafka"]
        assert (binding["topic"], binding["replicas"]) == (channel["address"], replicas)
        assert binding["partitions"] == (1 if channel["address"].endswith(".heads") else PARTITIONS)
        for name, value in binding["topicConfiguration"].items():
            told = ",".join(value) if isinstance(value, list) else str(value)
            assert told == made[name]


def headers_schemas(document: Any, message: Any) -> list[Any]:
    """The message's own, and those of its traits: all of them hold."""
    return [message["headers"], *(resolve(document, each["$ref"])["headers"] for each in message.get("traits", []))]


def test_every_example_keeps_to_its_headers_and_payload(document: Any, services: Sequence[Service]) -> None:
    schemas = {f"{PLACE}/schemas/{name}.json": event_schema(event) for name, event in events_of_all(services).items()}
    registry: Registry[Any] = Registry().with_resources(
        (reference, Resource.from_contents(schema)) for reference, schema in schemas.items()
    )
    registry = registry.with_resource(f"{PLACE}/asyncapi.json", DRAFT202012.create_resource(document))
    for name, message in document["components"]["messages"].items():
        assert message["name"] == name
        assert len(message["examples"]) >= 1
        for example in message["examples"]:
            headers = headers_schemas(document, message)
            Draft202012Validator({"allOf": headers}).validate(example["headers"])
            assert set(example["headers"]) == {name for schema in headers for name in schema["properties"]}
            payload = {"$ref": f"{PLACE}/asyncapi.json#/components/messages/{name}/payload"}
            Draft202012Validator(payload, registry=registry).validate(example["payload"])


def test_the_headers_of_one_type_are_not_those_of_another(document: Any) -> None:
    messages = [each for each in document["components"]["messages"].values() if "traits" in each]
    for message in messages:
        schema = Draft202012Validator({"allOf": headers_schemas(document, message)})
        takers = [other["name"] for other in messages if schema.is_valid(other["examples"][0]["headers"])]
        assert takers == [message["name"]]


def test_the_example_of_a_head_is_one(document: Any) -> None:
    (example,) = document["components"]["messages"][FORMAT]["examples"]
    head = msgspec.convert(example["payload"], Head)
    assert head.signed_bytes()
    assert parse_line(head.line()) == head
