"""PostgreSQL and Kafka come after the processes, go away under load and come back: nothing is lost, all goes on by
itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest

from tests import lives
from tests.clients import Door, GrpcClient, HttpClient
from tests.e2e.callers import TRY_AGAIN, Callers, calling, patiently
from tests.e2e.forms import Cities, City, Fleet, fleet
from tests.processes import Server
from tests.servers import Kafka, Postgres, kafka_server, postgres_server
from tests.waiting import eventually

AWAY_SECONDS = 10.0
"""For how long a server is away: as long as one that is started anew, and longer than a caller's patience."""
READY_SECONDS = 90.0
PROCESSES = {"recording": ("policy_registry", "project_tracking"), "showing": ("projection",)}


class Own(NamedTuple):
    """Servers that this module may stop, and a city on them."""

    postgres: Postgres
    kafka: Kafka
    city: City


@pytest.fixture(scope="module")
def own(empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    assert access
    place = tmp_path_factory.mktemp("away")
    with postgres_server() as postgres, kafka_server() as kafka:
        yield Own(postgres, kafka, Cities(postgres, kafka, place).copy(empty_city, place / "var"))


@pytest.fixture(scope="module")
def served(own: Own) -> Iterator[Fleet]:
    with fleet(own.city, plan=PROCESSES) as processes:
        yield processes
        assert set(processes.stop()) == {0}, processes.log()
        assert not processes.complaints(), processes.log()


def doors(served: Fleet, access: str) -> list[Callable[[], Door]]:
    owner = served.of("project_tracking")
    return [*[lambda: HttpClient(served.front.http, access)] * 2, *[lambda: GrpcClient(owner.grpc, access)] * 2]


def readiness(server: Server) -> httpx.Response:
    return httpx.get(f"{server.http}/readyz", timeout=30)


def tells(server: Server, *words: str) -> Callable[[], bool]:
    """Whether the process says that it is not ready, in a sentence with these words."""

    def told() -> bool:
        try:
            answer = readiness(server)
        except httpx.TransportError:
            return False
        said = "\n".join(answer.json()["troubles"])
        return answer.status_code == 503 and all(word in said for word in words)

    return told


def all_ready(served: Fleet) -> bool:
    return all(readiness(server).status_code == 200 for server in served.servers.values())


def require_all(served: Fleet, access: str, callers: Callers) -> None:
    """What was acknowledged is in the store once, and topics and views are right."""
    with HttpClient(served.front.http, access) as client:
        assert not callers.missing_in(client.events("project_tracking"))
    said = served.city.told("audit", "flow")
    assert said.count("✓") == len(said.splitlines()), said


def test_a_process_that_is_there_first_waits_and_says_for_what(own: Own) -> None:
    own.postgres.stop()
    own.kafka.stop()
    planned = Fleet(own.city)
    planned.plan("all")
    server = planned.begin("all")
    try:
        eventually(tells(server, f"127.0.0.1:{own.postgres.port}", "cannot open the database"), 60, "no PostgreSQL")
        assert httpx.get(f"{server.http}/livez", timeout=30).status_code == 200
        own.postgres.start()
        eventually(tells(server, f"Kafka at {own.kafka.servers}", "does not answer"), 60, "no Kafka")
        own.kafka.start()
        server.ready(READY_SECONDS)
        assert server.stop() == 0
    finally:
        planned.kill()
    for waited_for in ("cannot open the database", "Kafka at", "servers are there"):
        assert any(waited_for in line for line in server.logged), server.log()
    assert not planned.complaints()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_waits_can_be_stopped(own: Own, number: signal.Signals) -> None:
    planned = Fleet(own.city)
    planned.plan("all")
    server = planned.begin("all", database="postgresql://127.0.0.1:9/nowhere")
    try:
        eventually(tells(server, "127.0.0.1:9"), 60, "it waits")
        assert server.stop(number, 10) == 0
    finally:
        planned.kill()


def test_postgresql_is_away_for_a_while(served: Fleet, own: Own, access: str) -> None:
    """Commands are refused as UNAVAILABLE meanwhile and every process says that it is not ready."""
    with calling(doors(served, access)) as callers:
        callers.more(40)
        own.postgres.stop()
        began = time.monotonic()
        for server in served.servers.values():
            eventually(tells(server, "the database can't be reached"), 30, "not ready without a database")
        eventually(lambda: callers.refusals["UNAVAILABLE"] > 0, 60, "a refusal")
        eventually(lambda: time.monotonic() - began > AWAY_SECONDS, what="a while")
        own.postgres.start()
        callers.more(40)
        eventually(lambda: all_ready(served), READY_SECONDS, "ready again")
    assert set(callers.refusals) <= TRY_AGAIN, callers.refusals
    require_all(served, access, callers)


def test_kafka_is_away_for_a_while(served: Fleet, own: Own, access: str) -> None:
    """Commands are carried out all the while; not ready only when it lasts."""
    owner = served.of("project_tracking")
    with calling(doors(served, access)) as callers:
        callers.more(40)
        own.kafka.stop()
        eventually(lambda: readiness(owner).json()["notices"], 30, "a notice")
        assert readiness(owner).status_code == 200, "a moment without Kafka takes nobody out of rotation"
        callers.more(40)
        for server in served.servers.values():
            eventually(tells(server, "Kafka"), 60, "not ready once it lasts")
        callers.more(40)
        own.kafka.start()
        eventually(lambda: all_ready(served), READY_SECONDS, "ready again")
        callers.more(40)
    assert not callers.refusals, "the event store is the outbox"
    receipt = callers.latest()
    with HttpClient(served.front.http, access) as client:
        project = receipt.stream.removeprefix("project-")
        shown = client.ask("GetProject", project_id=project, token=receipt.token)
        assert int(shown["line"]["version"]) >= receipt.version
    require_all(served, access, callers)


def test_a_process_goes_on_where_it_was_after_all_were_away(served: Fleet, own: Own, access: str) -> None:
    own.postgres.stop()
    own.kafka.stop()
    own.kafka.start()
    own.postgres.start()
    eventually(lambda: all_ready(served), READY_SECONDS, "ready again")  # or still: they notice it by and by
    owner, front, command_id = served.of("project_tracking"), served.front, str(uuid4())
    with GrpcClient(owner.grpc, access) as writer, HttpClient(front.http, access) as reader:
        receipt = patiently(lambda: writer.do(lives.registration("after-all"), command_id))
        shown = patiently(lambda: reader.ask("GetProject", project_id="after-all", token=receipt.token))
        assert shown["line"]["version"] == receipt.version
