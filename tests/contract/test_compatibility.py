"""What breaks those who hold the released contract, and what doesn't."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from services.catalogue import SERVICES
from services.chassis.contracts.__main__ import check, release
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
    "del properties['area_mu']": f"{REGISTERED}.area_mu: the field was removed",
    "properties['unit']['type'] = 'integer'": f"{REGISTERED}.unit: type was changed from string to integer",
    "properties['unit']['maxLength'] = 5": f"{REGISTERED}.unit: maxLength was narrowed from none to 5",
    "del properties['occurred_on']['format']": f"{REGISTERED}.occurred_on: format was widened from date to none",
    "schema['required'].append('area_mu')": f"{REGISTERED}.area_mu: the field became required",
    "schema['required'].remove('unit')": f"{REGISTERED}.unit: the field became optional",
    "properties['area_mu']['anyOf'].pop()": f"{REGISTERED}.area_mu: null is no longer allowed",
    "properties['area_mu']['default'] = '0'": f"{REGISTERED}.area_mu: default was changed from None to '0'",
    "defs['Kind']['enum'].remove('road')": f"{REGISTERED}.kind: the value 'road' is no longer allowed",
    "defs['Kind']['enum'].append('bridge')": f"{REGISTERED}.kind: the value 'bridge' is allowed now",
    "del defs['Quarter']['properties']['note']": f"{REGISTERED}.plan[].note: the field was removed",
    "del properties['plan']['items']": f"{REGISTERED}.plan: items was widened from some to any",
    "schema['additionalProperties'] = False": f"{REGISTERED}: additionalProperties was narrowed from any to none",
}


@pytest.mark.parametrize("change", EVENT_BREAKS)
def test_a_change_of_a_published_event_is_named_whichever_way_it_goes(change: str) -> None:
    assert event_change(change) == [EVENT_BREAKS[change]]


@pytest.mark.parametrize(
    "change",
    [
        "properties['later'] = {'type': 'string'}",
        "defs['Quarter']['properties']['later'] = {'type': 'string'}",
        "new['bizenv.work.closed.v1'] = schema",
        "properties['unit']['description'] = 'new words'",
        "defs['Kind']['description'] = 'new words'",
    ],
)
def test_new_optional_fields_types_and_words_break_no_event(change: str) -> None:
    assert event_change(change) == []


def api_change(change: str) -> list[str]:
    new = copy.deepcopy(API)
    parts = new["components"]
    exec(change, {"paths": new["paths"], "schemas": parts["schemas"], "parameters": parts["parameters"]})
    return list(openapi_breaks(API, new))


SIGN = "/v1/works/{work_id}:sign"
BODY = f"paths['{SIGN}']['post']['requestBody']['content']['application/json']['schema']"
ANSWERED = f"paths['{SIGN}']['post']['responses']['200']"
LIST = "paths['/v1/works']['get']"
LIMIT = f"{LIST}['parameters'][4]['schema']"
ROW = "schemas['WorkRow']"
TIMEOUT = "parameters['Bizenv-Timeout']"
API_BREAKS = {
    f"del paths['{SIGN}']": f"POST {SIGN}: the operation was removed",
    f"{BODY}['required'].append('contract_no')": f"POST {SIGN} requestBody.contract_no: the field became required",
    f"del {BODY}['properties']['contract_no']": f"POST {SIGN} requestBody.contract_no: the field was removed",
    f"{BODY}['properties']['contract_no']['anyOf'].pop()": (
        f"POST {SIGN} requestBody.contract_no: null is no longer allowed"
    ),
    f"del paths['{SIGN}']['post']['responses']['200']": f"POST {SIGN} 200: it is no longer answered",
    f"paths['{SIGN}']['post']['requestBody']['content'].clear()": (
        f"POST {SIGN} requestBody: the content type application/json was removed"
    ),
    f"{ANSWERED}['headers'].pop('ETag')": f"POST {SIGN} 200 ETag: the header was removed",
    f"{ANSWERED}['content'].clear()": f"POST {SIGN} 200: the content type application/json was removed",
    f"del {ROW}['properties']['name']": "GET /v1/works 200.works[].name: the field was removed",
    f"{ROW}['required'].remove('name')": "GET /v1/works 200.works[].name: the field became optional",
    f"{ROW}['properties']['name'] = {{'anyOf': [{ROW}['properties']['name'], {{'type': 'null'}}]}}": (
        "GET /v1/works 200.works[].name: null is allowed now"
    ),
    "schemas['Kind']['enum'].remove('road')": "GET /v1/works query kind: the value 'road' is no longer allowed",
    "schemas['ProblemDetails']['required'].remove('code')": "GET /v1/works 400.code: the field became optional",
    f"{LIST}['parameters'].pop(1)": "GET /v1/works query kind: the parameter was removed",
    f"{LIST}['parameters'][1]['required'] = True": "GET /v1/works query kind: the parameter became required",
    f"{LIMIT}['maximum'] = 5": "GET /v1/works query limit: maximum was narrowed from 500 to 5",
    f"{LIMIT}['default'] = 5": "GET /v1/works query limit: default was changed from 100 to 5",
    f"{TIMEOUT}['required'] = True": "GET /v1/works header Bizenv-Timeout: the parameter became required",
    f"{TIMEOUT}['schema']['maximum'] = 9": ("GET /v1/works header Bizenv-Timeout: maximum was narrowed from none to 9"),
}


@pytest.mark.parametrize("change", API_BREAKS)
def test_a_breaking_change_of_the_http_api_is_named(change: str) -> None:
    assert API_BREAKS[change] in api_change(change)


@pytest.mark.parametrize(
    "change",
    [
        "paths['/v1/new'] = paths['/v1/works']",
        f"{LIST}['parameters'].append({{'name': 'more', 'in': 'query', 'schema': {{'type': 'string'}}}})",
        f"{LIMIT}['maximum'] = 1000",
        f"{BODY}['properties']['later'] = {{'type': 'string'}}",
        f"{BODY}['required'].remove('occurred_on')",
        f"{BODY}['properties']['occurred_on'] = {{'anyOf': [{BODY}['properties']['occurred_on'], {{'type': 'null'}}]}}",
        f"del {LIST}['responses']['404']",
        f"{ROW}['properties']['later'] = {{'type': 'string'}}",
        f"{ROW}['properties']['later'] = {{'type': 'string'}}; {ROW}['required'].append('later')",
        "schemas['Kind']['enum'].append('bridge')",
        f"{ROW}['required'].append('investment_yuan')",
        f"{ROW}['properties']['investment_yuan']['anyOf'].pop()",
        f"{ROW}['properties']['name']['maxLength'] = 9",
    ],
)
def test_taking_more_and_promising_more_breaks_no_caller(change: str) -> None:
    assert api_change(change) == []


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    proto, golden = tmp_path / "proto", tmp_path / "golden"
    proto.mkdir()
    (proto / "buf.yaml").write_bytes((PROTO_FOLDER / "buf.yaml").read_bytes())
    made = Publisher([SERVICE], proto, golden)
    assert made.write()
    made.release()
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


def test_a_missing_snapshot_is_a_problem_that_the_release_itself_mends(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "proto/released"
    shutil.rmtree(snapshot)
    command = "`python -m services.chassis.contracts release`"
    assert publisher.problems() == [
        f"{snapshot}: is missing, so that no change can be judged; run {command} and commit it"
    ]
    assert check(publisher) == 1
    assert command in capsys.readouterr().err
    assert release(publisher) == 0
    assert publisher.problems() == []


def test_a_snapshot_that_lost_a_part_is_restored_and_not_released_over(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "proto/released/openapi.json"
    path.unlink()
    assert publisher.problems() == [f"{path}: is missing from the released contracts; restore it"]
    assert release(publisher) == 1


def test_nothing_is_released_while_anything_else_is_wrong(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "proto/openapi.json").unlink()
    shutil.rmtree(tmp_path / "proto/released")
    assert release(publisher) == 1
    assert not (tmp_path / "proto/released").exists()


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
    assert buf("breaking", "--against", "released", cwd=PROTO_FOLDER) == (0, "")
