"""A process that is told to end: in the middle of its start, while clients hold streams open, and while its database
stands still."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.chassis.hosting.ending import NOT_IN_TIME
from services.chassis.hosting.serving import REST_SECONDS
from tests.clients import GrpcClient
from tests.e2e.forms import Cities, City, Copies, Fleet, fleet
from tests.processes import START_SECONDS, Server
from tests.servers import Kafka, Postgres, postgres_server
from tests.waiting import eventually

TICKS = os.sysconf("SC_CLK_TCK")


def catches(server: Server, number: signal.Signals) -> bool:
    """Whether the process has a handler for it."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def cpu_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.mark.parametrize("worked", [0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4])
def test_a_process_can_be_stopped_at_any_moment_of_its_start(
    copies: Copies, empty_city: Path, tmp_path: Path, worked: float
) -> None:
    """`worked`: seconds of the processor after which it is told to end, unless it serves by then."""
    planned = Fleet(copies.of(empty_city, tmp_path / "var"))
    planned.plan("all")
    server = planned.begin("all")
    try:
        eventually(lambda: catches(server, signal.SIGTERM), START_SECONDS, "it heeds signals")
        from_then = cpu_seconds(server) + worked
        eventually(lambda: server.is_announced or cpu_seconds(server) >= from_then, START_SECONDS)
        assert server.stop() == 0, server.log()
    finally:
        planned.kill()
    assert "Traceback" not in server.log()
    assert "Exception ignored" not in server.log()


@contextmanager
def reflecting(client: GrpcClient) -> Iterator[None]:
    """The client has asked for the contracts and may ask on."""
    questions: SimpleQueue[Any] = SimpleQueue()
    questions.put(reflection_pb2.ServerReflectionRequest(list_services=""))
    answers = reflection_pb2_grpc.ServerReflectionStub(client.channel).ServerReflectionInfo(iter(questions.get, None))
    try:
        next(answers)
        yield
    finally:
        questions.put(None)
        answers.cancel()


@contextmanager
def watching(client: GrpcClient) -> Iterator[None]:
    """The client is told how the server is, as long as there is one."""
    answers = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
    next(answers)
    try:
        yield
    finally:
        answers.cancel()


@contextmanager
def reading(client: GrpcClient) -> Iterator[None]:
    """The client has read the first of so many events that the rest waits with the server."""
    events = client.stream("ReadEvents", service="project_tracking")
    next(events)
    yield


@pytest.fixture(scope="module")
def rehearsed(copies: Copies, rehearsed_city: Path, tmp_path_factory: pytest.TempPathFactory) -> City:
    return copies.of(rehearsed_city, tmp_path_factory.mktemp("streams") / "var")


@pytest.mark.parametrize("held", [reflecting, watching, reading])
def test_a_stream_that_a_client_holds_open_ends_with_the_process_and_nothing_is_said_of_it(
    rehearsed: City, held: Callable[[GrpcClient], AbstractContextManager[None]]
) -> None:
    with fleet(rehearsed, plan={"all": ()}, shutdown_grace_seconds="0.5") as processes:
        server = processes.of("project_tracking")
        with GrpcClient(server.grpc, rehearsed.token("city_group")) as client, held(client):
            before = len(server.logged)
            assert server.stop() == 0, server.log()
    assert [line for line in server.logged[before:] if not is_information(line)] == []


def is_information(line: str) -> bool:
    """Whether this line of a log tells of something that is as it should be."""
    return line.startswith("{") and json.loads(line)["level"] == "info"


@pytest.fixture
def stoppable() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


def test_a_database_that_stands_still_keeps_nobody_from_ending(
    stoppable: Postgres, kafka: Kafka, empty_city: Path, access: str, tmp_path: Path
) -> None:
    assert access
    planned = Fleet(Cities(stoppable, kafka, tmp_path).copy(empty_city, tmp_path / "var"))
    planned.plan("all")
    server = planned.begin("all", shutdown_grace_seconds="0.5").ready()
    try:
        stoppable.pause()
        for _ in range(3):
            assert "bizenv_relay_lag" in httpx.get(server.metrics, timeout=2).text
        told_at = time.monotonic()
        assert server.stop(seconds=REST_SECONDS + 15) == NOT_IN_TIME
        assert time.monotonic() - told_at < REST_SECONDS + 5
    finally:
        stoppable.resume()
        planned.kill()
    assert sum("not stopped in time" in line for line in server.logged) == 1, server.log()
    server = planned.begin("all").ready()
    assert server.stop() == 0, server.log()
