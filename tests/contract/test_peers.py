"""A gateway and a feed in another process: what a caller sees is what it would see here."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import grpc
import msgspec
import pytest

from services.chassis import errors
from services.chassis.auth import Principal, Rights, Role, Scope
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command, DomainError
from services.chassis.errors import (
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    NotFound,
    RequestError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Violation,
    describe,
)
from services.chassis.feed.rights import READ_FEED
from services.chassis.grpc_server import GrpcDoor
from services.chassis.grpc_server.door import LEAST_PING_MILLISECONDS, PINGS
from services.chassis.grpc_server.problems import LARGEST, problem_in, whole_of
from services.chassis.peers import Channels, RemoteFeed, RemoteGateway, RoutingFeed, RoutingGateway
from services.chassis.peers.calling import PAUSES, answered
from services.chassis.peers.channels import OPTIONS, target_of
from services.chassis.peers.refusals import Peer, PeerFault
from services.chassis.service import Query, Service
from services.chassis.settings import Settings
from tests.contract.doors import CONTRACTS, SETTINGS, VERIFIER, FakeFeed, FakeGateway, peer, token
from tests.contract.sample import (
    SERVICE,
    ExpireWork,
    GetWork,
    Kind,
    ListWorks,
    Quarter,
    RegisterWork,
    SignWork,
    WorkPage,
    WorkRow,
)
from tests.name_server import names

pytestmark = pytest.mark.asyncio

DAY = date(2017, 3, 1)
GROUP = Principal(account="wang", role=Role.CITY_GROUP)
READER = Principal(account="wang", role=Role.INTEGRATOR)
SIGN = SignWork(work_id="w-1", occurred_on=DAY)
REGISTER = RegisterWork(
    work_id="w-1",
    name="道路",
    kind=Kind.WATER_WORKS,
    unit="130600",
    investment_yuan=10**15,
    area_mu=Decimal("1.250"),
    urgent=True,
    seen_at=datetime(2017, 3, 1, 8, 0, 0, 123456, UTC),
    digest=b"\x00\xff",
    plan=(Quarter(by=DAY, amount_yuan=0, share=Decimal("0.1")), Quarter(by=DAY, amount_yuan=5, note="注")),
    tags=("a", "乙"),
    labels={"k": "v"},
    occurred_on=DAY,
)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def call(seconds: float = 10, **given: Any) -> Call:
    return Call(**{"principal": GROUP, "deadline": Deadline.after(seconds), "bearer": token(), **given})


class Refusing:
    """Refuses everything alike."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute(self, command: Command, call: Call) -> Receipt:
        raise self._error

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        raise self._error


@asynccontextmanager
async def remote(gateway: Any, settings: Settings = SETTINGS) -> AsyncIterator[RemoteGateway]:
    async with peer(gateway, settings=settings) as channels:
        yield RemoteGateway([SERVICE], channels, CONTRACTS)


async def refused(asked: Any) -> Exception:
    with pytest.raises(Exception) as error:  # noqa: PT011 - which one is what the tests are about
        await asked
    return error.value


async def test_commands_answers_and_what_comes_with_them_arrive_as_they_were() -> None:
    gateway, received = FakeGateway(), list[Command]()
    execute = gateway.execute

    async def noted(command: Command, call: Call) -> Receipt:
        received.append(command)
        return await execute(command, call)

    gateway.execute = noted  # type: ignore[method-assign]
    given = call(command_id=str(uuid4()), expected_version=0, traceparent=TRACE)
    async with remote(gateway) as there:
        receipt = await there.execute(REGISTER, given)
        again = await there.execute(REGISTER, given)
        page = await there.ask(ListWorks(kind=Kind.ROAD, units=("a",), urgent=False, token="t:1:0:5"), call())
        row = await there.ask(GetWork(work_id="w-9"), call())
    assert received == [REGISTER, REGISTER]
    assert receipt == gateway.done[given.command_id or ""][1]
    assert again == msgspec.structs.replace(receipt, repeated=True)
    assert page == WorkPage(works=(WorkRow(work_id="w-1", name="道路", kind=Kind.ROAD),), total=1)
    assert row == WorkRow(work_id="w-9", name="道路", kind=Kind.ROAD)
    assert gateway.queries[0] == ListWorks(kind=Kind.ROAD, units=("a",), urgent=False, token="t:1:0:5")
    seen = gateway.calls[0]
    assert (seen.principal, seen.bearer, seen.command_id) == (GROUP, given.bearer, given.command_id)
    assert seen.expected_version == 0
    assert (seen.traceparent or "")[:36] == TRACE[:36]
    assert seen.traceparent != TRACE
    assert seen.deadline.remaining() <= 10.1


LONG = "长" * 900
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RequestError) and kind not in (RequestError, InvalidRequest)
]
REFUSALS: list[Exception] = [
    DomainError("UNIT_NOT_VALID", "unit", f"单位 {LONG} 无效", "the unit is not valid " * 30),
    InvalidRequest(Violation("plan[1].by", "缺少必填字段", "required field is missing")),
    InvalidRequest(*(Violation(f"plan[{n}]", f"第 {n} 项有误", f"item {n} is wrong") for n in range(100))),
    *(kind("忙 · 第二句", "busy; a second: sentence", (Violation("f", "错", "wrong"),)) for kind in KINDS),
    *(kind(LONG, "long " * 200) for kind in KINDS),
]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
async def test_a_refusal_is_the_very_same(error: Exception) -> None:
    async with remote(Refusing(error)) as there:
        for asked in (there.execute(SIGN, call()), there.ask(GetWork(work_id="w"), call())):
            found = await refused(asked)
            assert type(found) is type(error)
            assert vars(found) == vars(error)
            assert (str(found), describe(found)) == (str(error), describe(error))


async def test_a_problem_too_long_to_be_told_whole_loses_violations_only() -> None:
    problem = describe(InvalidRequest(*(Violation("x" * 5000, "长" * 5000, "long" * 5000) for _ in range(100))))
    data = whole_of(problem)
    assert len(data) <= LARGEST
    told = problem_in(data)
    assert (told.code, told.message, told.english) == (problem.code, problem.message, problem.english)
    assert len(told.violations) > 1


async def test_a_fault_of_the_peers_own_is_one_here_without_its_text() -> None:
    async with remote(Refusing(ValueError("a secret"))) as there:
        found = await refused(there.execute(SIGN, call()))
    assert isinstance(found, PeerFault)
    assert "secret" not in str(found)
    assert describe(found).code == "INTERNAL"


async def test_the_peer_judges_the_callers_own_token() -> None:
    async with remote(FakeGateway()) as there:
        without = await refused(there.ask(GetWork(work_id="w"), call(bearer=None)))
        expired = await refused(there.ask(GetWork(work_id="w"), call(bearer=token(hours=-1))))
        leader = await refused(there.execute(REGISTER, call(bearer=token(Role.LEADER))))
    assert isinstance(without, Unauthenticated)
    assert "缺少访问令牌" in without.message
    assert isinstance(expired, Unauthenticated)
    assert isinstance(leader, Forbidden)


async def test_no_repr_of_a_call_shows_the_token() -> None:
    given = call()
    assert given.bearer is not None
    assert given.bearer not in f"{given!r} {given}"


@pytest.mark.parametrize("command_id", ["no uuid", "号", "a\nb", ""])
async def test_an_id_that_is_none_is_refused_by_the_peer(command_id: str) -> None:
    gateway = FakeGateway()
    async with remote(gateway) as there:
        await there.execute(REGISTER, call(command_id=command_id))
    (seen,) = gateway.calls
    with pytest.raises(ValueError, match="badly formed"):
        UUID(seen.command_id)


async def test_a_command_without_an_id_gets_one_and_is_a_first_answer() -> None:
    gateway = FakeGateway()
    async with remote(gateway) as there:
        receipt = await there.execute(REGISTER, call())
        gateway.done[receipt.command_id] = (b"", receipt)
    assert str(UUID(receipt.command_id)) == gateway.calls[0].command_id == receipt.command_id
    assert not receipt.repeated


def rpc_error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "Socket closed")


async def test_it_asks_again_only_where_no_answer_came() -> None:
    late = DeadlineExceeded("迟", "late")

    async def attempts(errors: list[grpc.StatusCode], deadline: Deadline) -> tuple[int, Any]:
        waiting, asked = iter(errors), 0

        async def send(seconds: float) -> str:
            nonlocal asked
            asked += 1
            code = next(waiting, None)
            if code is not None:
                raise rpc_error(code)
            return "answer"

        try:
            found: Any = await answered(send, deadline, Peer("示例", "sample"), late)
        except (RequestError, PeerFault) as error:
            found = error
        return asked, found

    gone = grpc.StatusCode.UNAVAILABLE
    assert await attempts([gone, gone], Deadline.after(10)) == (3, "answer")
    asked, found = await attempts([gone] * 10, Deadline.after(10))
    assert (asked, type(found)) == (len(PAUSES) + 1, Unavailable)
    assert "示例暂时联系不上" in found.message
    assert found.english.startswith("sample can't be reached")
    for code, kind in (
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLarge),
        (grpc.StatusCode.UNIMPLEMENTED, Unavailable),
    ):
        asked, found = await attempts([code], Deadline.after(10))
        assert (asked, type(found)) == (1, kind)
    asked, found = await attempts([gone], Deadline.after(0.01))
    assert (asked, type(found)) == (1, Unavailable)
    assert await attempts([], Deadline.after(-1)) == (0, late)


async def test_a_peer_that_is_away_is_named_and_found_again_when_it_is_back() -> None:
    gateway = FakeGateway()
    door = GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), SETTINGS)
    await door.start()
    channels = Channels({SERVICE.name: [f"127.0.0.1:{door.port}"]})
    there = RemoteGateway([SERVICE], channels, CONTRACTS)
    assert await there.ask(GetWork(work_id="w"), call())
    await door.stop(0)
    started = asyncio.get_running_loop().time()
    found = await refused(there.execute(REGISTER, call()))
    assert isinstance(found, Unavailable)
    assert found.message == "示例工程暂时联系不上;命令可能已经保存,请用同一命令编号重试"
    assert str(door.port) not in str(found)
    asked = await refused(there.ask(GetWork(work_id="w"), call()))
    assert str(asked) == "示例工程暂时联系不上,请稍后重试 · sample_works can't be reached now; try again later"
    assert asyncio.get_running_loop().time() - started < 5
    again = GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), Settings(grpc_port=door.port))
    await again.start()
    async with asyncio.timeout(20):
        while isinstance(await tried(there), Unavailable):
            pass
    assert await there.ask(GetWork(work_id="w"), call())
    await channels.close()
    await again.stop(0)


@pytest.mark.parametrize("given", [None, "00000000-0000-7000-8000-000000000001"])
async def test_a_command_recorded_by_a_peer_that_died_before_it_answered_is_found_once(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chassis.peers.calling.PAUSES", (0.05,) * 100)

    class Dying(FakeGateway):
        async def execute(self, command: Command, call: Call) -> Receipt:
            receipt = await super().execute(command, call)
            if not receipt.repeated:
                self.entered.set()
                await self.release.wait()
            return receipt

    gateway = Dying()
    doors = [GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), SETTINGS)]
    await doors[0].start()
    doors.append(GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), Settings(grpc_port=doors[0].port)))
    channels = Channels({SERVICE.name: [f"127.0.0.1:{doors[0].port}"]})
    telling = asyncio.create_task(
        RemoteGateway([SERVICE], channels, CONTRACTS).execute(REGISTER, call(command_id=given))
    )
    await asyncio.wait_for(gateway.entered.wait(), 10)
    await doors[0].stop(0)
    await doors[1].start()
    receipt = await telling
    await channels.close()
    await doors[1].stop(0)
    assert receipt == msgspec.structs.replace(gateway.done[receipt.command_id][1], repeated=given is not None)
    assert [len(events) for events in gateway.streams.values()] == [1]
    assert len({call.command_id for call in gateway.calls}) == 1
    assert len(gateway.calls) >= 2


async def tried(there: RemoteGateway) -> Any:
    try:
        return await there.ask(GetWork(work_id="w"), call())
    except Unavailable as error:
        return error


async def test_a_process_that_serves_something_else_is_told() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channels = Channels({SERVICE.name: [f"127.0.0.1:{port}"]})
    found = await refused(RemoteGateway([SERVICE], channels, CONTRACTS).ask(GetWork(work_id="w"), call()))
    await channels.close()
    await server.stop(0)
    assert isinstance(found, Unavailable)
    assert "BIZENV_PEERS" in found.english


async def test_an_answer_of_another_contract_is_told() -> None:
    class Other(FakeGateway):
        async def ask(self, query: Query, call: Call) -> msgspec.Struct:
            return WorkPage(works=(), total=1)

    async with remote(Other()) as there:
        row = there._methods[GetWork].response
        there._methods[ListWorks] = dataclasses.replace(there._methods[ListWorks], response=row)
        found = await refused(there.ask(ListWorks(), call()))
    assert isinstance(found, Unavailable)
    assert "another version" in found.english


async def test_the_deadline_is_the_callers() -> None:
    gateway = FakeGateway()
    gateway.held = True
    async with remote(gateway) as there:
        command = await refused(there.execute(REGISTER, call(seconds=0.3)))
        passed = await refused(there.ask(GetWork(work_id="w"), call(seconds=-1)))
    assert isinstance(command, DeadlineExceeded)
    assert "同一命令编号" in command.message
    assert isinstance(passed, DeadlineExceeded)
    assert gateway.streams == {}


async def test_who_goes_away_is_gone_for_the_peer_too() -> None:
    ended = asyncio.Event()

    class Held(FakeGateway):
        async def ask(self, query: Query, call: Call) -> msgspec.Struct:
            self.entered.set()
            try:
                await self.release.wait()
            finally:
                ended.set()
            raise AssertionError("never released")

    gateway = Held()
    async with remote(gateway) as there:
        asking = asyncio.create_task(there.ask(GetWork(work_id="w", token="t"), call()))
        await asyncio.wait_for(gateway.entered.wait(), 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(ended.wait(), 10)
    assert asking.cancelled()


async def test_several_addresses_take_turns_and_one_that_is_away_is_passed_over() -> None:
    gateways = [FakeGateway(), FakeGateway()]
    doors = [GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), SETTINGS) for gateway in gateways]
    for door in doors:
        await door.start()
    channels = Channels({SERVICE.name: [f"127.0.0.1:{door.port}" for door in doors]})
    there = RemoteGateway([SERVICE], channels, CONTRACTS)
    async with asyncio.timeout(20):
        while not all(gateway.queries for gateway in gateways):
            await there.ask(GetWork(work_id="w"), call())
    before = [len(gateway.queries) for gateway in gateways]
    for _ in range(20):
        await there.ask(GetWork(work_id="w"), call())
    assert [len(gateway.queries) for gateway in gateways] == [count + 10 for count in before]
    await doors[0].stop(0)
    for _ in range(20):
        await there.ask(GetWork(work_id="w"), call())
    await channels.close()
    await doors[1].stop(0)


async def test_a_replica_that_is_added_behind_the_same_name_takes_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection breaking: each ends in time, and no call fails by it."""
    settings = msgspec.structs.replace(SETTINGS, grpc_connection_seconds=1.0)
    gateways = [FakeGateway(), FakeGateway()]
    async with AsyncExitStack() as opened:
        first = await opened.enter_async_context(replica(gateways[0], settings))
        server = await opened.enter_async_context(names("127.0.0.1"))
        target = f"dns://127.0.0.1:{server.port}/tracking.test:{first.port}"
        monkeypatch.setattr("services.chassis.peers.channels.target_of", lambda _: target)
        channels = Channels({SERVICE.name: [f"tracking.test:{first.port}"]})
        opened.push_async_callback(channels.close)
        there = RemoteGateway([SERVICE], channels, CONTRACTS)
        await ask(there, 20)
        await opened.enter_async_context(
            replica(gateways[1], msgspec.structs.replace(settings, grpc_host="127.0.0.2", grpc_port=first.port))
        )
        server.addresses.append("127.0.0.2")
        async with asyncio.timeout(20):
            while not gateways[1].queries:
                await ask(there, 1)
        before = [len(gateway.queries) for gateway in gateways]
        await ask(there, 40)
        shares = [len(gateway.queries) - count for gateway, count in zip(gateways, before, strict=True)]
    assert sum(shares) == 40
    assert min(shares) >= 10


async def ask(there: RemoteGateway, times: int) -> None:
    for _ in range(times):
        await there.ask(GetWork(work_id="w"), call())


@asynccontextmanager
async def replica(gateway: FakeGateway, settings: Settings) -> AsyncIterator[GrpcDoor]:
    door = GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), settings)
    await door.start()
    try:
        yield door
    finally:
        await door.stop(0)


async def test_a_call_in_hand_outlives_its_connection() -> None:
    gateway = FakeGateway()
    gateway.held = True
    async with remote(gateway, msgspec.structs.replace(SETTINGS, grpc_connection_seconds=0.2)) as there:
        doing = asyncio.create_task(there.execute(REGISTER, call()))
        await asyncio.wait_for(gateway.entered.wait(), 10)
        channel = there._channels.of(SERVICE.name)
        await asyncio.wait_for(channel.wait_for_state_change(grpc.ChannelConnectivity.READY), 10)
        gateway.release.set()
        assert (await doing).version == 1
    assert len(gateway.streams) == 1


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_quiet_connection_is_asked_whether_it_lives_as_often_as_the_server_allows(
    allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All times a hundredth of the real ones. A server that allows no pings ends the connection at the third."""
    quick = [(name, value // 100 if name.endswith("_ms") else value) for name, value in PINGS]
    monkeypatch.setattr("services.chassis.grpc_server.door.PINGS", quick if allowed else ())
    often = [(name, 300 if name == "grpc.keepalive_time_ms" else value) for name, value in OPTIONS]
    monkeypatch.setattr("services.chassis.peers.channels.OPTIONS", often)
    async with peer(FakeGateway()) as channels:
        await RemoteGateway([SERVICE], channels, CONTRACTS).ask(GetWork(work_id="w"), call())
        channel = channels.of(SERVICE.name)
        changed = channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        if allowed:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(changed, 3)
        else:
            await asyncio.wait_for(changed, 20)


async def test_names_and_pings() -> None:
    assert target_of(["tracking:50051"]) == "dns:///tracking:50051"
    assert target_of(["10.0.0.2:1", "10.0.0.1:1"]) == "ipv4:10.0.0.1:1,10.0.0.2:1"
    assert target_of(["[::1]:1", "[::2]:1"]) == "ipv6:[::1]:1,[::2]:1"
    assert dict(OPTIONS)["grpc.keepalive_time_ms"] > 2 * LEAST_PING_MILLISECONDS


async def test_processes_that_name_each_other_do_not_go_on_for_ever() -> None:
    """Neither has the service: the second refuses what it would have to ask of the first."""
    async with peer(FakeGateway()) as nowhere:
        second = RemoteGateway([SERVICE], nowhere, CONTRACTS)
        async with peer(second, RemoteFeed(PUBLISHED, nowhere)) as channels:
            found = await refused(RemoteGateway([SERVICE], channels, CONTRACTS).ask(GetWork(work_id="w"), call()))
            fed = RemoteFeed(PUBLISHED, channels).read("sample_works", 0, 1, READER, token(Role.INTEGRATOR))
            assert vars(await refused(fed)) == vars(found)
    assert isinstance(found, Unavailable)
    assert "BIZENV_PEERS" in found.message


class Here:
    """Serves one query."""

    def serves(self, kind: type[Command | Query]) -> bool:
        return kind is GetWork

    async def execute(self, command: Command, call: Call) -> Receipt:
        raise AssertionError("not asked for")

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        return WorkRow(work_id="here", name="n", kind=Kind.ROAD)


async def test_what_is_here_is_asked_here_and_the_rest_of_the_peers() -> None:
    gateway = FakeGateway()
    async with remote(gateway) as there:
        routing = RoutingGateway(Here(), there)
        row = await routing.ask(GetWork(work_id="w"), call())
        assert isinstance(await routing.ask(ListWorks(), call()), WorkPage)
        assert (await routing.execute(REGISTER, call())).version == 1
        assert routing.serves(SignWork)
        assert not routing.serves(ExpireWork)
        for found in (
            await refused(routing.execute(ExpireWork(work_id="w", occurred_on=DAY), call())),
            await refused(there.execute(ExpireWork(work_id="w", occurred_on=DAY), call())),
        ):
            assert isinstance(found, NotFound)
            assert found.message == "本进程不提供 ExpireWork"
    assert row == WorkRow(work_id="here", name="n", kind=Kind.ROAD)
    assert gateway.queries == [ListWorks()]
    assert RemoteGateway([SERVICE], Channels({}), CONTRACTS).serves(GetWork) is False


RIGHTS = Rights({READ_FEED: {Role.INTEGRATOR: Scope.ALL}})
PUBLISHED = [
    Service(name=name, title="示例工程", events=SERVICE.events, rights=RIGHTS) for name in ("sample_works", "roads")
]


async def test_the_feed_of_a_peer_is_the_same_feed() -> None:
    own, other = FakeFeed(1203), FakeFeed(3)
    bearer = token(Role.INTEGRATOR)
    async with peer(FakeGateway(), own) as channels:
        there = RemoteFeed(PUBLISHED, channels)
        feed = RoutingFeed(PUBLISHED, ["roads"], other, there)
        for after, limit in ((0, 1000), (1000, 7), (1203, 10)):
            found = await feed.read("sample_works", after, limit, READER, bearer)
            assert found == await own.read("sample_works", after, limit, READER)
        beyond = await refused(feed.read("sample_works", 1204, 1, READER, bearer))
        same = await refused(own.read("sample_works", 1204, 1, READER))
        nowhere = await refused(feed.read("trees", 0, 1, READER, bearer))
        forbidden = await refused(feed.read("sample_works", 0, 1, GROUP, bearer))
        other_token = await refused(feed.read("sample_works", 0, 1, READER, token(Role.LEADER)))
        assert feed.services(READER) == ("sample_works", "roads")
        assert there.services(READER) == ("sample_works",)
    assert vars(beyond) == vars(same)
    assert isinstance(nowhere, NotFound)
    assert nowhere.english.endswith("there are: sample_works, roads")
    assert isinstance(forbidden, Forbidden)
    assert isinstance(other_token, Forbidden)
    local = await refused(feed.read("roads", 0, 1, READER, bearer))
    assert isinstance(local, NotFound)


async def test_a_feed_that_is_away_is_named() -> None:
    channels = Channels({"sample_works": ["127.0.0.1:1"]})
    found = await refused(RemoteFeed(PUBLISHED, channels).read("sample_works", 0, 1, READER, token()))
    await channels.close()
    assert isinstance(found, Unavailable)
    assert "示例工程" in found.message
