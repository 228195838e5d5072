"""Troubles from outside while a city is served: a full disk, other writers, poison, overload, impossible requests."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from services.chassis.commanding.gateway import Receipt
from services.chassis.envelope import partition_of
from tests import lives
from tests.clients import GrpcClient, HttpClient, Lost, Refused
from tests.faults.test_points import whole
from tests.processes import Server, bizenv, copy_of, serving, told
from tests.small_disk import small_disk
from tests.waiting import eventually

QUEUE = 8
LARGEST = 64 * 1024
MOST = 300
"""Writes of the one process before it lets the other ones have their turn."""


@pytest.fixture(scope="module")
def served(empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A city with short queues."""
    assert access
    data = copy_of(empty_city, tmp_path_factory.mktemp("faults") / "var")
    with serving(data, command_queue=str(QUEUE), max_message_bytes=str(LARGEST)) as server:
        yield server
        assert server.stop() == 0
    whole(data)


@pytest.fixture
def http(served: Server, access: str) -> Iterator[HttpClient]:
    client = HttpClient(served.http, access)
    yield client
    client.close()


@pytest.fixture
def grpc_client(served: Server, access: str) -> Iterator[GrpcClient]:
    client = GrpcClient(served.grpc, access)
    yield client
    client.close()


# --- load and impossible requests ------------------------------------------------------------------------------


def test_more_load_than_the_queue_takes_is_refused_at_once_and_the_process_stays_well(
    served: Server, http: HttpClient, grpc_client: GrpcClient
) -> None:
    def by_http(number: int) -> str:
        return _outcome(http, f"burst-h{number}")

    def by_grpc(number: int) -> str:
        return _outcome(grpc_client, f"burst-g{number}")

    seen: Counter[str] = Counter()
    refusals = {"429 OVERLOADED", "RESOURCE_EXHAUSTED OVERLOADED"}

    def burst() -> bool:
        start = sum(seen.values())
        with ThreadPoolExecutor(8 * QUEUE) as pool:
            seen.update(pool.map(by_http, range(start, start + 8 * QUEUE)))
            seen.update(pool.map(by_grpc, range(start, start + 8 * QUEUE)))
        return refusals <= set(seen)

    eventually(burst, 60, "refusals by both doors")
    assert set(seen) == {"recorded", *refusals}
    assert served.troubles() == []
    recorded = [event for event in http.events("project_tracking") if event["subject"].startswith("project-burst")]
    assert len(recorded) == seen["recorded"]


def _outcome(door: HttpClient | GrpcClient, project: str) -> str:
    try:
        door.do(lives.registration(project))
    except Refused as refusal:
        return f"{refusal.status} {refusal.code}"
    return "recorded"


def test_a_message_that_is_too_large(http: HttpClient, grpc_client: GrpcClient) -> None:
    order = msgspec.structs.replace(lives.weekly("p-1", 1), progress="很长" * LARGEST)
    for door, status in ((http, "413"), (grpc_client, "RESOURCE_EXHAUSTED")):
        with pytest.raises(Refused) as error:
            door.do(order)
        assert error.value.status == status


def test_a_deadline_that_has_passed(http: HttpClient) -> None:
    with pytest.raises(Refused) as error:
        http.call("POST", "/v1/projects/p-1:start", headers={"Bizenv-Timeout": "0"}, content=b"{}")
    assert (error.value.status, error.value.code) == ("504", "DEADLINE_EXCEEDED")


def test_a_deadline_that_passes_in_the_server(served: Server, http: HttpClient, grpc_client: GrpcClient) -> None:
    """The store is held; one command waits for it and others behind it on its stream, until their time is over."""
    order, late = lives.registration("held"), lives.weekly("held", 1)
    before = _ended(served)
    with ThreadPoolExecutor(1) as pool:
        with closing(sqlite3.connect(served.data / "project_tracking" / "events.sqlite", timeout=30)) as database:
            database.execute("BEGIN IMMEDIATE")
            first = pool.submit(http.do, order)
            eventually(lambda: _in_hand(served, "RegisterProject") == 1, 60, "the first command in the server's hands")
            with pytest.raises(Refused) as error:
                http.do(late, seconds=0.3)
            assert (error.value.status, error.value.code) == ("504", "DEADLINE_EXCEEDED")
            with pytest.raises((Lost, Refused), match="DEADLINE_EXCEEDED"):
                grpc_client.do(late, seconds=2)  # enough to come to the server on any machine
            eventually(lambda: _ended(served) == before + 1, 60, "the end of the call in the server")
            assert not first.done()
            database.rollback()
        assert first.result(30).version == 1
    (event,) = [event for event in http.events("project_tracking") if event["subject"] == "project-held"]
    assert event["type"] == "bizenv.project.registered.v1"
    assert http.do(late).version == 2


def _in_hand(server: Server, command: str) -> float:
    """How many commands of this name the server has taken and not answered yet."""
    return sum(
        sample.value for sample in _samples(server, "bizenv_commands_in_hand") if sample.labels["command"] == command
    )


def _ended(server: Server) -> float:
    """How many reports over gRPC the server itself has ended because their time was over."""
    return sum(
        sample.value
        for sample in _samples(server, "grpc_server_handled_total")
        if sample.labels["grpc_method"] == "SubmitWeeklyReport"
        and sample.labels["grpc_code"] in ("CANCELLED", "DEADLINE_EXCEEDED")
    )


def _samples(server: Server, name: str) -> Iterator[Sample]:
    families = text_string_to_metric_families(httpx.get(server.metrics, timeout=30).text)
    return (sample for family in families for sample in family.samples if sample.name == name)


# --- two processes write ---------------------------------------------------------------------------------------


def test_two_processes_write_one_stream(served: Server, http: HttpClient, access: str) -> None:
    project = "two-writers"
    http.do(lives.registration(project))
    by_hand = range(6)

    def other_process(number: int) -> Receipt:
        """Who loses the race too often is told so, and sends the same again."""
        body = msgspec.json.encode(lives.weekly(project, number)).decode()
        order = ("do", "SubmitWeeklyReport", "--json", body, "--token", access, "--command-id", str(uuid4()))
        while (done := bizenv(served.data, *order)).returncode != 0:
            assert "STALE_VERSION" in done.stderr, done.stderr
        return msgspec.json.decode(done.stdout, type=Receipt)

    with ThreadPoolExecutor(len(by_hand)) as pool:
        others = [pool.submit(other_process, number) for number in by_hand]
        mine = [http.do(lives.weekly(project, 50))]
        while len(mine) < MOST and not all(other.done() for other in others):
            text = f"第{len(mine)}次更正"
            again = msgspec.structs.replace(lives.weekly(project, 50), progress=text, correction_reason=text)
            mine.append(http.do(again))
        receipts = [*mine, *(other.result() for other in others)]
    assert sorted(receipt.version for receipt in receipts) == list(range(2, len(receipts) + 2))
    latest = max(receipts, key=lambda receipt: receipt.version)
    assert http.ask("GetProject", project_id=project, token=latest.token)["line"]["version"] == latest.version


# --- a full disk -----------------------------------------------------------------------------------------------


def test_a_disk_that_is_full_and_freed_again(empty_city: Path, access: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 96) as disk:
        data = disk.folder / "var"
        shutil.copytree(empty_city, data)
        with serving(data) as server:
            with HttpClient(server.http, access) as http, GrpcClient(server.grpc, access) as grpc_client:
                first = http.do(lives.registration("before"))
                assert http.ask("GetProject", project_id="before", token=first.token)["line"]["version"] == 1
                disk.fill(server.process.pid)
                weeks = iter(range(400))
                eventually(lambda: _is_refused(http, next(weeks)), 60, "a refusal for want of room")
                for door, status in ((http, "503"), (grpc_client, "UNAVAILABLE")):
                    with pytest.raises(Refused) as error:
                        door.do(lives.registration("while-full"))
                    assert (error.value.status, error.value.code) == (status, "UNAVAILABLE")
                assert httpx.get(f"{server.http}/livez", timeout=30).status_code == 200
                assert http.ask("GetProject", project_id="before", token=first.token)["line"]["version"] >= 1

                disk.free(server.process.pid)
                after = http.do(lives.registration("while-full"))
                assert http.ask("GetProject", project_id="while-full", token=after.token)["line"]["version"] == 1
                eventually(lambda: not server.troubles(), 60, "readiness")
            assert server.stop() == 0, server.log()
        whole(data)


def _is_refused(http: HttpClient, week: int) -> bool:
    try:
        http.do(lives.weekly("before", week))
    except Refused as refusal:
        return refusal.code == "UNAVAILABLE"
    return False


def test_a_stop_while_the_disk_is_full_is_clean(empty_city: Path, access: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 96) as disk:
        data = disk.folder / "var"
        shutil.copytree(empty_city, data)
        with serving(data) as server:
            with HttpClient(server.http, access) as http:
                weeks = iter(range(400))
                http.do(lives.registration("before"))
                disk.fill(server.process.pid)
                eventually(lambda: _is_refused(http, next(weeks)), 60, "a refusal for want of room")
            assert server.stop() == 0, server.log()
            assert "Traceback" not in server.log()
        disk.free()
        with serving(data) as server:
            assert server.stop() == 0
        whole(data)


# --- poison ----------------------------------------------------------------------------------------------------


def insert_event(data: Path, stream: str, version: int, kind: str, content: bytes) -> None:
    """Put an event into the store of project_tracking behind its back, at its end."""
    with closing(sqlite3.connect(data / "project_tracking" / "events.sqlite", timeout=30)) as database, database:
        database.execute(
            "INSERT INTO events SELECT coalesce(max(position), 0) + 1, ?, ?, ?, ?, '2017-03-01', 1500000000000000,"
            " 'nobody:nobody', ?, x'00', 'c', 'c', NULL, ? FROM events",
            (stream, version, partition_of(stream, 12), kind, f"{stream}/{version}", content),
        )


POISONS = {
    "malformed": ("bizenv.project.signed.v1", b'{"occurred_on": "2017-0'),
    "of an unknown type": ("bizenv.project.blessed.v1", b'{"occurred_on": "2017-03-01"}'),
}


@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_event_parks_its_stream_and_nothing_else(city: Path, access: str, poison: str) -> None:
    kind, content = POISONS[poison]
    with serving(city) as server:
        with HttpClient(server.http, access) as http:
            http.do(lives.registration("well"))
            sick = http.do(lives.registration("sick"))
            insert_event(city, sick.stream, 2, kind, content)
            insert_event(city, sick.stream, 3, "bizenv.project.signed.v1", b'{"occurred_on": "2017-03-01"}')
            eventually(lambda: _notices(server), what="a notice")

            flowing = http.do(lives.weekly("well", 1))
            assert http.ask("GetProject", project_id="well", token=flowing.token)["line"]["version"] == 2
            assert http.ask("GetProject", project_id="sick")["line"]["version"] == 1
            assert server.troubles() == []
            assert any("projection" in notice for notice in _notices(server))
            listed = told(city, "parked", "list").splitlines()
            assert [line.split()[1] for line in listed if line.startswith("projection ")] == [
                f"{sick.stream}/2",
                f"{sick.stream}/3",
            ]
            assert 'consumer_parked_streams{group="projection"} 1.0' in httpx.get(server.metrics, timeout=30).text
            assert bizenv(city, "doctor").returncode == 1
            told(city, "parked", "retry", sick.stream)
        assert server.stop() == 0
    with serving(city) as server:
        assert any("projection" in notice for notice in _notices(server))


def _notices(server: Server) -> list[str]:
    found: list[str] = httpx.get(f"{server.http}/readyz", timeout=30).json()["notices"]
    return found


def test_too_many_poisoned_streams_stop_the_consumer_and_readiness_says_so(city: Path, access: str) -> None:
    with serving(city, park_limit="1") as server:
        with HttpClient(server.http, access) as http, GrpcClient(server.grpc, access) as caller:
            for number in range(2):
                insert_event(city, f"project-sick-{number}", 1, *POISONS["of an unknown type"])
            eventually(lambda: "over the limit" in " ".join(server.troubles()), what="a stopped consumer")
            health = health_pb2_grpc.HealthStub(caller.channel)
            eventually(
                lambda: (
                    health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.NOT_SERVING
                )
            )
            assert httpx.get(f"{server.http}/livez", timeout=30).status_code == 200
            assert http.do(lives.registration("well")).version == 1
        assert server.stop() == 0


# --- tampering -------------------------------------------------------------------------------------------------


def test_an_altered_event_is_found(city: Path, access: str) -> None:
    with serving(city) as server:
        with HttpClient(server.http, access) as http:
            http.do(lives.registration("p-1"))
        assert server.stop() == 0
    assert bizenv(city, "audit", "verify").returncode == 0
    with closing(sqlite3.connect(city / "project_tracking" / "events.sqlite")) as database, database:
        database.execute(
            "UPDATE events SET data = CAST(replace(data, '120000000', '999000000') AS BLOB)"
            " WHERE stream = 'project-p-1'"
        )
    found = bizenv(city, "audit", "verify")
    assert found.returncode == 1
    assert "EVENT_ALTERED" in found.stdout
