"""The OpenAPI document: every operation is there, every reference leads somewhere, every example is valid."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from services.catalogue import SERVICES
from services.chassis.contracts.openapi import openapi_document
from services.chassis.contracts.paths import command_paths
from tests.contract.sample import SERVICE

METHODS = {"get", "post"}


@pytest.fixture(params=["sample", "real"])
def document(request: pytest.FixtureRequest) -> Any:
    services = (SERVICE,) if request.param == "sample" else SERVICES
    return json.loads(json.dumps(openapi_document(services)))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def walk(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in walk(item))]
    if isinstance(value, list):
        return [found for item in value for found in walk(item)]
    return []


def resolve(document: Any, value: Any) -> Any:
    if "$ref" not in value:
        return value
    found = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_command_and_query_is_there() -> None:
    document = openapi_document((SERVICE,))
    found = {operation["operationId"]: (method, path) for path, method, operation in operations(document)}
    assert found == {
        "RegisterWork": ("post", "/v1/works/{work_id}:register"),
        "SignWork": ("post", "/v1/works/{work_id}:sign"),
        "JoinTeam": ("post", "/v1/works/{work_id}:joinTeam"),
        "ListWorks": ("get", "/v1/works"),
        "GetWork": ("get", "/v1/works/{work_id}"),
        "ReadEvents": ("get", "/v1/events"),
    }


def test_the_real_services_have_distinct_paths_and_ids() -> None:
    document = openapi_document(SERVICES)
    paths = [path.path for service in SERVICES for path in command_paths(service)]
    queries = [query.path for service in SERVICES for query in service.queries]
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids) == len(paths) + len(queries) + 1


def test_every_reference_leads_somewhere(document: Any) -> None:
    for value in walk(document):
        if isinstance(value.get("$ref"), str):
            assert resolve(document, value)


def test_every_operation_is_whole(document: Any) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"]
        parameters = [resolve(document, parameter) for parameter in operation["parameters"]]
        held = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        assert held == set(re.findall(r"\{(\w+)\}", path))
        assert len({(parameter["in"], parameter["name"]) for parameter in parameters}) == len(parameters)
        assert {"200", "400", "401", "403", "429", "500", "504"} <= set(operation["responses"])
        assert ("requestBody" in operation) == (method == "post")


def test_every_schema_is_one(document: Any) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_example_is_valid(document: Any) -> None:
    whole = json.loads(json.dumps(document).replace('"#/', '"urn:whole#/'))
    registry: Registry[Any] = Registry().with_resource("urn:whole", Resource.opaque(whole))
    for _, _, operation in operations(whole):
        for holder in (operation.get("requestBody", {}), operation["responses"]["200"]):
            for content in holder.get("content", {}).values():
                validator: Any = Draft202012Validator(content["schema"], registry=registry)
                if "example" in content:
                    validator.validate(content["example"])
