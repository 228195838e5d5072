"""`python -m tests.bench [--legs a,b] [--quick]`: measure, print a table, write build/bench.json."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.chassis.hosting.garbage import calm_garbage_collection
from services.chassis.telemetry import logs
from tests.bench import report
from tests.bench.append import append_sqlite_1, append_sqlite_8, append_sqlite_64
from tests.bench.append_pg import (
    append_pg_1,
    append_pg_4proc,
    append_pg_8,
    append_pg_8_pgbench,
    append_pg_64,
    append_pg_64_pgbench,
)
from tests.bench.command_to_view import command_to_view_p99_embedded, command_to_view_p99_kafka
from tests.bench.growth import growth_append_pg, growth_board_query_pg, growth_projection_pg
from tests.bench.grpc_command import grpc_command_embedded_8, grpc_command_embedded_64
from tests.bench.grpc_command_pg import (
    grpc_command_pg_8,
    grpc_command_pg_8_2api,
    grpc_command_pg_8_beside,
    grpc_command_pg_64,
    grpc_command_pg_64_2api,
    grpc_command_pg_64_beside,
)
from tests.bench.kafka_flow import consume_kafka, relay_kafka
from tests.bench.machine import machine
from tests.bench.projection import projection_sqlite, rebuild_100k_sqlite
from tests.bench.projection_pg import projection_pg
from tests.bench.rebuild_pg import rebuild_1m_pg
from tests.bench.rehearsed import memory_embedded, memory_per_service, overview_page_p95
from tests.bench.report import Leg, Report
from tests.bench.rounds import Bench
from tests.bench.servers import Servers

OUTPUT = Path("build") / "bench.json"

LEGS: tuple[Callable[[Bench], Leg], ...] = (
    append_sqlite_1,
    append_sqlite_8,
    append_sqlite_64,
    projection_sqlite,
    rebuild_100k_sqlite,
    grpc_command_embedded_8,
    grpc_command_embedded_64,
    command_to_view_p99_embedded,
    overview_page_p95,
    memory_embedded,
    append_pg_1,
    append_pg_8,
    append_pg_64,
    append_pg_8_pgbench,
    append_pg_64_pgbench,
    append_pg_4proc,
    grpc_command_pg_8,
    grpc_command_pg_64,
    grpc_command_pg_8_2api,
    grpc_command_pg_64_2api,
    grpc_command_pg_8_beside,
    grpc_command_pg_64_beside,
    projection_pg,
    relay_kafka,
    consume_kafka,
    command_to_view_p99_kafka,
    rebuild_1m_pg,
    memory_per_service,
    growth_append_pg,
    growth_projection_pg,
    growth_board_query_pg,
)
"""Every leg, named by its function, in the order in which they run."""


def main(arguments: Sequence[str]) -> None:
    given = _given(arguments)
    legs = chosen(given.legs)
    on = machine()
    logs.configure("error", sys.stderr)
    calm_garbage_collection()  # as every process of ours does; the peer in this process gains by it too
    signal.signal(signal.SIGTERM, _interrupt)
    with Servers() as servers:
        bench = Bench(rounds=given.rounds or (1 if given.quick else 3), quick=given.quick, servers=servers)
        found = [_measured(leg, bench) for leg in legs]
    result = Report(machine=on, legs=found)
    report.write(result, OUTPUT)
    sys.stdout.write(f"{report.table(result)}\n\n{report.summary(found)}; written to {OUTPUT}\n")


def _measured(leg: Callable[[Bench], Leg], bench: Bench) -> Leg:
    started = time.monotonic()
    sys.stderr.write(f"… {leg.__name__}")
    sys.stderr.flush()
    found = leg(bench)
    sys.stderr.write(f"  {time.monotonic() - started:.0f} s\n")
    return found


def _interrupt(*_: object) -> None:
    """A run that is told to end ends its servers too, as after Ctrl-C."""
    raise KeyboardInterrupt


def _given(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--legs", default="", help="names or beginnings of names, with commas between; all without it")
    parser.add_argument("--quick", action="store_true", help="one short round of each: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds of each leg (3)")
    return parser.parse_args(arguments)


def chosen(names: str) -> list[Callable[[Bench], Leg]]:
    wanted = tuple(name.strip() for name in names.split(",") if name.strip())
    chosen = [leg for leg in LEGS if not wanted or leg.__name__.startswith(wanted)]
    if not chosen:
        raise SystemExit(f"no leg of that name; there are {', '.join(leg.__name__ for leg in LEGS)}")
    return chosen


if __name__ == "__main__":
    main(sys.argv[1:])
