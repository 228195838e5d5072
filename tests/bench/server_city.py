"""A city on the bench's PostgreSQL and Kafka, and the processes that serve it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from services.chassis.auth import Role
from tests.bench.scratch import folder
from tests.bench.served import BENCH, Served, await_ready, command_line, free_ports, starting
from tests.bench.servers import Servers

INIT = ("init", "--programme", "baoding-2017")


@dataclass(frozen=True)
class ServerCity:
    """As its processes are told of it, and a token of the city group."""

    environment: Mapping[str, str]
    token: str


@contextmanager
def server_city(servers: Servers, *making: str) -> Iterator[ServerCity]:
    """A city made by this command of the command line, in a database and with topics of its own."""
    with folder() as data, servers.database() as url:
        environment = _settings(data.resolve(), url, servers)
        bizenv(environment, *(making or INIT))
        told = bizenv(environment, "token", "--role", Role.CITY_GROUP.value, "--account", BENCH.account, "--days", "1")
        yield ServerCity(environment, told.strip())


def kept_city(servers: Servers) -> ServerCity:
    """One for all legs that have processes for its services; the projects of each leg are new."""
    return servers.keep("city", lambda: server_city(servers))


def _settings(data: Path, url: str, servers: Servers) -> dict[str, str]:
    address = make_url(url)
    return {
        "BIZENV_DATA": str(data),
        "BIZENV_LOG_LEVEL": "error",  # consumers that wait until the topics are made warn of it
        "BIZENV_DATABASE": f"postgresql://{address.host}:{address.port}/{address.database}",
        "BIZENV_DATABASE_USER": address.username or "",
        "BIZENV_DATABASE_PASSWORD": str(address.password),
        "BIZENV_KAFKA": servers.kafka.servers,
        "BIZENV_KAFKA_REPLICATION": "1",
        "BIZENV_KAFKA_TOPIC_PREFIX": servers.topic_prefix(),
    }


def bizenv(environment: Mapping[str, str], *arguments: str) -> str:
    """What a command of the command line prints; RuntimeError when it fails."""
    command, plain = [*command_line(), *arguments], {**os.environ, **environment}
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise RuntimeError(f"bizenv {arguments[0]} ended with {done.returncode}")
    return done.stdout


@contextmanager
def processes(city: ServerCity, *services: str) -> Iterator[list[Served]]:
    """A process for each name, which may come twice, all of them knowing of each other; ready at entry, stopped at
    exit."""
    ports = [free_ports(3) for _ in services]
    peers = ",".join(f"{name}=127.0.0.1:{grpc}" for name, (grpc, _, _) in zip(services, ports, strict=True))
    environment = {**city.environment, "BIZENV_PEERS": peers}
    with ExitStack() as running:
        found = [
            running.enter_context(starting([*command_line(), "serve", name], environment, own, city.token))
            for name, own in zip(services, ports, strict=True)
        ]
        for each in found:
            await_ready(each)
        yield found


def kept_processes(servers: Servers, *services: str) -> AbstractContextManager[list[Served]]:
    """Those of the kept city, for one leg."""
    return servers.lend("city", " ".join(services), lambda: processes(kept_city(servers), *services))


@contextmanager
def store_alone(city: ServerCity) -> Iterator[Served]:
    """project_tracking on its event store alone (`alone`), ready at entry, stopped at exit."""
    command: Sequence[str] = [sys.executable, "-m", "tests.bench.alone"]
    with starting(command, city.environment, free_ports(3), city.token) as served:
        await_ready(served)
        yield served
