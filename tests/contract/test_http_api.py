"""What is the HTTP door's own: paths, headers, queries, problems, the session cookie, the feed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cloudevents.core.formats.json import JSONFormat
from structlog.testing import capture_logs

from services.chassis.auth import Role
from services.chassis.contracts.paths import command_paths
from services.chassis.errors import Overloaded, TooLarge
from services.chassis.http_api.answers import error_response
from services.chassis.telemetry.metrics import METRICS
from tests.contract.doors import FakeGateway, http_door, token
from tests.contract.sample import SERVICE, Kind, ListWorks

pytestmark = pytest.mark.asyncio

BODY: dict[str, Any] = {
    "name": "高铁新区道路",
    "kind": "road",
    "unit": "130600",
    "investment_yuan": 35_000_000,
    "occurred_on": "2017-03-01",
}
REGISTER = "/v1/works/w-1:register"


def bearer(role: Role = Role.CITY_GROUP) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(role)}"}


async def test_a_command_is_addressed_by_its_verb() -> None:
    assert [(path.command.__name__, path.path) for path in command_paths(SERVICE)] == [
        ("RegisterWork", "/v1/works/{work_id}:register"),
        ("SignWork", "/v1/works/{work_id}:sign"),
        ("JoinTeam", "/v1/works/{work_id}:joinTeam"),
    ]


async def test_a_receipt_has_the_version_and_the_position_in_its_headers() -> None:
    async with http_door(FakeGateway()) as client:
        response = await client.post(REGISTER, json=BODY, headers=bearer())
    assert response.status_code == 200
    assert response.headers["etag"] == '"1"'
    assert response.headers["bizenv-position"] == response.json()["token"] == "s:1:0:1"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["stream"] == "work-w-1"


@pytest.mark.parametrize("header", ['"0"', "0", "*"])
async def test_if_match_takes_a_version_in_each_form(header: str) -> None:
    gateway = FakeGateway()
    async with http_door(gateway) as client:
        response = await client.post(REGISTER, json=BODY, headers={**bearer(), "If-Match": header})
    assert response.status_code == 200
    assert gateway.calls[0].expected_version == (None if header == "*" else 0)


async def test_the_id_in_the_path_counts_and_the_body_may_not_contradict_it() -> None:
    async with http_door(FakeGateway()) as client:
        same = await client.post(REGISTER, json={**BODY, "work_id": "w-1"}, headers=bearer())
        other = await client.post(REGISTER, json={**BODY, "work_id": "w-2"}, headers=bearer())
        bad = await client.post("/v1/works/a%20b:register", json=BODY, headers=bearer())
    assert same.status_code == 200
    assert [v["field"] for v in other.json()["violations"]] == ["work_id"]
    assert (bad.status_code, bad.json()["violations"][0]["field"]) == (400, "work_id")


async def test_a_name_that_the_body_gives_twice_is_refused() -> None:
    gateway = FakeGateway()
    body = b'{"kind":"road","unit":"1","name":"a","name":"b","occurred_on":"2017-03-01","investment_yuan":1}'
    async with http_door(gateway) as client:
        response = await client.post(REGISTER, content=body, headers={**bearer(), "Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["violations"] == [
        {"field": "name", "message": "给了多次", "english": "given more than once"}
    ]
    assert gateway.calls == []


async def test_a_problem_is_told_by_the_standard_and_in_two_languages() -> None:
    async with http_door(FakeGateway()) as client:
        response = await client.post(REGISTER, json={**BODY, "colour": "red"}, headers=bearer())
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:bizenv:problem:INVALID_REQUEST",
        "title": "the request is not valid",
        "status": 400,
        "detail": "请求内容有误",
        "code": "INVALID_REQUEST",
        "message": "请求内容有误",
        "english": "the request is not valid",
        "violations": [{"field": "colour", "message": "未知字段", "english": "unknown field"}],
    }


async def test_no_token_is_asked_for_one() -> None:
    async with http_door(FakeGateway()) as client:
        none = await client.get("/v1/works")
        bad = await client.get("/v1/works", headers={"Authorization": "Bearer x"})
    assert none.headers["www-authenticate"] == 'Bearer realm="bizenv"'
    assert bad.headers["www-authenticate"] == 'Bearer realm="bizenv", error="invalid_token"'


async def test_overload_says_when_to_come_back() -> None:
    response = error_response(Overloaded("忙", "busy"))
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


async def test_our_own_fault_is_logged_whole_and_told_without_its_text() -> None:
    async with http_door(FakeGateway()) as client:
        with capture_logs() as logged:
            body = {"team": "t", "occurred_on": "2017-03-01"}
            response = await client.post("/v1/works/w-1:joinTeam", json=body, headers=bearer())
    assert [(line["event"], line["route"]) for line in logged] == [
        ("http_request_failed", "/v1/works/{work_id}:joinTeam")
    ]
    assert response.status_code == 500
    assert "secret" not in response.text


async def test_a_body_that_is_not_json_by_its_type_is_refused() -> None:
    async with http_door(FakeGateway()) as client:
        text = json.dumps(BODY)
        plain = await client.post(REGISTER, content=text, headers={**bearer(), "Content-Type": "text/plain"})
        charset = {**bearer(), "Content-Type": "application/json; charset=utf-8"}
        good = await client.post(REGISTER, content=text, headers=charset)
    assert plain.json()["violations"][0]["field"] == "Content-Type"
    assert good.status_code == 200


async def test_a_body_without_announced_length_is_stopped_at_the_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 1000
            yield b" " * 1000

    async with http_door(FakeGateway()) as client:
        headers = {**bearer(), "Content-Type": "application/json"}
        response = await client.post(REGISTER, content=endless(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, TooLarge.code)


async def test_a_query_reads_its_parameters_by_type() -> None:
    gateway = FakeGateway()
    async with http_door(gateway) as client:
        path = "/v1/works?kind=water_works&units=a&units=b&urgent=true&limit=5&token=s:1:0:9"
        response = await client.get(path, headers=bearer())
        await client.get("/v1/works", headers={**bearer(), "Bizenv-Position": "s:1:0:7"})
    assert response.json()["works"][0]["name"] == "道路"
    asked = ListWorks(kind=Kind.WATER_WORKS, units=("a", "b"), urgent=True, limit=5, token="s:1:0:9")
    assert gateway.queries == [asked, ListWorks(token="s:1:0:7")]


async def test_a_query_takes_its_id_from_the_path() -> None:
    async with http_door(FakeGateway()) as client:
        assert (await client.get("/v1/works/w-9", headers=bearer())).json()["work_id"] == "w-9"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/works?limit=many", "limit"),
        ("/v1/works?limit=0", "limit"),
        ("/v1/works?limit=1&limit=2", "limit"),
        ("/v1/works?kind=bridge", "kind"),
        ("/v1/works?colour=red", "colour"),
        ("/v1/works/w-1?work_id=w-2", "work_id"),
        ("/v1/events?after=3", "after"),
        ("/v1/events?after=roads:3", "after"),
        ("/v1/events?after=sample_works:x", "after"),
        ("/v1/events?service=sample_works&after=sample_works:3", "after"),
        ("/v1/events?service=sample_works&after=9007199254740992", "after"),
        ("/v1/events?service=sample_works&after=-1", "after"),
        ("/v1/events?service=sample_works&limit=1001", "limit"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, field: str) -> None:
    async with http_door(FakeGateway()) as client:
        response = await client.get(path, headers=bearer(Role.INTEGRATOR))
    assert (response.status_code, response.json()["violations"][0]["field"]) == (400, field)


@pytest.mark.parametrize("value", ["soon", "nan", "inf"])
async def test_a_timeout_that_is_no_number_of_seconds_is_refused(value: str) -> None:
    async with http_door(FakeGateway()) as client:
        response = await client.get("/v1/works", headers={**bearer(), "Bizenv-Timeout": value})
    assert response.json()["violations"][0]["field"] == "Bizenv-Timeout"


async def test_an_unknown_path_and_an_unknown_method_are_problems_too() -> None:
    async with http_door(FakeGateway()) as client:
        path, verb = await client.get("/v1/nothing"), await client.post("/v1/roads/r-1:register")
        method = await client.delete("/v1/events")
    assert (path.status_code, verb.status_code, path.json()["code"]) == (404, 404, "NOT_FOUND")
    assert (method.status_code, method.headers["allow"]) == (405, "GET, HEAD")


OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({"Origin": "http://city.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://city.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_write_by_cookie_must_come_from_our_own_pages(headers: dict[str, str], status: int) -> None:
    async with http_door(FakeGateway()) as client:
        client.cookies.set("bizenv_session", token())
        assert (await client.post(REGISTER, json=BODY, headers=headers)).status_code == status
        assert (await client.get("/v1/works", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_the_callers_token_goes_with_the_call_however_it_was_given() -> None:
    gateway, cookie = FakeGateway(), token()
    async with http_door(gateway) as client:
        given = bearer()
        await client.get("/v1/works", headers=given)
        client.cookies.set("bizenv_session", cookie)
        await client.get("/v1/works")
    assert [call.bearer for call in gateway.calls] == [given["Authorization"].removeprefix("Bearer "), cookie]


async def test_a_write_by_cookie_must_be_json_so_that_no_form_can_send_it() -> None:
    async with http_door(FakeGateway()) as client:
        client.cookies.set("bizenv_session", token())
        headers = {**OURS, "Content-Type": "application/x-www-form-urlencoded"}
        response = await client.post(REGISTER, content=json.dumps(BODY), headers=headers)
    assert response.status_code == 400


async def test_the_feed_is_a_batch_of_cloudevents_with_the_next_page() -> None:
    async with http_door(FakeGateway(), feed=12) as client:
        page = await client.get("/v1/events?service=sample_works&after=3&limit=5", headers=bearer(Role.INTEGRATOR))
        rest = await client.get(page.links["next"]["url"], headers=bearer(Role.INTEGRATOR))
        end = await client.get("/v1/events?service=sample_works&after=12", headers=bearer(Role.INTEGRATOR))
    assert page.headers["content-type"].startswith("application/cloudevents-batch+json")
    events = [JSONFormat().read(None, json.dumps(event)) for event in page.json()]
    assert [event.get_extension("position") for event in events] == ["4", "5", "6", "7", "8"]
    assert events[0].get_data() == {"occurred_on": "2017-03-01"}
    assert [event["position"] for event in rest.json()] == ["9", "10", "11", "12"]
    assert (end.json(), end.headers["bizenv-next"]) == ([], "12")


@pytest.mark.parametrize("start", ["/v1/events?limit=5", "/v1/events?after=&limit=5", "/v1/events?after=0&limit=5"])
async def test_the_feed_of_all_services_needs_no_service_and_goes_on_by_its_cursor(start: str) -> None:
    async with http_door(FakeGateway(), feed=12) as client:
        positions: list[str] = []
        page = await client.get(start, headers=bearer(Role.INTEGRATOR))
        while page.json():
            positions += [event["position"] for event in page.json()]
            page = await client.get(page.links["next"]["url"], headers=bearer(Role.INTEGRATOR))
        forbidden = await client.get("/v1/events", headers=bearer(Role.LEADER))
    assert positions == [str(number) for number in range(1, 13)]
    assert page.headers["bizenv-next"] == "sample_works:12"
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("service", "role", "status"), [("sample_works", Role.LEADER, 403), ("none", Role.INTEGRATOR, 404)]
)
async def test_the_feed_refuses(service: str, role: Role, status: int) -> None:
    async with http_door(FakeGateway()) as client:
        assert (await client.get(f"/v1/events?service={service}", headers=bearer(role))).status_code == status


@pytest.mark.parametrize("asked", ["service=sample_works&after=13", "after=sample_works:13"])
async def test_a_place_beyond_the_end_is_refused_with_what_to_do(asked: str) -> None:
    async with http_door(FakeGateway(), feed=12) as client:
        refused = await client.get(f"/v1/events?{asked}", headers=bearer(Role.INTEGRATOR))
    violation = refused.json()["violations"][0]
    assert (refused.status_code, violation["field"]) == (400, "after")
    assert "compare the events' `epoch` and begin again" in violation["english"]


async def test_every_request_is_counted_by_its_route_and_never_by_its_path() -> None:
    def count(route: str, code: str) -> float:
        labels = {"route": route, "method": "GET", "code": code}
        return METRICS.registry.get_sample_value("bizenv_http_requests_total", labels) or 0.0

    asked = [("/v1/works/{work_id}", "200"), ("/v1/works/{work_id}", "401"), ("unknown", "404")]
    before = [count(*labels) for labels in asked]
    async with http_door(FakeGateway()) as client:
        await client.get("/v1/works/w-1", headers=bearer())
        await client.get("/v1/works/w-1")
        await client.get("/v1/nothing/w-1")
    assert [count(*labels) for labels in asked] == [value + 1 for value in before]


async def test_the_contract_is_there_for_everyone() -> None:
    async with http_door(FakeGateway()) as client:
        response = await client.get("/openapi.json")
    assert response.json()["openapi"] == "3.1.0"
    assert isinstance(client, httpx.AsyncClient)
