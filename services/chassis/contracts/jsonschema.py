"""JSON Schemas (draft 2020-12) of the Structs, as msgspec says them, with what it leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from services.chassis.domain import Event
from services.chassis.feed.cloudevents import SCHEMA_PREFIX

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def components(types: Iterable[type], template: str) -> dict[str, Schema]:
    """The schema of each of these Structs and of all that they hold, by name; `template` makes the references."""
    _, found = msgspec.json.schema_components(list(types), ref_template=template)
    return {name: plain(schema) for name, schema in found.items()}


def event_schema(event: type[Event]) -> Schema:
    """The schema of one event's data, on its own feet. Readers are tolerant: more fields may come."""
    found = components([event], "#/$defs/{name}")
    own = found.pop(event.__name__)
    head = {"$schema": DRAFT, "$id": SCHEMA_PREFIX + event.type}
    definitions = {"$defs": {name: tolerant(schema) for name, schema in found.items()}} if found else {}
    return {**head, **tolerant(own), **definitions}


def tolerant(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name != "additionalProperties" or value is not False}


def plain(value: Any) -> Any:
    """The same in JSON's own types: defaults and enum members as they are written."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return msgspec.to_builtins(value)
