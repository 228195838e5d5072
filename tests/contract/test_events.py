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
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from tests.contract.sample import SERVICE, WorkRegistered

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
                "required": ["host", "protocol", "security"],
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
        "components": {"propertyNames": {"enum": ["messages", "messageTraits", "securitySchemes"]}},
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
            own = channels[service.name]
            assert own["address"] == f"bizenv.{service.name}.events"
            assert {event.type for event in service.events} <= set(own["messages"])


def test_every_example_keeps_to_its_headers_and_payload(document: Any, services: Sequence[Service]) -> None:
    schemas = {f"./schemas/{name}.json": event_schema(event) for name, event in events_of_all(services).items()}
    registry: Registry[Any] = Registry().with_resources(
        (reference, Resource.from_contents(schema)) for reference, schema in schemas.items()
    )
    for name, message in document["components"]["messages"].items():
        assert message["name"] == name
        assert len(message["examples"]) >= 1
        (trait,) = (resolve(document, reference["$ref"]) for reference in message["traits"])
        for example in message["examples"]:
            Draft202012Validator(trait["headers"]).validate(example["headers"])
            assert set(example["headers"]) <= set(trait["headers"]["properties"])
            Draft202012Validator({"$ref": message["payload"]["$ref"]}, registry=registry).validate(example["payload"])
