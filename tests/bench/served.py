"""Servers in processes of their own: a city as `bizenv serve` opens it, and a bare gRPC echo."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.commanding.gateway import Call
from services.chassis.deadline import Deadline
from services.chassis.event_store import EventStore, SqliteDialect, StoreKind
from services.chassis.forms.embedded import EVENTS_FILE, Embedded, create_city
from services.chassis.hosting.access import Access
from services.chassis.settings import Settings
from services.chassis.time.clock import SystemClock
from tests.bench.project_life import programme
from tests.bench.scratch import folder
from tests.bench.servers import Servers

START_SECONDS = 120.0
BENCH = Principal(account="bench", role=Role.CITY_GROUP)


@dataclass(frozen=True)
class Served:
    """A city that answers, or some of its services: its ports, its process, and a token of the city group.

    `beside` are the gRPC ports of further processes that serve the same."""

    process: subprocess.Popen[bytes]
    grpc: int
    http: int
    metrics: int
    token: str
    beside: tuple[int, ...] = ()

    def get(self, port: int, path: str, *, with_token: bool = False) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        if with_token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: bytes = answer.read()
        return body.decode()


def make_city(data: Path) -> None:
    """A real city with the shipped programme in force and no project yet, as `bizenv init` makes it."""
    create_city(data, SERVICES, StoreKind.REAL, "baoding-2017")
    city = Embedded(data, SERVICES, Settings(data=data), SystemClock())
    try:
        for order in programme():
            city.do(order, Call(principal=BENCH, deadline=Deadline.after(30)))
        city.settle()
    finally:
        city.close()


def command_line() -> list[str]:
    """`bizenv` of this environment."""
    return [sys.executable, "-c", "from services.cli import main; main()"]


@contextmanager
def served(data: Path) -> Iterator[Served]:
    """Serve the city in the folder with the command line's own `serve`, ready at entry, stopped at exit."""
    environment = {"BIZENV_DATA": str(data), "BIZENV_LOG_LEVEL": "warning"}
    with starting([*command_line(), "serve"], environment, free_ports(3), _token(data)) as city:
        await_ready(city)
        yield city


def embedded_city(servers: Servers) -> AbstractContextManager[Served]:
    """A new one, served in one process, for one leg."""
    return servers.lend("city", "embedded", _embedded_city)


@contextmanager
def _embedded_city() -> Iterator[Served]:
    with folder() as place:
        make_city(place / "city")
        with served(place / "city") as city:
            yield city


@contextmanager
def starting(
    command: Sequence[str], environment: Mapping[str, str], ports: Sequence[int], token: str
) -> Iterator[Served]:
    """A process that serves at these ports (gRPC, HTTP, metrics), perhaps not ready yet; stopped at exit."""
    grpc, http, metrics = ports
    doors = {"BIZENV_GRPC_PORT": str(grpc), "BIZENV_HTTP_PORT": str(http), "BIZENV_METRICS_PORT": str(metrics)}
    with running(command, {**environment, **doors}) as process:
        yield Served(process, grpc, http, metrics, token)


@contextmanager
def echo(answer_bytes: int) -> Iterator[int]:
    """The port of a bare gRPC server that answers every call with so many bytes."""
    (port,) = free_ports(1)
    with running([sys.executable, "-m", "tests.bench.echo", str(port), str(answer_bytes)]) as process:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            _check(process, until)
            time.sleep(0.05)
        yield port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _token(data: Path) -> str:
    store = EventStore(SqliteDialect(data / SERVICES[0].name / EVENTS_FILE), SERVICES[0].name)
    store.close()
    return Access.of(data, store.info.store_id).token(BENCH, 1)


def await_ready(city: Served) -> None:
    """Return once /readyz says so; RuntimeError when the process ends, TimeoutError when it takes too long."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            city.get(city.http, "/readyz")
            return
        except (urllib.error.URLError, ConnectionError):
            _check(city.process, until)
            time.sleep(0.1)


def _check(process: subprocess.Popen[bytes], until: float) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with exit code {process.returncode}")
    if time.monotonic() > until:
        raise TimeoutError("the server is not ready")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
