"""Commands through the gRPC door of project_tracking on PostgreSQL, against a bare gRPC echo.

As in `grpc_command`, each fact durable in PostgreSQL. `grpc_command_pg_8` and `_64` are the event store alone
(`alone`). The others are reported, each with 8 and with 64 callers: with the relay in the process and the other
services' processes beside it on the same machine, and with two processes of project_tracking that one client asks in
turn, beside the same others.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from tests.bench.grpc_command import commanded
from tests.bench.report import Leg
from tests.bench.rounds import Bench
from tests.bench.served import Served
from tests.bench.server_city import kept_processes, server_city, store_alone

POLICY, PROJECTS, PROJECTION = "policy_registry", "project_tracking", "projection"


def grpc_command_pg_8(bench: Bench) -> Leg:
    with _alone(bench) as city:
        return commanded(bench, "grpc_command_pg_8", city, 8, target=0.5)


def grpc_command_pg_64(bench: Bench) -> Leg:
    with _alone(bench) as city:
        return commanded(bench, "grpc_command_pg_64", city, 64, target=0.6)


def grpc_command_pg_8_beside(bench: Bench) -> Leg:
    return _beside(bench, "grpc_command_pg_8_beside", 8)


def grpc_command_pg_64_beside(bench: Bench) -> Leg:
    return _beside(bench, "grpc_command_pg_64_beside", 64)


def grpc_command_pg_8_2api(bench: Bench) -> Leg:
    return _two(bench, "grpc_command_pg_8_2api", 8)


def grpc_command_pg_64_2api(bench: Bench) -> Leg:
    return _two(bench, "grpc_command_pg_64_2api", 64)


def _beside(bench: Bench, name: str, callers: int) -> Leg:
    """With the relay and all of the city's other processes at work."""
    with kept_processes(bench.servers, POLICY, PROJECTS, PROJECTION) as (_, projects, _):
        return commanded(bench, name, projects, callers, target=None)


def _two(bench: Bench, name: str, callers: int) -> Leg:
    """Two processes for the same service, one of which relays, and all of the city's others at work. The commands of
    one project come to both in turn, so that each finds facts of the other."""
    with kept_processes(bench.servers, POLICY, PROJECTS, PROJECTS, PROJECTION) as (_, one, other, _):
        return commanded(bench, name, replace(one, beside=(other.grpc,)), callers, target=None)


def _alone(bench: Bench) -> AbstractContextManager[Served]:
    """Of a city that is not the others': its views know positions in the store, not offsets on a topic."""
    servers = bench.servers
    city = servers.keep("city alone", lambda: server_city(servers))
    return servers.lend("city", "store alone", lambda: store_alone(city))
