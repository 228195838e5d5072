"""Bad input to the real services: the same order at HTTP, gRPC and the command line gets the same code and field.

Overload is no case of the command line: its process carries out one order and ends, so nothing waits in its queue. What
the other doors say to more load than they take is in tests/contract/test_bad_input.py.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx
import msgspec
import pytest

from services.chassis.auth import Role
from services.chassis.hosting.city import City
from services.chassis.settings import Settings
from services.chassis.telemetry import logs
from services.cli.app import TOKEN_VARIABLE
from services.cli.main import main
from services.project_tracking.project.commands import RegisterProject, SignProject
from tests.clients import GrpcClient, HttpClient, Refused
from tests.lives import UNIT, registration
from tests.real_city import RealCity, real_city

LARGEST = Settings().max_message_bytes
BODY: dict[str, Any] = msgspec.to_builtins(registration("p-1"))
PATHS = {
    "RegisterProject": "register",
    "SetBaseline": "setBaseline",
    "SignProject": "sign",
    "WithdrawProject": "withdraw",
}
GRPC = {
    "INVALID_REQUEST": "INVALID_ARGUMENT",
    "UNAUTHENTICATED": "UNAUTHENTICATED",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "STALE_VERSION": "ABORTED",
    "COMMAND_ID_REUSED": "ALREADY_EXISTS",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
}
HTTP = {
    "INVALID_REQUEST": "400",
    "UNAUTHENTICATED": "401",
    "PERMISSION_DENIED": "403",
    "STALE_VERSION": "409",
    "COMMAND_ID_REUSED": "409",
    "DEADLINE_EXCEEDED": "504",
    "MESSAGE_TOO_LARGE": "413",
}
BROKEN_RULE = ("FAILED_PRECONDITION", "422")


@dataclass(frozen=True)
class Order:
    """A command as a client writes it; `raw` is sent where JSON is spoken, in place of the fields."""

    command: str = "RegisterProject"
    fields: dict[str, Any] | None = None
    raw: bytes | None = None
    role: Role | None = Role.CITY_GROUP
    unit: str | None = None
    days: float = 1
    expected_version: int | None = None
    command_id: str | None = None
    seconds: float | None = None

    @property
    def json(self) -> bytes:
        return msgspec.json.encode(self.fields) if self.raw is None else self.raw


def register(**changed: Any) -> dict[str, Any]:
    """The registration with these fields changed; a value of None leaves one out."""
    return {name: value for name, value in {**BODY, **changed}.items() if value is not None}


@dataclass(frozen=True)
class Case:
    order: Order
    code: str
    field: str | None = None
    wire: bool = True
    """Whether it gets our code at gRPC: a message can say it (an unknown name or a wrong type can't be told from a good
    one), and it reaches us (what has no time left, or is too large, gRPC refuses by itself)."""


CASES = {
    "unit not valid at that date": Case(
        Order(fields=register(unit_code="130629", occurred_on="2017-04-02")), "UNIT_NOT_VALID", "unit_code"
    ),
    "unknown unit": Case(Order(fields=register(unit_code="999999")), "UNIT_NOT_VALID", "unit_code"),
    "unknown field": Case(Order(fields=register(colour="red")), "INVALID_REQUEST", "colour", wire=False),
    "wrong type": Case(
        Order(fields=register(total_investment_yuan="a lot")), "INVALID_REQUEST", "total_investment_yuan", wire=False
    ),
    "missing field": Case(Order(fields=register(unit_code=None)), "INVALID_REQUEST", "unit_code"),
    "missing nested field": Case(
        Order(
            "SetBaseline",
            {
                "project_id": "p-1",
                "occurred_on": "2017-01-20",
                "plan": {"starts_on": "2017-01-31", "points": [{"by": "2017-06-30"}]},
            },
        ),
        "INVALID_REQUEST",
        "plan.points[0].invested_yuan",
    ),
    "malformed date": Case(Order(fields=register(occurred_on="2017-02-30")), "INVALID_REQUEST", "occurred_on"),
    "too long": Case(Order(fields=register(name="路" * 121)), "INVALID_REQUEST", "name"),
    "code that is none": Case(Order(fields=register(unit_code="1" * 40)), "INVALID_REQUEST", "unit_code"),
    "name of two lines": Case(Order(fields=register(name="轴承厂\n一期")), "INVALID_REQUEST", "name"),
    "name that turns the direction": Case(Order(fields=register(owner="公司\u202e司公")), "INVALID_REQUEST", "owner"),
    "blank name": Case(Order(fields=register(industry="\u200b \u3000")), "INVALID_REQUEST", "industry"),
    "control character in a text": Case(Order(fields=register(site="路\u0007")), "INVALID_REQUEST", "site"),
    "negative amount": Case(
        Order(fields=register(total_investment_yuan=-1)), "INVALID_REQUEST", "total_investment_yuan"
    ),
    "malformed message": Case(Order(raw=b"{"), "INVALID_REQUEST", "body", wire=False),
    "field given twice": Case(
        Order(raw=msgspec.json.encode(BODY).replace(b"{", b'{"name":"\xe4\xb8\x80",', 1)),
        "INVALID_REQUEST",
        "name",
        wire=False,
    ),
    "nested field given twice": Case(
        Order(
            "SetBaseline",
            raw=b'{"project_id":"p-1","occurred_on":"2017-01-20","plan":{"starts_on":"2017-01-31",'
            b'"points":[{"by":"2017-06-30","invested_yuan":1,"invested_yuan":2}]}}',
        ),
        "INVALID_REQUEST",
        "plan.points[0].invested_yuan",
        wire=False,
    ),
    "broken rule": Case(
        Order("SignProject", {"project_id": "p-1", "occurred_on": "2017-01-23"}), "PROJECT_NOT_REGISTERED", "project_id"
    ),
    "stale version": Case(Order(fields=register(), expected_version=7), "STALE_VERSION"),
    "too large": Case(Order(raw=b" " * LARGEST + b"{}"), "MESSAGE_TOO_LARGE", wire=False),
    "no time left": Case(Order(fields=register(), seconds=0), "DEADLINE_EXCEEDED", wire=False),
    "less than no time left": Case(Order(fields=register(), seconds=-1), "DEADLINE_EXCEEDED", wire=False),
    "no token": Case(Order(fields=register(), role=None), "UNAUTHENTICATED"),
    "token that has expired": Case(Order(fields=register(), days=-1), "UNAUTHENTICATED"),
    "token without the right": Case(
        Order(
            "WithdrawProject",
            {"project_id": "p-1", "occurred_on": "2017-01-23", "reason": "重复登记"},
            role=Role.UNIT_STAFF,
            unit="130606",
        ),
        "PERMISSION_DENIED",
    ),
    "token for another unit": Case(Order(fields=register(), role=Role.UNIT_STAFF, unit="130602"), "PERMISSION_DENIED"),
}


class Door(Protocol):
    def refusal(self, order: Order) -> tuple[str, str, tuple[str, ...], str]:
        """The door's own status, the code, the fields and the sentence with which it refuses the order."""
        ...


class AtHttp:
    def __init__(self, city: RealCity) -> None:
        self._city = city

    def refusal(self, order: Order) -> tuple[str, str, tuple[str, ...], str]:
        headers = {"Content-Type": "application/json"}
        if (access := _token(self._city, order)) is not None:
            headers["Authorization"] = f"Bearer {access}"
        if order.command_id is not None:
            headers["Idempotency-Key"] = order.command_id
        if order.expected_version is not None:
            headers["If-Match"] = f'"{order.expected_version}"'
        if order.seconds is not None:
            headers["Bizenv-Timeout"] = str(order.seconds)
        url = f"{self._city.http}/v1/projects/p-1:{PATHS[order.command]}"
        answer = httpx.post(url, content=order.json, headers=headers, timeout=30)
        problem = answer.json()
        fields = tuple(violation["field"] for violation in problem.get("violations", ()))
        return str(answer.status_code), problem["code"], fields, problem["message"]


class AtGrpc:
    def __init__(self, city: RealCity) -> None:
        self._city = city

    def refusal(self, order: Order) -> tuple[str, str, tuple[str, ...], str]:
        beside = []
        if order.command_id is not None:
            beside.append(("idempotency-key", order.command_id))
        if order.expected_version is not None:
            beside.append(("expected-version", str(order.expected_version)))
        client = GrpcClient(self._city.grpc, _token(self._city, order))
        try:
            with pytest.raises(Refused) as refused:
                client.call(order.command, order.fields or {}, 30, *beside)
        finally:
            client.close()
        return refused.value.status, refused.value.code, refused.value.fields, refused.value.message


class AtCommandLine:
    """`bizenv do` on the city's folder, which it opens for itself beside the one that is served."""

    def __init__(self, city: RealCity) -> None:
        self._city = city

    def refusal(self, order: Order) -> tuple[str, str, tuple[str, ...], str]:
        arguments = ["bizenv", "do", order.command, "--json", order.json.decode()]
        if order.command_id is not None:
            arguments += ["--command-id", order.command_id]
        if order.expected_version is not None:
            arguments += ["--expected-version", str(order.expected_version)]
        if order.seconds is not None:
            arguments += ["--seconds", str(order.seconds)]
        status, told = self.run(arguments, _token(self._city, order))
        sentence = re.search(r"^bizenv: ([A-Z_]+): (.*)$", told, re.MULTILINE)
        assert sentence is not None, told
        return str(status), sentence[1], tuple(re.findall(r"^  (\S+): ", told, re.MULTILINE)), sentence[2]

    def run(self, arguments: list[str], access: str | None) -> tuple[object, str]:
        """The exit code and what went to stderr."""
        told = io.StringIO()
        with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stderr(told):
            patched.setattr(sys, "argv", arguments)
            patched.setattr(logs, "configure", lambda *_: None)
            patched.setenv("BIZENV_DATA", str(self._city.data))
            patched.delenv(TOKEN_VARIABLE, raising=False)
            if access is not None:
                patched.setenv(TOKEN_VARIABLE, access)
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code, told.getvalue()


def _token(city: RealCity, order: Order) -> str | None:
    return None if order.role is None else city.token(order.role, order.unit, order.days)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCity]:
    with real_city(tmp_path_factory.mktemp("real") / "var") as found:
        yield found


DOORS: dict[str, type[Any]] = {"http": AtHttp, "grpc": AtGrpc, "cli": AtCommandLine}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, city: RealCity) -> Door:
    found: Door = DOORS[request.param](city)
    return found


def status_at(door: Door, code: str) -> str:
    if isinstance(door, AtCommandLine):
        return "2" if code == "DEADLINE_EXCEEDED" else "1"
    if isinstance(door, AtGrpc):
        return GRPC.get(code, BROKEN_RULE[0])
    return HTTP.get(code, BROKEN_RULE[1])


@pytest.mark.parametrize(
    ("door", "name"),
    [(door, name) for name, case in CASES.items() for door in DOORS if case.wire or door != "grpc"],
    indirect=["door"],
)
def test_is_refused_with_its_code_and_field_and_records_nothing(city: RealCity, door: Door, name: str) -> None:
    case = CASES[name]
    status, code, fields, _ = door.refusal(case.order)
    assert (status, code) == (status_at(door, case.code), case.code)
    assert fields == (() if case.field is None else (case.field,))
    assert city.embedded.stores["project_tracking"].read_stream("project-p-1") == []


def test_a_command_id_that_was_used_for_another_body_is_refused(city: RealCity, door: Door) -> None:
    project, command_id = f"q-{uuid4()}", str(uuid4())
    with HttpClient(city.http, city.token()) as client:
        client.do(registration(project), command_id)
    status, code, _, _ = door.refusal(Order(fields=register(name="另一个项目"), command_id=command_id))
    assert (status, code) == (status_at(door, "COMMAND_ID_REUSED"), "COMMAND_ID_REUSED")


@pytest.mark.parametrize("made", ["missing", "folder", "unreadable", "zero", "binary", "utf-16"])
def test_a_file_that_is_no_body_is_told_of_in_a_sentence(city: RealCity, tmp_path: Path, made: str) -> None:
    path = tmp_path / "body.json"
    if made == "folder":
        path.mkdir()
    elif made == "unreadable":
        path.symlink_to(path)
    elif made in ("binary", "utf-16"):
        path.write_bytes(b"\xff\x00{}" if made == "binary" else '{"project_id":"p-1"}'.encode("utf-16"))
    given = "@a\0b" if made == "zero" else f"@{path}"
    status, told = AtCommandLine(city).run(["bizenv", "do", "SignProject", "--json", given], city.token())
    assert status in (1, 2)
    assert told.startswith("bizenv: ")
    assert ("无法读取" in told) == (made not in ("binary", "utf-16"))


@pytest.mark.parametrize("given", ["argument", "file", "endless file", "stdin"])
def test_the_command_line_reads_no_more_of_a_body_than_a_door(
    city: RealCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    order = CASES["too large"].order
    path = tmp_path / "body.json"
    path.write_bytes(order.json)
    source = io.BytesIO(order.json * 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))
    body = {"argument": order.json.decode(), "file": f"@{path}", "endless file": "@/dev/zero", "stdin": "-"}[given]
    status, told = AtCommandLine(city).run(["bizenv", "do", order.command, "--json", body], city.token())
    assert status == 1
    _, code, _, sentence = AtHttp(city).refusal(order)
    assert told.startswith(f"bizenv: {code}: {sentence} · ")
    assert source.tell() == (LARGEST + 1 if given == "stdin" else 0)


def test_the_largest_body_is_still_read(city: RealCity) -> None:
    body = b'{"project_id":"p-1"}'.rjust(LARGEST)
    for door in (AtHttp(city), AtCommandLine(city)):
        _, code, fields, _ = door.refusal(Order("SignProject", raw=body))
        assert (code, fields) == ("INVALID_REQUEST", ("occurred_on",))


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_of_seconds(city: RealCity, seconds: float) -> None:
    order = Order(fields=register(), seconds=seconds)
    for door, field in ((AtHttp(city), "Bizenv-Timeout"), (AtCommandLine(city), "--seconds")):
        _, code, fields, _ = door.refusal(order)
        assert (code, fields) == ("INVALID_REQUEST", (field,))


def test_catching_up_before_an_order_counts_within_its_deadline(
    city: RealCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody serves, the command line first applies what was recorded; this takes longer than it has."""
    settle = City.settle

    def slowly(opened: City) -> None:
        settle(opened)
        time.sleep(0.3)

    monkeypatch.setattr(City, "settle", slowly)
    started = city.embedded.stores["project_tracking"].last_position()
    _, code, _, sentence = AtCommandLine(city).refusal(Order(fields=register(), seconds=0.2))
    assert (code, sentence.partition(" · ")[0]) == ("DEADLINE_EXCEEDED", "请求已超过期限")
    assert city.embedded.stores["project_tracking"].last_position() == started


def test_a_clerk_is_told_by_its_chinese_name_what_the_role_may_not_do(city: RealCity) -> None:
    _, _, _, sentence = AtHttp(city).refusal(CASES["token without the right"].order)
    assert sentence == "“单位填报员”角色没有“调出项目”(WithdrawProject)的权限"


def test_the_last_day_of_a_unit_is_still_good(city: RealCity) -> None:
    """So that it is the day which is refused, and not the unit."""
    order = msgspec.convert(
        register(project_id="q-rongcheng", unit_code="130629", occurred_on="2017-03-31"), RegisterProject
    )
    assert city.do(order).version == 1
    assert city.do(SignProject(project_id="q-rongcheng", occurred_on=order.occurred_on)).version == 2


def test_the_feed_of_the_city_is_that_of_all_services_that_publish_events(city: RealCity) -> None:
    city.do(registration(f"q-{uuid4()}"))
    reader = {"Authorization": f"Bearer {city.token(Role.INTEGRATOR)}"}
    page = httpx.get(f"{city.http}/v1/events?after=&limit=1000", headers=reader, timeout=30)
    assert {event["source"].rpartition("/")[2] for event in page.json()} == {"policy_registry", "project_tracking"}
    unknown = httpx.get(f"{city.http}/v1/events?service=projection", headers=reader, timeout=30)
    clerk = httpx.get(
        f"{city.http}/v1/events",
        headers={"Authorization": f"Bearer {city.token(Role.UNIT_STAFF, UNIT)}"},
        timeout=30,
    )
    assert unknown.status_code == 404
    assert "policy_registry, project_tracking" in unknown.json()["message"]
    assert (clerk.status_code, clerk.json()["code"]) == (403, "PERMISSION_DENIED")
