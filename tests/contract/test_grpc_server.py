"""What is the gRPC door's own: details, queries, the feed, health, reflection, starting and stopping."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from services.chassis.auth import Role
from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded, InvalidRequest, Overloaded, Unauthenticated, Violation, describe
from services.chassis.grpc_server import GrpcDoor
from services.chassis.grpc_server.handlers import STREAMS
from services.chassis.grpc_server.requests import CallReader
from services.chassis.grpc_server.status import details_of, message_of
from services.chassis.settings import Settings
from services.chassis.telemetry.metrics import METRICS
from services.chassis.telemetry.tracing import TraceContext
from tests.contract.doors import (
    CONTRACTS,
    PACKAGE,
    SETTINGS,
    VERIFIER,
    FakeFeed,
    FakeGateway,
    grpc_door,
    grpc_outcome,
    message,
    status_of,
    token,
)
from tests.contract.sample import SERVICE, ListWorks

pytestmark = pytest.mark.asyncio

WORKS = f"/{PACKAGE}.WorkService"
QUERIES = f"/{PACKAGE}.SampleWorksQueryService"
FEED = "/bizenv.events.v1.EventFeedService/ReadEvents"
READ_EVENTS = CONTRACTS.message("bizenv.events.v1.ReadEventsRequest")
EVENT = CONTRACTS.message("bizenv.events.v1.ReadEventsResponse")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def bearer(role: Role = Role.CITY_GROUP) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token(role)}"),)


async def refused(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def test_a_refusal_carries_its_details_in_both_languages() -> None:
    async with grpc_door(FakeGateway()) as channel:
        sign = channel.unary_unary(f"{WORKS}/SignWork")
        error = await refused(sign(message("SignWorkRequest", work_id="w-1").SerializeToString(), metadata=bearer()))
    assert "occurred_on 缺少必填字段 · required field is missing" in error.details()
    info, local, bad = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.LocalizedMessage(),
        error_details_pb2.BadRequest(),
    )
    for packed, detail in zip(status_of(error).details, (info, local, bad), strict=True):
        assert packed.Unpack(detail)
    assert (info.reason, info.domain) == ("INVALID_REQUEST", "bizenv")
    assert (local.locale, local.message) == ("zh-CN", "请求内容有误")
    violation = bad.field_violations[0]
    assert (violation.field, violation.description) == ("occurred_on", "required field is missing")
    assert violation.localized_message.message == "缺少必填字段"


async def test_overload_says_when_to_come_back() -> None:
    from_bytes = error_details_pb2.RetryInfo()
    status = status_of(_Trailing(details_of(describe(Overloaded("忙", "busy")))))
    assert any(packed.Unpack(from_bytes) for packed in status.details)
    assert from_bytes.retry_delay.seconds == 1


class _Trailing:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", self._data),)


async def test_long_texts_are_clipped_so_that_the_trailers_arrive() -> None:
    problem = describe(InvalidRequest(*(Violation("x" * 5000, "长" * 5000, "long" * 5000) for _ in range(100))))
    assert len(message_of(problem)) == 200
    assert len(details_of(problem)) < 12_000
    async with grpc_door(FakeGateway()) as channel:
        register = channel.unary_unary(f"{WORKS}/RegisterWork")
        request = message("RegisterWorkRequest", work_id="w-1", tags=["长" * 1000]).SerializeToString()
        error = await refused(register(request, metadata=bearer()))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_our_own_fault_is_logged_whole_and_told_without_its_text() -> None:
    async with grpc_door(FakeGateway()) as channel:
        join = channel.unary_unary(f"{WORKS}/JoinTeam")
        request = message("JoinTeamRequest", work_id="w-1", team="t", occurred_on="2017-03-01").SerializeToString()
        with capture_logs() as logged:
            error = await refused(join(request, metadata=bearer()))
    assert [(line["event"], line["method"], type(line["exc_info"])) for line in logged] == [
        ("rpc_failed", "JoinTeam", ValueError)
    ]
    assert "secret" not in error.details()
    assert b"secret" not in dict(error.trailing_metadata())["grpc-status-details-bin"]


async def test_a_query_is_answered_and_gets_its_token() -> None:
    gateway = FakeGateway()
    async with grpc_door(gateway) as channel:
        ask = channel.unary_unary(f"{QUERIES}/ListWorks")
        data = await ask(
            message("ListWorksRequest", token="t:1:0:5", units=["a"]).SerializeToString(), metadata=bearer()
        )
        page = message("ListWorksResponse").FromString(data)
        error = await refused(ask(b""))
    assert (page.total, page.works[0].name) == (1, "道路")
    assert gateway.queries == [ListWorks(token="t:1:0:5", units=("a",))]
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_trace_goes_on_as_a_child() -> None:
    gateway = FakeGateway()
    async with grpc_door(gateway) as channel:
        ask = channel.unary_unary(f"{QUERIES}/ListWorks")
        await ask(b"", metadata=(*bearer(), ("traceparent", TRACE)))
        await ask(b"", metadata=(*bearer(), ("traceparent", "nonsense")))
    first, second = (call.traceparent or "" for call in gateway.calls)
    assert first[3:35] == TRACE[3:35] != second[3:35]
    assert first != TRACE


async def read_feed(channel: Any, role: Role = Role.INTEGRATOR, **asked: Any) -> list[Any]:
    stream = channel.unary_stream(FEED)(READ_EVENTS(**asked).SerializeToString(), metadata=bearer(role))
    return [EVENT.FromString(data) async for data in stream]


async def test_the_feed_streams_events_in_order_over_its_pages() -> None:
    async with grpc_door(FakeGateway(), feed=FakeFeed(1203)) as channel:
        everything = await read_feed(channel, service="sample_works")
        some = await read_feed(channel, service="sample_works", after=1000, limit=7)
    assert [event.position for event in everything] == list(range(1, 1204))
    assert [event.position for event in some] == list(range(1001, 1008))
    event = everything[4]
    assert (event.source, event.id, event.previous) == ("/bizenv/sample_works", "work-w-1/5", 4)
    assert event.data == b'{"occurred_on":"2017-03-01"}'


async def test_feeds_are_bounded_on_their_own_and_shut_out_no_command() -> None:
    feed = FakeFeed(1)
    feed.held = STREAMS
    async with grpc_door(FakeGateway(), feed=feed) as channel:
        held = [asyncio.create_task(read_feed(channel, service="sample_works")) for _ in range(STREAMS)]
        await asyncio.wait_for(feed.full.wait(), 20)
        error = await refused(read_feed(channel, service="sample_works"))
        assert await channel.unary_unary(f"{QUERIES}/ListWorks")(b"", metadata=bearer())
        feed.release.set()
        pages = await asyncio.gather(*held)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [len(page) for page in pages] == [1] * STREAMS


@pytest.mark.parametrize(
    ("asked", "role", "code"),
    [
        ({"service": "sample_works"}, Role.LEADER, "PERMISSION_DENIED"),
        ({"service": "none"}, Role.INTEGRATOR, "NOT_FOUND"),
        ({}, Role.INTEGRATOR, "INVALID_ARGUMENT"),
        ({"service": "sample_works", "limit": 100_000}, Role.INTEGRATOR, "INVALID_ARGUMENT"),
        ({"service": "sample_works", "after": 2}, Role.INTEGRATOR, "INVALID_ARGUMENT"),
    ],
)
async def test_the_feed_refuses(asked: dict[str, Any], role: Role, code: str) -> None:
    async with grpc_door(FakeGateway(), feed=FakeFeed(1)) as channel:
        error = await refused(read_feed(channel, role, **asked))
    assert error.code().name == code


async def test_a_feed_that_was_read_to_its_end_is_empty_and_one_beyond_it_is_refused_by_field() -> None:
    async with grpc_door(FakeGateway(), feed=FakeFeed(3)) as channel:
        assert await read_feed(channel, service="sample_works", after=3) == []
        error = await refused(read_feed(channel, service="sample_works", after=4))
    assert grpc_outcome(error).fields == ("after",)


async def test_a_small_compressed_message_that_grows_too_large_is_refused() -> None:
    async with grpc_door(FakeGateway()) as channel:
        register = channel.unary_unary(f"{WORKS}/RegisterWork")
        request = message("RegisterWorkRequest", name="a" * 1_000_000).SerializeToString()
        call = register(request, metadata=bearer(), compression=grpc.Compression.Gzip)
        assert (await refused(call)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_health_tells_each_service_and_needs_no_token() -> None:
    door = GrpcDoor([SERVICE], FakeGateway(), VERIFIER, FakeFeed(0), SETTINGS)
    await door.start()
    states = health_pb2.HealthCheckResponse
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def state(name: str = "") -> Any:
            return (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status

        assert await state() == states.NOT_SERVING
        await door.set_serving(True, "sample_works")
        assert await state(f"{PACKAGE}.WorkService") == states.SERVING
        assert await state() == states.NOT_SERVING
        await door.set_serving(True)
        assert await state() == states.SERVING
        assert (await refused(stub.Check(health_pb2.HealthCheckRequest(service="x")))).code().name == "NOT_FOUND"
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        seen = [(await watch.read()).status]
        stopping = asyncio.create_task(door.stop(1))
        seen.append((await watch.read()).status)
        watch.cancel()
        await stopping
    assert seen == [states.SERVING, states.NOT_SERVING]


@pytest.mark.parametrize("reflection_on", [True, False])
async def test_reflection_shows_our_contracts_where_it_is_on(reflection_on: bool) -> None:
    door = GrpcDoor([SERVICE], FakeGateway(), VERIFIER, FakeFeed(0), SETTINGS, reflection_on=reflection_on)
    await door.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=f"{PACKAGE}.WorkService"),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
        ]
        if not reflection_on:
            assert await stub.ServerReflectionInfo().code() is grpc.StatusCode.UNIMPLEMENTED
        else:
            call = stub.ServerReflectionInfo(iter(asked))
            listed, described, health = [await call.read() for _ in asked]
            assert f"{PACKAGE}.WorkService" in {s.name for s in listed.list_services_response.service}
            files = [
                descriptor_pb2.FileDescriptorProto.FromString(data)
                for data in described.file_descriptor_response.file_descriptor_proto
            ]
            assert "bizenv/sample_works/v1/work.proto" in {file.name for file in files}
            assert health.file_descriptor_response.file_descriptor_proto
    await door.stop(0)


async def test_a_taken_port_is_told_in_one_sentence() -> None:
    first = GrpcDoor([SERVICE], FakeGateway(), VERIFIER, FakeFeed(0), SETTINGS)
    await first.start()
    taken = Settings(grpc_port=first.port)
    with pytest.raises(OSError, match=f"127.0.0.1:{first.port} 无法使用"):
        await GrpcDoor([SERVICE], FakeGateway(), VERIFIER, FakeFeed(0), taken).start()
    await first.stop(0)


async def test_stopping_lets_a_command_in_hand_finish_and_takes_no_new_one() -> None:
    gateway = FakeGateway()
    gateway.held = True
    door = GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), SETTINGS)
    await door.start()
    values = {"name": "n", "kind": 1, "unit": "130600", "investment_yuan": 1, "occurred_on": "2017-03-01"}
    request = message("RegisterWorkRequest", work_id="w-1", **values).SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        register: Any = channel.unary_unary(f"{WORKS}/RegisterWork")
        in_hand = asyncio.ensure_future(_answer(register(request, metadata=bearer())))
        await asyncio.wait_for(gateway.entered.wait(), 10)
        stopping = asyncio.create_task(door.stop(10))
        late = await refused(register(request, metadata=bearer()))
        assert late.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        gateway.release.set()
        assert message("RegisterWorkResponse").FromString(await in_hand).version == 1
        await stopping


async def test_a_stop_ends_the_streams_that_clients_hold_open_and_nothing_fails_unheard() -> None:
    """Reflection, health and the feed. Errors that nobody awaits are told to the loop once they are collected."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(told))
    feed, asked = FakeFeed(5), reflection_pb2.ServerReflectionRequest(list_services="")
    feed.held = 1
    door = GrpcDoor([SERVICE], FakeGateway(), VERIFIER, feed, SETTINGS)
    await door.start()
    threads = threading.active_count()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await reflected.write(asked)
        watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        read: Any = channel.unary_stream(FEED)
        events = read(READ_EVENTS(service="sample_works").SerializeToString(), metadata=bearer(Role.INTEGRATOR))
        assert await reflected.read()
        assert await watched.read()
        await asyncio.wait_for(feed.full.wait(), 10)
        assert threading.active_count() == threads, "no stream holds a thread"
        await door.stop(0)
        codes = {await call.code() for call in (reflected, watched, events)}
    gc.collect()
    await asyncio.sleep(0)
    assert unheard == []
    assert grpc.StatusCode.OK not in codes


async def test_of_thousands_at_once_none_is_dropped_unseen() -> None:
    """gRPC's core drops calls by itself where more than 1,000 wait."""
    async with grpc_door(FakeGateway()) as channel:
        get = channel.unary_unary(f"{QUERIES}/GetWork")
        answered = await asyncio.gather(*(refused(get(b"")) for _ in range(4000)))
    assert {error.code() for error in answered} <= {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }


async def _answer(call: Any) -> bytes:
    data: bytes = await call
    return data


async def test_every_rpc_is_counted() -> None:
    def count(code: str) -> float:
        labels = {"grpc_service": f"{PACKAGE}.SampleWorksQueryService", "grpc_method": "GetWork", "grpc_code": code}
        return METRICS.registry.get_sample_value("grpc_server_handled_total", labels) or 0.0

    before = count("OK"), count("UNAUTHENTICATED")
    async with grpc_door(FakeGateway()) as channel:
        get = channel.unary_unary(f"{QUERIES}/GetWork")
        await get(message("GetWorkRequest", work_id="w-1").SerializeToString(), metadata=bearer())
        await refused(get(b""))
    assert (count("OK"), count("UNAUTHENTICATED")) == (before[0] + 1, before[1] + 1)


class _Context:
    def __init__(self, remaining: float | None) -> None:
        self._remaining = remaining

    def time_remaining(self) -> float | None:
        return self._remaining


async def test_a_call_that_arrives_expired_is_refused_and_one_without_deadline_gets_thirty_seconds() -> None:
    reader, trace = CallReader(VERIFIER), TraceContext.new()
    metadata = dict(bearer())
    with pytest.raises(DeadlineExceeded):
        reader.read(_Context(0.0), trace, metadata)
    deadline: Deadline = reader.read(_Context(None), trace, metadata).deadline
    assert 29 < deadline.remaining() <= 30


@pytest.mark.parametrize("version", ["-1", "1.0", "x", "", "9" * 30, "١"])
async def test_an_expected_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        CallReader(VERIFIER).read(_Context(1), TraceContext.new(), {**dict(bearer()), "expected-version": version})
    assert error.value.violations[0].field == "expected-version"


async def test_another_scheme_than_bearer_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        CallReader(VERIFIER).caller({"authorization": "Basic d2FuZzo="})
