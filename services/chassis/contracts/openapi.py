"""The OpenAPI 3.1 document of every command, every query and the event feed over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from services.chassis.commanding.gateway import Receipt
from services.chassis.contracts.about import CONTACT, VERSION
from services.chassis.contracts.jsonschema import DRAFT, Schema, components, plain
from services.chassis.contracts.model import summary
from services.chassis.contracts.openapi_parts import ERRORS, HEADERS, RESPONSES, SECURITY_SCHEMES
from services.chassis.contracts.paths import EVENTS_PATH, CommandPath, command_paths
from services.chassis.contracts.problems import ProblemDetails
from services.chassis.contracts.samples import sample_json
from services.chassis.feed.cloudevents import BATCH
from services.chassis.feed.pages import ReadFeed
from services.chassis.service import QueryHandler, Service

TEMPLATE = "#/components/schemas/{name}"
_CALLER = ("Bizenv-Timeout", "traceparent")


def openapi_json(services: Iterable[Service]) -> bytes:
    """The document as bytes, keys in a fixed order."""
    return msgspec.json.encode(openapi_document(tuple(services)))


def openapi_document(services: tuple[Service, ...]) -> Schema:
    """Raises ContractError for a Struct that can't be described."""
    schemas = components(_types(services), TEMPLATE)
    paths: dict[str, Schema] = {}
    for service in services:
        for found in command_paths(service):
            paths[found.path] = {"post": _command(service, found, schemas)}
        for handler in service.queries:
            paths[handler.path] = {"get": _query(service, handler, schemas)}
    paths[EVENTS_PATH] = {"get": _feed(schemas)}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DRAFT,
        "info": _info(),
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "tags": [{"name": service.name, "description": service.title} for service in services],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name in _referred(paths, schemas)},
            "parameters": HEADERS,
            "responses": RESPONSES,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _info() -> Schema:
    text = "Commands, queries and the event feed of the city's business-environment programme (营商环境推进方案)."
    return {"title": "bizenv", "version": VERSION, "description": text, "contact": CONTACT}


def _types(services: Iterable[Service]) -> Iterator[type]:
    yield from (Receipt, ProblemDetails, ReadFeed)
    for service in services:
        yield from (found.command for found in command_paths(service))
        for handler in service.queries:
            yield from (handler.query, handler.answer)


def _referred(paths: Any, schemas: dict[str, Schema]) -> set[str]:
    """The components that the paths need, with what those need."""
    wanted = {"ProblemDetails"}
    waiting = [paths, schemas["ProblemDetails"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix(TEMPLATE.format(name=""))
            if name in schemas and name not in wanted:
                wanted.add(name)
                waiting.append(schemas[name])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return wanted


def _header(name: str) -> Schema:
    return {"$ref": f"#/components/parameters/{name}"}


def _json(schema: Schema, example: Any) -> Schema:
    return {"application/json": {"schema": schema, "example": example}}


def _reference(struct: type) -> Schema:
    return {"$ref": TEMPLATE.format(name=struct.__name__)}


def _command(service: Service, found: CommandPath, schemas: dict[str, Schema]) -> Schema:
    name = found.command.__name__
    body = _without(schemas[name], found.identity)
    example = {key: value for key, value in sample_json(found.command).items() if key != found.identity}
    identity = schemas[name]["properties"][found.identity]
    receipt = {
        "description": "Recorded durably (or nothing to record).",
        "headers": {
            "ETag": {"description": "The stream's version now.", "schema": {"type": "string"}},
            "Bizenv-Position": {"description": "Token for reading one's own write.", "schema": {"type": "string"}},
        },
        "content": _json(_reference(Receipt), sample_json(Receipt)),
    }
    return {
        "operationId": name,
        "tags": [service.name],
        "summary": summary(found.command).partition("\n")[0],
        "description": summary(found.command),
        "parameters": [
            {"name": found.identity, "in": "path", "required": True, "schema": identity},
            *(_header(header) for header in ("Idempotency-Key", "If-Match", *_CALLER)),
        ],
        "requestBody": {"required": True, "content": _json(body, example)},
        "responses": {"200": receipt, **ERRORS},
    }


def _without(schema: Schema, field: str) -> Schema:
    properties = {name: value for name, value in schema["properties"].items() if name != field}
    required = [name for name in schema["required"] if name != field]
    return {**schema, "properties": properties, "required": required}


def _query(service: Service, handler: QueryHandler, schemas: dict[str, Schema]) -> Schema:
    answer = _json(_reference(handler.answer), sample_json(handler.answer))
    return {
        "operationId": handler.query.__name__,
        "tags": [service.name],
        "summary": handler.summary,
        "description": summary(handler.query) or handler.summary,
        "parameters": [
            *_parameters(schemas[handler.query.__name__], handler.path),
            *(_header(header) for header in ("Bizenv-Position", *_CALLER)),
        ],
        "responses": {"200": {"description": "The answer.", "content": answer}, **ERRORS},
    }


def _parameters(schema: Schema, path: str) -> list[Schema]:
    return [
        _parameter(name, value, f"{{{name}}}" in path, name in schema["required"])
        for name, value in schema["properties"].items()
    ]


def _parameter(name: str, schema: Schema, in_path: bool, required: bool) -> Schema:
    """A query parameter is left out rather than null."""
    kept = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    kept |= choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}
    return {"name": name, "in": "path" if in_path else "query", "required": in_path or required, "schema": kept}


def _feed(schemas: dict[str, Schema]) -> Schema:
    headers = {
        "Bizenv-Next": {"description": "`after` of the next page.", "schema": {"type": "string"}},
        "Link": {"description": 'The next page, `rel="next"`.', "schema": {"type": "string"}},
    }
    content = {BATCH.partition(";")[0]: {"schema": {"type": "array", "items": {"type": "object"}}}}
    return {
        "operationId": "ReadEvents",
        "tags": ["events"],
        "summary": "Recorded events of one service or of all, as CloudEvents.",
        "description": plain(summary(ReadFeed)),
        "parameters": [*_parameters(schemas["ReadFeed"], EVENTS_PATH), *(_header(header) for header in _CALLER)],
        "responses": {"200": {"description": "A page, maybe empty.", "headers": headers, "content": content}, **ERRORS},
    }
