"""Commands through the gRPC door of project_tracking on PostgreSQL, against a bare gRPC echo.

As in `grpc_command`, each fact durable in PostgreSQL. `grpc_command_pg_8` and `_64` are the event store alone
(`alone`). The others are reported: with the relay in the process and the other services' processes beside it on the
same machine, and two processes of project_tracking that one client asks in turn.
"""

from __future__ import annotations

from dataclasses import replace

from tests.bench.grpc_command import commanded
from tests.bench.report import Leg
from tests.bench.rounds import Bench
from tests.bench.server_city import ServerCity, kept_city, processes, server_city, store_alone

POLICY, PROJECTS, PROJECTION = "policy_registry", "project_tracking", "projection"


def grpc_command_pg_8(bench: Bench) -> Leg:
    with store_alone(_alone(bench)) as city:
        return commanded(bench, "grpc_command_pg_8", city, 8, target=0.5)


def grpc_command_pg_64(bench: Bench) -> Leg:
    with store_alone(_alone(bench)) as city:
        return commanded(bench, "grpc_command_pg_64", city, 64, target=0.6)


def grpc_command_pg_8_beside(bench: Bench) -> Leg:
    """With the relay and all of the city's other processes at work."""
    with processes(kept_city(bench.servers), POLICY, PROJECTS, PROJECTION) as (_, projects, _):
        return commanded(bench, "grpc_command_pg_8_beside", projects, 8, target=None)


def grpc_command_pg_64_2api(bench: Bench) -> Leg:
    """Two processes for the same service, one of which relays. The commands of one project come to both in turn, so
    that each finds facts of the other."""
    with processes(kept_city(bench.servers), POLICY, PROJECTS, PROJECTS) as (_, one, other):
        return commanded(bench, "grpc_command_pg_64_2api", replace(one, beside=(other.grpc,)), 64, target=None)


def _alone(bench: Bench) -> ServerCity:
    """Not the same as the others': its views know positions in the store, not offsets on a topic."""
    return bench.servers.keep("city alone", lambda: server_city(bench.servers))
