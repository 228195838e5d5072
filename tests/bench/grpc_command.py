"""Commands through the gRPC door of a served city, against a bare gRPC echo.

One process serves a real city with every service, door and background task (`bizenv serve`): the token is checked,
the message converted and validated, the project decided upon, the fact flushed to the disk (synchronous=FULL), and
the views follow. The echo parses and keeps nothing. It is grpcio's threaded server; a bare `grpc.aio` echo was faster
with 64 callers when both were tried (`docs/performance.md`). Both sides get the same bytes with the same metadata
from the same load generator in a process of its own, and the echo answers as many bytes as a receipt has.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.bench.load import Load, Run
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.scratch import folder
from tests.bench.served import Served, echo, make_city, served

REFERENCE = "bare grpcio echo of equal messages"
RECEIPT_BYTES = 111
"""As a receipt of a project's command has; a run checks it."""

_names = itertools.count()


def grpc_command_embedded_8(bench: Bench) -> Leg:
    with _city() as city:
        return commanded(bench, "grpc_command_embedded_8", city, 8, target=0.5)


def grpc_command_embedded_64(bench: Bench) -> Leg:
    with _city() as city:
        return commanded(bench, "grpc_command_embedded_64", city, 64, target=0.6)


@contextmanager
def _city() -> Iterator[Served]:
    with folder() as place:
        data = Path(place) / "city"
        make_city(data)
        with served(data) as city:
            yield city


def commanded(bench: Bench, name: str, city: Served, callers: int, target: float | None) -> Leg:
    """The leg of this name: so many callers that command the city, beside an echo."""
    seconds = bench.sized(5, 2)
    with echo(RECEIPT_BYTES) as port:
        ours, theirs = bench.medians(
            lambda: _commands(city, callers, seconds), lambda: _echo(city, port, callers, seconds)
        )
    return compared(name, ours, "commands/s", REFERENCE, theirs, target)


def _commands(city: Served, callers: int, seconds: int) -> float:
    run = under_load(_load(city, (city.grpc, *city.beside), callers, seconds))
    assert abs(run.answer_bytes - RECEIPT_BYTES) < 10, run
    return run.rate


def _echo(city: Served, port: int, callers: int, seconds: int) -> float:
    return under_load(msgspec.structs.replace(_load(city, (port,), callers, seconds), echo=True)).rate


def _load(city: Served, ports: tuple[int, ...], callers: int, seconds: int) -> Load:
    return Load(
        ports=ports,
        callers=callers,
        seconds=seconds,
        token=city.token,
        first=f"bench-{next(_names)}",
        projects=callers * 2 + int(seconds * 300),
    )


def under_load(load: Load) -> Run:
    """Run the load generator in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"], input=msgspec.json.encode(load), stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Run)
