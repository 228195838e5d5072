"""A gateway and a feed in memory behind the real doors, and one way to call them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import grpc
import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2, status_pb2
from starlette.applications import Starlette

from services.chassis.auth import Principal, Role, TokenIssuer, TokenVerifier
from services.chassis.commanding.gateway import Call, Gateway, Receipt
from services.chassis.contracts.descriptors import Contracts, build_contracts
from services.chassis.domain import Command, Facts, Rule
from services.chassis.envelope import Envelope, partition_of
from services.chassis.errors import CommandIdReused, Forbidden, NotFound, StaleVersion
from services.chassis.feed.stream import Feed, beyond_end
from services.chassis.grpc_server import GrpcDoor
from services.chassis.http_api import api_routes
from services.chassis.peers import Channels, RemoteGateway
from services.chassis.service import Query
from services.chassis.settings import Settings
from tests.contract.sample import SERVICE, WORK, GetWork, Kind, ListWorks, WorkPage, WorkRow

CONTRACTS: Contracts = build_contracts([SERVICE])
PACKAGE = "bizenv.sample_works.v1"
SETTINGS = Settings(grpc_port=0, max_message_bytes=4096, command_queue=2)
KEY = Ed25519PrivateKey.generate()
VERIFIER = TokenVerifier(KEY.public_key(), "store-1")
UNIT_NOT_VALID = Rule("UNIT_NOT_VALID", "单位 {unit} 在该日期无效", "unit {unit} is not valid at that date")


def token(role: Role = Role.CITY_GROUP, unit: str | None = None, *, hours: int = 1) -> str:
    principal = Principal(account="wang", role=role, unit=unit)
    return TokenIssuer(KEY, "store-1").issue(principal, timedelta(hours=hours), datetime.now(UTC))


def envelope(position: int, stream: str = "work-w-1", data: bytes = b'{"occurred_on":"2017-03-01"}') -> Envelope:
    return Envelope(
        service="sample_works",
        epoch=1,
        position=position,
        partition=partition_of(stream, 12),
        stream=stream,
        version=position,
        type="bizenv.work.signed.v1",
        occurred_on=date(2017, 3, 1),
        recorded_at=datetime(2017, 3, 2, 8, 0, 0, 123456, UTC),
        actor="city_group:wang",
        command_id=str(uuid4()),
        command_hash=hashlib.sha256(b"x").digest(),
        correlation_id="c-1",
        causation_id="c-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data,
        store_id="store-1",
    )


class FakeFeed:
    """The feed of one service with these positions. While `held` is set, readers wait for `release`."""

    def __init__(self, count: int) -> None:
        self.events = [(envelope(position), position - 1) for position in range(1, count + 1)]
        self.held = 0
        self.full = asyncio.Event()
        self.release = asyncio.Event()
        self._inside = 0

    def services(self, principal: Principal) -> tuple[str, ...]:
        if principal.role is not Role.INTEGRATOR:
            raise Forbidden("没有权限", "no right")
        return ("sample_works",)

    async def read(
        self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None
    ) -> list[tuple[Envelope, int]]:
        if service != "sample_works":
            raise NotFound(f"没有服务 {service}", f"there is no service {service}")
        if principal.role is not Role.INTEGRATOR:
            raise Forbidden("没有权限", "no right")
        if self.held:
            self._inside += 1
            if self._inside == self.held:
                self.full.set()
            await self.release.wait()
        if after > len(self.events):
            raise beyond_end(service, after, len(self.events))
        return [event for event in self.events if event[0].position > after][:limit]


class FakeGateway:
    """Keeps streams in memory by the rules of the port. While `held` is set, commands wait for `release`."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Any]] = {}
        self.done: dict[str, tuple[bytes, Receipt]] = {}
        self.calls: list[Call] = []
        self.queries: list[Query] = []
        self.held = False
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    async def execute(self, command: Command, call: Call) -> Receipt:
        self.calls.append(call)
        self.entered.set()
        if self.held:
            await self.release.wait()
        if type(command).__name__ == "JoinTeam":
            raise ValueError("a fault of our own, with a secret")
        _authorise(call.principal, getattr(command, "unit", None))
        return self._once(command, call)

    def _once(self, command: Command, call: Call) -> Receipt:
        body = hashlib.sha256(msgspec.json.encode(command)).digest()
        command_id = call.command_id or str(uuid4())
        if command_id in self.done:
            known, receipt = self.done[command_id]
            if known != body:
                raise CommandIdReused("命令编号已用于另一条命令", "the command id was used for another command")
            return msgspec.structs.replace(receipt, repeated=True)
        receipt = self._record(command, call, command_id)
        self.done[command_id] = (body, receipt)
        return receipt

    def _record(self, command: Command, call: Call, command_id: str) -> Receipt:
        stream = WORK.stream(command)
        events = self.streams.setdefault(stream, [])
        if call.expected_version not in (None, len(events)):
            raise StaleVersion("数据已被他人更新,请刷新后重试", "the stream has moved on")
        unit = getattr(command, "unit", "130600")
        if unit != "130600":
            raise UNIT_NOT_VALID.broken("unit", unit=unit)
        found = WORK.decide(WORK.fold(events), command, Facts(today=date(2017, 9, 29)))
        ids = tuple(f"{stream}/{len(events) + n}" for n in range(1, len(found) + 1))
        events.extend(found)
        version = len(events)
        return Receipt(command_id=command_id, stream=stream, version=version, event_ids=ids, token=f"s:1:0:{version}")

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        self.calls.append(call)
        self.queries.append(query)
        row = WorkRow(work_id="w-1", name="道路", kind=Kind.ROAD)
        if isinstance(query, GetWork):
            return msgspec.structs.replace(row, work_id=query.work_id)
        assert isinstance(query, ListWorks)
        return WorkPage(works=(row,), total=1)


def _authorise(principal: Principal, unit: str | None) -> None:
    if principal.role is Role.LEADER:
        raise Forbidden("“市领导”角色没有权限", "role leader has no right")
    if principal.role is Role.UNIT_HEAD and principal.unit != unit:
        raise Forbidden("只能办理本单位的事项", "your right is limited to your own unit")


@dataclass(frozen=True)
class Outcome:
    """What came of a call: `status` in the door's own terms, the stable code, the fields named."""

    status: str
    code: str | None = None
    fields: tuple[str, ...] = ()
    receipt: Any = None


@dataclass(frozen=True)
class Request:
    """A command, in the forms of both doors, with what goes beside it."""

    command: str
    verb: str
    json: bytes
    proto: bytes
    work_id: str = "w-1"
    token: str | None = field(default_factory=token)
    command_id: str | None = None
    expected_version: int | None = None
    timeout: float | None = None


class Door(Protocol):
    """One of the doors, as a client sees it."""

    name: str
    gateway: FakeGateway

    async def send(self, request: Request) -> Outcome: ...


def message(name: str, /, **values: Any) -> Any:
    return CONTRACTS.message(f"{PACKAGE}.{name}")(**values)


class GrpcClient:
    name = "grpc"

    def __init__(self, channel: Any, gateway: FakeGateway) -> None:
        self.channel = channel
        self.gateway = gateway

    async def send(self, request: Request) -> Outcome:
        method = self.channel.unary_unary(f"/{PACKAGE}.WorkService/{request.command}")
        try:
            data = await method(request.proto, metadata=_metadata(request), timeout=request.timeout)
        except grpc.aio.AioRpcError as error:
            return grpc_outcome(error)
        return Outcome("OK", receipt=message(f"{request.command}Response").FromString(data))


def _metadata(request: Request) -> tuple[tuple[str, str], ...]:
    found = {} if request.token is None else {"authorization": f"Bearer {request.token}"}
    if request.command_id is not None:
        found["idempotency-key"] = request.command_id
    if request.expected_version is not None:
        found["expected-version"] = str(request.expected_version)
    return tuple(found.items())


def grpc_outcome(error: Any) -> Outcome:
    reason, fields = None, []
    for packed in status_of(error).details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            detail = kind()
            if packed.Unpack(detail):
                reason = getattr(detail, "reason", reason)
                fields += [violation.field for violation in getattr(detail, "field_violations", ())]
    return Outcome(error.code().name, reason, tuple(fields))


def status_of(error: Any) -> Any:
    trailers = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))


class HttpClient:
    name = "http"

    def __init__(self, client: httpx.AsyncClient, gateway: FakeGateway) -> None:
        self.client = client
        self.gateway = gateway

    async def send(self, request: Request) -> Outcome:
        path = f"/v1/works/{request.work_id}:{request.verb}"
        response = await self.client.post(path, content=request.json, headers=_headers(request))
        body = response.json()
        if response.status_code == 200:
            return Outcome("200", receipt=msgspec.convert(body, Receipt))
        fields = tuple(violation["field"] for violation in body.get("violations", ()))
        return Outcome(str(response.status_code), body["code"], fields)


def _headers(request: Request) -> Mapping[str, str]:
    found = {"Content-Type": "application/json"}
    if request.token is not None:
        found["Authorization"] = f"Bearer {request.token}"
    if request.command_id is not None:
        found["Idempotency-Key"] = request.command_id
    if request.expected_version is not None:
        found["If-Match"] = f'"{request.expected_version}"'
    if request.timeout is not None:
        found["Bizenv-Timeout"] = str(request.timeout)
    return found


@asynccontextmanager
async def grpc_door(gateway: Gateway, settings: Settings = SETTINGS, feed: Feed | None = None) -> AsyncIterator[Any]:
    """A channel to a real server on a free port."""
    door = GrpcDoor([SERVICE], gateway, VERIFIER, feed or FakeFeed(0), settings)
    await door.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
            yield channel
    finally:
        await door.stop(0)


@asynccontextmanager
async def http_door(gateway: Gateway, settings: Settings = SETTINGS, feed: int = 0) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, without a socket."""
    app = Starlette(routes=api_routes([SERVICE], gateway, VERIFIER, FakeFeed(feed), settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city.example") as client:
        yield client


@asynccontextmanager
async def peer(gateway: Gateway, feed: Feed | None = None, settings: Settings = SETTINGS) -> AsyncIterator[Channels]:
    """Another process's gRPC door in front of this gateway, and the way to it."""
    served = GrpcDoor([SERVICE], gateway, VERIFIER, feed or FakeFeed(0), settings)
    await served.start()
    channels = Channels({SERVICE.name: [f"127.0.0.1:{served.port}"]})
    try:
        yield channels
    finally:
        await channels.close()
        await served.stop(0)


@asynccontextmanager
async def door(name: str, settings: Settings = SETTINGS) -> AsyncIterator[Door]:
    """`grpc` or `http`; with `-peer` behind it the gateway is reached through another process's gRPC door."""
    kind, _, behind = name.partition("-")
    async with AsyncExitStack() as opened:
        gateway = FakeGateway()
        asked: Gateway = gateway
        if behind:
            asked = RemoteGateway([SERVICE], await opened.enter_async_context(peer(gateway)), CONTRACTS)
        if kind == "grpc":
            yield GrpcClient(await opened.enter_async_context(grpc_door(asked, settings)), gateway)
        else:
            yield HttpClient(await opened.enter_async_context(http_door(asked, settings)), gateway)
