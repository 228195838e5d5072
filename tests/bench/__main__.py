"""`python -m tests.bench [--legs a,b] [--quick]`: measure, print a table, write build/bench.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from services.chassis.garbage import calm_garbage_collection
from tests.bench import report
from tests.bench.append import append_sqlite_1, append_sqlite_8, append_sqlite_64
from tests.bench.command_to_view import command_to_view_p99_embedded
from tests.bench.grpc_command import grpc_command_embedded_8, grpc_command_embedded_64
from tests.bench.machine import machine
from tests.bench.projection import projection_sqlite, rebuild_100k_sqlite
from tests.bench.rehearsed import memory_embedded, overview_page_p95
from tests.bench.report import Leg, Report
from tests.bench.rounds import Bench

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
)
"""Every leg, named by its function, in the order in which they run."""


def main(arguments: Sequence[str]) -> None:
    given = _given(arguments)
    bench = Bench(rounds=given.rounds or (1 if given.quick else 3), quick=given.quick)
    on = machine()
    calm_garbage_collection()  # as every process of ours does; the peer in this process gains by it too
    found = []
    for measure in chosen(given.legs):
        sys.stderr.write(f"… {measure.__name__}\n")
        found.append(measure(bench))
    result = Report(machine=on, legs=found)
    report.write(result, OUTPUT)
    met = sum(leg.met for leg in found)
    sys.stdout.write(f"{report.table(result)}\n\n{met} of {len(found)} targets met; written to {OUTPUT}\n")


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
