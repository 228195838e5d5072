"""Every bad input, at every door alike: the same case, the same code, the same field."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.chassis.auth import Role
from services.chassis.telemetry.metrics import METRICS
from tests.contract.doors import PACKAGE, Outcome, Request, door, message, token

DOORS = ["grpc", "http", "grpc-peer", "http-peer"]
pytestmark = pytest.mark.asyncio

REGISTER: dict[str, Any] = {
    "name": "高铁新区道路",
    "kind": "road",
    "unit": "130600",
    "investment_yuan": 35_000_000,
    "occurred_on": "2017-03-01",
}


def register(proto: bytes | None = None, **values: Any) -> Request:
    """Register w-1; a value of None leaves the field out. `proto` replaces the message."""
    fields = {name: value for name, value in {**REGISTER, **values}.items() if value is not None}
    if proto is None:
        wire = {**fields, "kind": "KIND_" + fields["kind"].upper()} if "kind" in fields else fields
        proto = message("RegisterWorkRequest", work_id="w-1", **wire).SerializeToString()
    return Request("RegisterWork", "register", msgspec.json.encode(fields), proto)


def sign(**values: Any) -> Request:
    fields = {"occurred_on": "2017-03-02", **values}
    proto = message("SignWorkRequest", work_id="w-1", **fields).SerializeToString()
    return Request("SignWork", "sign", msgspec.json.encode(fields), proto)


GOOD = register().proto
UNKNOWN_FIELD = GOOD + b"\xa2\x1f\x01x"
WRONG_TYPE = GOOD + b"\x2a\x01x"


def both(grpc: str, http: str) -> list[tuple[str, str]]:
    """Each door's name with its status."""
    return [(name, grpc if name.startswith("grpc") else http) for name in DOORS]


@dataclass(frozen=True)
class Case:
    """A request and what each door says to it; `field` may differ where the wire has numbers and not names."""

    request: Callable[[], Request]
    grpc: str
    http: str
    code: str
    field: str | None = None
    grpc_field: str | None = None


CASES = {
    "unknown field": Case(
        lambda: register(UNKNOWN_FIELD, colour="red"), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "colour", "500"
    ),
    "wrong type": Case(
        lambda: register(WRONG_TYPE, investment_yuan="a lot"),
        "INVALID_ARGUMENT",
        "400",
        "INVALID_REQUEST",
        "investment_yuan",
        "5",
    ),
    "missing field": Case(lambda: register(unit=None), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "unit"),
    "missing nested field": Case(
        lambda: register(plan=[{"by": "2017-03-31", "amount_yuan": 1}, {"by": "2017-06-30"}]),
        "INVALID_ARGUMENT",
        "400",
        "INVALID_REQUEST",
        "plan[1].amount_yuan",
    ),
    "malformed date": Case(
        lambda: register(occurred_on="2017-02-30"), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "occurred_on"
    ),
    "too long": Case(lambda: register(name="路" * 121), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "name"),
    "negative amount": Case(
        lambda: register(investment_yuan=-1), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "investment_yuan"
    ),
    "malformed message": Case(
        lambda: replace(register(), json=b"{", proto=b"\xff"), "INVALID_ARGUMENT", "400", "INVALID_REQUEST", "body"
    ),
    "unknown unit": Case(lambda: register(unit="999999"), "FAILED_PRECONDITION", "422", "UNIT_NOT_VALID", "unit"),
    "broken rule": Case(sign, "FAILED_PRECONDITION", "422", "WORK_NOT_REGISTERED", "work_id"),
    "stale version": Case(lambda: replace(register(), expected_version=7), "ABORTED", "409", "STALE_VERSION"),
    "no token": Case(lambda: replace(register(), token=None), "UNAUTHENTICATED", "401", "UNAUTHENTICATED"),
    "token that is not ours": Case(
        lambda: replace(register(), token="eyJhbGciOiJub25lIn0.e30."), "UNAUTHENTICATED", "401", "UNAUTHENTICATED"
    ),
    "token that has expired": Case(
        lambda: replace(register(), token=token(hours=-1)), "UNAUTHENTICATED", "401", "UNAUTHENTICATED"
    ),
    "token without the right": Case(
        lambda: replace(register(), token=token(Role.LEADER)), "PERMISSION_DENIED", "403", "PERMISSION_DENIED"
    ),
    "token for another unit": Case(
        lambda: replace(register(), token=token(Role.UNIT_HEAD, "130602")),
        "PERMISSION_DENIED",
        "403",
        "PERMISSION_DENIED",
    ),
    "a fault of our own": Case(
        lambda: Request(
            "JoinTeam",
            "joinTeam",
            b'{"team":"t","occurred_on":"2017-03-01"}',
            message("JoinTeamRequest", work_id="w-1", team="t", occurred_on="2017-03-01").SerializeToString(),
        ),
        "INTERNAL",
        "500",
        "INTERNAL",
    ),
}


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("case", CASES)
async def test_is_refused_with_its_code_and_field(name: str, case: str) -> None:
    expected = CASES[case]
    async with door(name) as client:
        outcome = await client.send(expected.request())
        grpc = name.startswith("grpc")
        field = expected.grpc_field if grpc and expected.grpc_field else expected.field
        status = expected.grpc if grpc else expected.http
        assert outcome == Outcome(status, expected.code, () if field is None else (field,))
        assert not any(client.gateway.streams.values())


@pytest.mark.parametrize("name", DOORS)
async def test_a_repeated_command_id_answers_the_first_result(name: str) -> None:
    request = replace(register(), command_id=str(uuid4()))
    async with door(name) as client:
        first, again = await client.send(request), await client.send(request)
    assert list(first.receipt.event_ids) == list(again.receipt.event_ids) == ["work-w-1/1"]
    assert (first.receipt.repeated, again.receipt.repeated) == (False, True)


@pytest.mark.parametrize(("name", "status"), both("ALREADY_EXISTS", "409"))
async def test_the_same_id_with_another_body_is_refused(name: str, status: str) -> None:
    command_id = str(uuid4())
    async with door(name) as client:
        await client.send(replace(register(), command_id=command_id))
        outcome = await client.send(replace(register(name="另一条道路"), command_id=command_id))
    assert outcome == Outcome(status, "COMMAND_ID_REUSED")


@pytest.mark.parametrize(("name", "status"), both("RESOURCE_EXHAUSTED", "413"))
async def test_an_oversize_message_is_refused(name: str, status: str) -> None:
    large = "路" * 5000
    proto = message("RegisterWorkRequest", work_id="w-1", name=large).SerializeToString()
    async with door(name) as client:
        outcome = await client.send(register(proto, name=large))
        assert outcome.status == status
        assert client.gateway.calls == []


async def test_a_deadline_that_has_passed_is_refused() -> None:
    """Over HTTP: a gRPC client does not even send such a call."""
    async with door("http") as client:
        outcome = await client.send(replace(register(), timeout=-1.0))
        assert outcome == Outcome("504", "DEADLINE_EXCEEDED")
        assert client.gateway.calls == []


async def test_a_deadline_that_passes_over_a_command_ends_it_in_the_server_too() -> None:
    def ended() -> float:
        labels = {"grpc_service": f"{PACKAGE}.WorkService", "grpc_method": "RegisterWork"}
        values = (
            METRICS.registry.get_sample_value("grpc_server_handled_total", {**labels, "grpc_code": code})
            for code in ("CANCELLED", "DEADLINE_EXCEEDED")
        )
        return sum(value or 0.0 for value in values)

    before = ended()
    async with door("grpc") as client:
        client.gateway.held = True
        outcome = await client.send(replace(register(), timeout=2.0))
        assert outcome.status == "DEADLINE_EXCEEDED"
        assert len(client.gateway.calls) == 1
        async with asyncio.timeout(30):
            while ended() == before:
                await asyncio.sleep(0.01)
        client.gateway.release.set()
        client.gateway.held = False
        assert (await client.send(sign())).code == "WORK_NOT_REGISTERED"
        assert client.gateway.streams.get("work-w-1", []) == []
    assert ended() == before + 1


@pytest.mark.parametrize("name", DOORS)
async def test_the_deadline_is_handed_on(name: str) -> None:
    async with door(name) as client:
        await client.send(replace(register(), timeout=5.0))
        await client.send(register())
        given, default = (call.deadline.remaining() for call in client.gateway.calls)
    assert 0 < given <= 5.1 < default <= 30.5  # gRPC rounds a deadline up


@pytest.mark.parametrize(("name", "status"), both("RESOURCE_EXHAUSTED", "429"))
async def test_more_load_than_the_door_takes_is_refused_at_once(name: str, status: str) -> None:
    async with door(name) as client:
        client.gateway.held = True
        held = [asyncio.create_task(client.send(sign())) for _ in range(2)]
        async with asyncio.timeout(30):
            while len(client.gateway.calls) < 2:
                client.gateway.entered.clear()
                await client.gateway.entered.wait()
        outcome = await client.send(register())
        client.gateway.release.set()
        await asyncio.gather(*held)
        client.gateway.held = False
        assert outcome == Outcome(status, "OVERLOADED")
        assert (await client.send(register())).receipt is not None
