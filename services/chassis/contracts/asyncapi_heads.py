"""What the AsyncAPI document says of the topics of signed heads, by which anyone can prove what a store held."""

from __future__ import annotations

from services.chassis.contracts.asyncapi_kafka import channel, message_binding
from services.chassis.contracts.jsonschema import Schema, components
from services.chassis.contracts.samples import INSTANT
from services.chassis.service import Service
from services.chassis.time.instants import microseconds
from services.chassis.truth.heads import FIRST_PREVIOUS, FORMAT, Head

SCHEMA = "treeHead"

_HASH, _KEY_ID, _SIGNATURE = "^[0-9a-f]{64}$", "^[0-9a-f]{16}$", "^[0-9a-f]{128}$"
_FIELDS: dict[str, Schema] = {
    "epoch": {"minimum": 1, "description": "Epoch of the store."},
    "size": {"minimum": 0, "description": "How many events the log held; the position of the last of them."},
    "position": {"minimum": 0, "description": "The same as `size`."},
    "root": {"pattern": _HASH, "description": "Root of the Merkle tree (RFC 9162) over these events."},
    "previous": {"pattern": _HASH, "description": "SHA-256 of what the head before it signed; zeros for the first."},
    "signed_at": {"description": "Microseconds since 1970 (UTC)."},
    "key_id": {"pattern": _KEY_ID, "description": "First 16 hex digits of the SHA-256 of the public key."},
    "signature": {"pattern": _SIGNATURE, "description": "Ed25519."},
}


def heads_channel(service: Service) -> Schema:
    text = f"Signed heads of the log of {service.name}, in order. What a head counts is on the topic of events before."
    return {
        **channel(f"bizenv.{service.name}.heads", partitions=1),
        "title": f"{service.title} · 树头",
        "description": text,
        "messages": {FORMAT: {"$ref": f"#/components/messages/{FORMAT}"}},
    }


def heads_operation(service: Service) -> Schema:
    where = f"#/channels/{service.name}_heads"
    return {
        "action": "send",
        "channel": {"$ref": where},
        "summary": f"{service.name} publishes each head that it signs.",
        "messages": [{"$ref": f"{where}/messages/{FORMAT}"}],
    }


def head_schema() -> Schema:
    own = components([Head], "#/components/schemas/{name}")[Head.__name__]
    told = {name: {**schema, **_FIELDS.get(name, {})} for name, schema in own["properties"].items()}
    return {**own, "properties": told, "required": [*own["required"], "signature"]}


def head_message() -> Schema:
    content = {"type": "string", "enum": ["application/json"]}
    return {
        "name": FORMAT,
        "title": "Signed tree head",
        "summary": "A signed head: what the log of the service's store held at a moment.",
        "description": "One line of JSON. A head may come more than once; the city's public key proves each.",
        "contentType": "application/json",
        "headers": {"type": "object", "required": ["content-type"], "properties": {"content-type": content}},
        "payload": {"$ref": f"#/components/schemas/{SCHEMA}"},
        "bindings": message_binding({"type": "string", "description": "The service."}),
        "examples": [{"name": "example", "headers": {"content-type": "application/json"}, "payload": _example()}],
    }


def _example() -> Schema:
    moment = microseconds(INSTANT)
    return {
        "store_id": "0b5f7a3e-2f0c-4c57-9b0e-6a2d8a3c1f10",
        "service": "project_tracking",
        "kind": "real",
        "programme": "baoding-2017",
        "created_at": "2017-01-01T00:00:00+00:00",
        "partitions": 12,
        "epoch": 1,
        "size": 120,
        "position": 120,
        "root": "5f" * 32,
        "previous": FIRST_PREVIOUS.hex(),
        "signed_at": moment,
        "key_id": "0f1e2d3c4b5a6978",
        "signature": "a7" * 64,
    }
