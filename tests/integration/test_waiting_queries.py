"""Queries that wait for a position, at both doors: never for one that will not come, and never in others' way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.chassis.envelope import partition_of
from services.chassis.event_store.sqlite import SqliteDialect
from services.chassis.event_store.store_info import begin_epoch
from services.chassis.forms.embedded import Embedded
from services.chassis.hosting.access import Access
from services.chassis.hosting.doors import Doors
from services.chassis.positions.position import PositionToken
from services.chassis.reactions.sink import ReactionSink
from services.chassis.settings import Settings
from tests.clients import QUERY_PATHS, GrpcClient, HttpClient, Refused
from tests.clients import Door as Client
from tests.sample_service import CITY, Add, FindCounter, FoundCounter, OpenCounter, call, do, open_city
from tests.waiting import eventually

UNIT = "130602"
PLACES, WAITING = 2, 3
FIVE = FoundCounter(total=5, title="")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    settings = Settings(
        data=tmp_path,
        http_port=0,
        grpc_port=0,
        metrics_port=0,
        command_queue=PLACES,
        waiting_queries=WAITING,
        shutdown_grace_seconds=0,
    )
    with closing(open_city(tmp_path, settings=settings)) as opened:
        yield opened


@pytest.fixture
def doors(city: Embedded, tmp_path: Path) -> Iterator[Doors]:
    settings = Settings(http_port=0, grpc_port=0, metrics_port=0, command_queue=PLACES, shutdown_grace_seconds=0)
    opened = Doors(city, Access.of(tmp_path, city.info.store_id), settings, [], list)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def token(city: Embedded, tmp_path: Path) -> str:
    return Access.of(tmp_path, city.info.store_id).token(CITY, 1)


@pytest.fixture(params=["http", "grpc"])
def client(
    request: pytest.FixtureRequest, doors: Doors, token: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    monkeypatch.setitem(QUERY_PATHS, "FindCounter", "/v1/counters/{counter}")
    if request.param == "http":
        found: Client = HttpClient(f"http://127.0.0.1:{doors.http.port}", token)
    else:
        found = GrpcClient(f"127.0.0.1:{doors.grpc.port}", token)
    yield found
    found.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads


def waiting(city: Embedded) -> int:
    return city._local._waiters.waiting


def opened(city: Embedded) -> PositionToken:
    """A counter that the views do not show yet; where its last fact lies."""
    receipts = do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    return PositionToken.parse(receipts[-1].token)


def all_wait(city: Embedded, client: Client, pool: ThreadPoolExecutor, at: PositionToken) -> list[Future[Any]]:
    """As many as may wait, one after another: each needs a place at the door for a moment."""
    asked = []
    for number in range(WAITING):
        asked.append(pool.submit(client.ask, "FindCounter", counter="a", token=str(at)))
        eventually(lambda expected=number + 1: waiting(city) == expected)  # type: ignore[misc]
    return asked


PARTITION = partition_of("counter-a", 12)


@pytest.mark.parametrize(
    "bad",
    [
        f"sample:1:{PARTITION}:999999",
        "sample:1:12:1",
        f"sample:2:{PARTITION}:1",
        f"sample:1:{(PARTITION + 1) % 12}:2",
        f"sample:0:{PARTITION}:2x",
        "other:1:1:1",
        "sample:1:999:0",
    ],
)
def test_a_token_that_the_store_never_gave_is_refused_at_once(city: Embedded, client: Client, bad: str) -> None:
    opened(city)
    started = time.monotonic()
    with pytest.raises(Refused) as refused:
        client.ask("FindCounter", counter="a", token=bad)
    assert time.monotonic() - started < 20
    assert (refused.value.code, refused.value.fields) == ("INVALID_REQUEST", ("token",))


def test_many_wait_and_one_batch_wakes_them_all(city: Embedded, client: Client, pool: ThreadPoolExecutor) -> None:
    at = opened(city)
    asked = all_wait(city, client, pool, at)
    city.settle()
    assert [int(future.result(30)["total"]) for future in asked] == [5] * WAITING
    assert waiting(city) == 0


def test_one_more_than_may_wait_is_refused(city: Embedded, client: Client, pool: ThreadPoolExecutor) -> None:
    at = opened(city)
    asked = all_wait(city, client, pool, at)
    with pytest.raises(Refused) as refused:
        client.ask("FindCounter", counter="a", token=str(at))
    assert (refused.value.code, refused.value.status) == (
        "OVERLOADED",
        "429" if isinstance(client, HttpClient) else "RESOURCE_EXHAUSTED",
    )
    city.settle()
    for future in asked:
        future.result(30)


def test_those_who_wait_hold_no_place_that_a_command_needs(
    city: Embedded, client: Client, pool: ThreadPoolExecutor
) -> None:
    at = opened(city)
    asked = all_wait(city, client, pool, at)
    assert waiting(city) > PLACES
    assert send_add(client)["version"] in (3, "3")
    city.settle()
    for future in asked:
        future.result(30)
    again: list[Future[Any]] = [pool.submit(client.ask, "FindCounter", counter="a") for _ in range(PLACES)]
    assert {int(future.result(30)["total"]) for future in again} == {6}


def send_add(client: Client) -> dict[str, Any]:
    if isinstance(client, HttpClient):
        headers = {"Content-Type": "application/json"}
        response = client.call("POST", "/v1/counters/a:add", content=b'{"amount":1}', headers=headers)
        found: dict[str, Any] = response.json()
        return found
    assert isinstance(client, GrpcClient)
    return client.call("Add", {"counter": "a", "amount": 1, "times": 1, "occurred_on": "2017-03-01"})


def test_a_client_that_goes_away_waits_no_more_over_http(city: Embedded, doors: Doors, token: str) -> None:
    at = opened(city)

    async def go_away() -> None:
        headers = {"Authorization": f"Bearer {token}", "Bizenv-Position": str(at)}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{doors.http.port}", headers=headers) as client:
            asking = asyncio.create_task(client.get("/v1/counters/a", timeout=30))
            await asyncio.to_thread(eventually, lambda: waiting(city) == 1)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(go_away())
    eventually(lambda: waiting(city) == 0)


def test_a_call_that_is_cancelled_waits_no_more_over_grpc(city: Embedded, doors: Doors, token: str) -> None:
    at = opened(city)
    client = GrpcClient(f"127.0.0.1:{doors.grpc.port}", token)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.ask, "FindCounter", counter="a", token=str(at))
        eventually(lambda: waiting(city) == 1)
        client.close()
        eventually(lambda: waiting(city) == 0)
        assert asking.exception(30) is not None


def test_the_answer_comes_as_soon_as_the_views_hold_it(city: Embedded) -> None:
    """However long the reactions to the same facts take, or fail."""
    host = city.hosts["sample"]
    held, release = threading.Event(), threading.Event()
    assert host.followers.reactions is not None
    sink = host.followers.reactions.intakes[0].sink
    assert isinstance(sink, ReactionSink)
    dispatch = sink._dispatch

    def slow(commands: Any) -> None:
        held.set()
        assert release.wait(60)
        dispatch(commands)

    sink._dispatch = slow
    at = opened(city)
    answer = city.loop.submit(city.gateway.ask(FindCounter(counter="a", token=str(at)), call()))
    eventually(lambda: waiting(city) == 1)
    with ThreadPoolExecutor(1) as consumer:
        turned = consumer.submit(host.followers.reactions.turn, 0.0)
        host.turn(0.0)
        assert held.wait(30)
        assert answer.result(30) == FIVE
        release.set()
        turned.result(30)


def test_who_waits_ends_the_gathering_of_facts(tmp_path: Path) -> None:
    """Else the answer would come after the pause, which is longer than the query's deadline."""
    settings = Settings(data=tmp_path, poll_busy_milliseconds=10_000)
    with closing(open_city(tmp_path, settings=settings)) as city, ThreadPoolExecutor(1) as consumer:
        host = city.hosts["sample"]
        do(city, OpenCounter(counter="a", unit=UNIT))
        assert host.followers.views is not None
        assert host.followers.views.step() > 0
        gathering = consumer.submit(host.turn, 60.0)
        token = do(city, Add(counter="a", amount=5))[-1].token
        assert city.loop.run(city.gateway.ask(FindCounter(counter="a", token=token), call(seconds=5))) == FIVE
        gathering.result(30)


def test_a_token_of_the_time_before_a_restore_does_not_wait_for_what_is_gone(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        lost = opened(city)
    begin_epoch(SqliteDialect(tmp_path / "sample" / "events.sqlite"), 2)
    gone = PositionToken("sample", 1, (lost.partition + 1) % 12, lost.position + 5)
    with closing(open_city(tmp_path)) as city:
        for token in (lost, lost._replace(position=lost.position + 5)):
            answer = city.loop.submit(city.gateway.ask(FindCounter(counter="a", token=str(token)), call()))
            city.settle()
            assert answer.result(30) == FIVE
        asked = city.gateway.ask(FindCounter(counter="a", token=str(gone)), call(seconds=5))
        assert city.loop.run(asked) == FIVE
