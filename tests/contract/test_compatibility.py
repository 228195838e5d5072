"""What breaks those who hold the released contract, and what doesn't."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from services.catalogue import SERVICES
from services.chassis.contracts.compatibility import event_breaks, openapi_breaks
from services.chassis.contracts.descriptors import PROTO_FOLDER
from services.chassis.contracts.goldens import events_of_all
from services.chassis.contracts.jsonschema import event_schema
from services.chassis.contracts.openapi import openapi_document
from services.chassis.contracts.publish import Publisher
from tests.contract.buf import buf
from tests.contract.sample import SERVICE, WorkRegistered

REGISTERED = WorkRegistered.type
OLD: dict[str, Any] = {name: event_schema(event) for name, event in events_of_all([SERVICE]).items()}
API: Any = json.loads(json.dumps(openapi_document((SERVICE,))))


def event_change(change: str) -> list[str]:
    new = copy.deepcopy(OLD)
    schema = new[REGISTERED]
    exec(change, {"new": new, "schema": schema, "properties": schema["properties"], "defs": schema["$defs"]})
    return list(event_breaks(OLD, new))


EVENT_BREAKS = {
    "del new['bizenv.work.signed.v1']": "bizenv.work.signed.v1: the event type was removed",
    "del properties['unit']": f"{REGISTERED}.unit: the field was removed",
    "properties['unit']['type'] = 'integer'": f"{REGISTERED}.unit: type changed from string to integer",
    "properties['occurred_on']['format'] = 'x'": f"{REGISTERED}.occurred_on: format changed from date to x",
    "properties['unit']['maxLength'] = 5": f"{REGISTERED}.unit: maxLength was narrowed from none to 5",
    "properties['unit']['pattern'] = 'x'": f"{REGISTERED}.unit: the pattern changed to x",
    "schema['required'].append('area_mu')": f"{REGISTERED}.area_mu: the field became required",
    "properties['area_mu']['anyOf'].pop()": f"{REGISTERED}.area_mu: null is no longer allowed",
    "defs['Kind']['enum'].remove('road')": f"{REGISTERED}.kind: the value 'road' was removed",
    "properties['unit']['enum'] = ['a']": f"{REGISTERED}.unit: only listed values are allowed now",
    "del defs['Quarter']['properties']['note']": f"{REGISTERED}.plan[].note: the field was removed",
    "schema['additionalProperties'] = False": f"{REGISTERED}: unknown fields are no longer allowed",
}


@pytest.mark.parametrize("change", EVENT_BREAKS)
def test_a_breaking_change_of_an_event_is_named(change: str) -> None:
    assert event_change(change) == [EVENT_BREAKS[change]]


@pytest.mark.parametrize(
    "change",
    [
        "properties['later'] = {'type': 'string'}",
        "new['bizenv.work.closed.v1'] = schema",
        "defs['Kind']['enum'].append('bridge')",
        "properties['unit']['description'] = 'new words'",
        "defs['Quarter']['properties']['amount_yuan']['maximum'] = 10**16",
        "schema['required'].remove('unit')",
    ],
)
def test_what_only_adds_or_widens_is_no_break(change: str) -> None:
    assert event_change(change) == []


def api_change(change: str) -> list[str]:
    new = copy.deepcopy(API)
    exec(change, {"paths": new["paths"], "schemas": new["components"]["schemas"]})
    return list(openapi_breaks(API, new))


SIGN = "/v1/works/{work_id}:sign"
BODY = f"paths['{SIGN}']['post']['requestBody']['content']['application/json']['schema']"
LIST = "paths['/v1/works']['get']"
API_BREAKS = {
    f"del paths['{SIGN}']": f"POST {SIGN}: the operation was removed",
    f"{BODY}['required'].append('contract_no')": f"POST {SIGN} requestBody.contract_no: the field became required",
    f"del {BODY}['properties']['contract_no']": f"POST {SIGN} requestBody.contract_no: the field was removed",
    "del schemas['WorkRow']['properties']['name']": "GET /v1/works 200.works[].name: the field was removed",
    f"{LIST}['parameters'].pop(1)": "GET /v1/works: the parameter kind was removed",
    f"{LIST}['parameters'][1]['required'] = True": "GET /v1/works: the parameter kind became required",
    f"{LIST}['parameters'][4]['schema']['maximum'] = 5": "GET /v1/works ?limit: maximum was narrowed from 500 to 5",
}


@pytest.mark.parametrize("change", API_BREAKS)
def test_a_breaking_change_of_the_http_api_is_named(change: str) -> None:
    assert API_BREAKS[change] in api_change(change)


def test_a_new_operation_and_a_new_optional_parameter_are_no_breaks() -> None:
    assert api_change("paths['/v1/new'] = paths['/v1/works']") == []
    new = "{'name': 'more', 'in': 'query', 'required': False, 'schema': {'type': 'string'}}"
    assert api_change(f"{LIST}['parameters'].append({new})") == []


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    proto, golden = tmp_path / "proto", tmp_path / "golden"
    proto.mkdir()
    (proto / "buf.yaml").write_bytes((PROTO_FOLDER / "buf.yaml").read_bytes())
    made = Publisher([SERVICE], proto, golden)
    assert made.write()
    return made


def test_writing_makes_everything_and_again_nothing(publisher: Publisher, tmp_path: Path) -> None:
    assert publisher.problems() == []
    assert publisher.write() == []
    names = {str(path.relative_to(tmp_path / "proto")) for path in (tmp_path / "proto").rglob("*.*") if path.is_file()}
    assert {"openapi.json", "events/asyncapi.json", f"events/schemas/{REGISTERED}.json"} <= names


def test_drift_names_the_file_the_line_and_what_to_do(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "proto/bizenv/sample_works/v1/work.proto"
    path.write_text(path.read_text(encoding="utf-8").replace("// A team joins a work.", "// Joins."), encoding="utf-8")
    missing = tmp_path / "proto/openapi.json"
    missing.unlink()
    stale = tmp_path / "proto/bizenv/gone.proto"
    stale.write_text("", encoding="utf-8")
    assert publisher.problems() == [
        f"{path}:15: differs from the Structs; run `make contracts` and commit it",
        f"{missing}: is missing; run `make contracts` and commit it",
        f"{stale}: no Struct makes it any more; run `make contracts` and commit its removal",
    ]
    assert set(publisher.write()) == {path, missing, stale}
    assert publisher.problems() == []


def test_a_missing_golden_event_is_named(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "golden" / f"{REGISTERED}.json"
    path.unlink()
    assert publisher.problems() == [f"{path}: there is no golden event yet; run `make contracts`"]


def test_what_breaks_the_release_is_told_even_when_the_files_agree(publisher: Publisher, tmp_path: Path) -> None:
    released = publisher.release()
    assert buf("breaking", "--against", "released", cwd=tmp_path / "proto") == (0, "")
    schema = released / "events/schemas" / f"{REGISTERED}.json"
    old = json.loads(schema.read_text(encoding="utf-8"))
    old["properties"]["former"] = {"type": "string"}
    schema.write_text(json.dumps(old), encoding="utf-8")
    (problem,) = publisher.problems()
    assert problem.startswith(f"breaks the released events: {REGISTERED}.former: the field was removed;")


def test_the_checked_in_contracts_are_those_of_the_services() -> None:
    assert Publisher(SERVICES).problems() == []


def test_buf_finds_nothing_in_the_checked_in_protos() -> None:
    assert buf("lint", cwd=PROTO_FOLDER) == (0, "")
    assert buf("format", "--diff", "--exit-code", cwd=PROTO_FOLDER) == (0, "")
    if (PROTO_FOLDER / "released").exists():
        assert buf("breaking", "--against", "released", cwd=PROTO_FOLDER) == (0, "")
