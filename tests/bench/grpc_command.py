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
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from tests.bench.load import Load, Run
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.served import Served, echo, embedded_city

REFERENCE = "bare grpcio echo of equal messages"
RECEIPT_BYTES = 111
"""As a receipt of a project's command has; a run checks it."""

_names = itertools.count()


def grpc_command_embedded_8(bench: Bench) -> Leg:
    with embedded_city(bench.servers) as city:
        return commanded(bench, "grpc_command_embedded_8", city, 8, target=0.5)


def grpc_command_embedded_64(bench: Bench) -> Leg:
    with embedded_city(bench.servers) as city:
        return commanded(bench, "grpc_command_embedded_64", city, 64, target=0.6)


def commanded(bench: Bench, name: str, city: Served, callers: int, target: float | None) -> Leg:
    """The leg of this name: so many callers that command the city, beside an echo."""
    seconds = bench.sized(5.0, 0.5)
    with (
        bench.servers.lend("echo", "echo", lambda: echo(RECEIPT_BYTES)) as port,
        bench.servers.lend("load", "load", loading) as carry_out,
    ):
        ours, theirs = bench.medians(
            lambda: _commands(carry_out(_load(city, (city.grpc, *city.beside), callers, seconds))),
            lambda: carry_out(msgspec.structs.replace(_load(city, (port,), callers, seconds), echo=True)).rate,
        )
    return compared(name, ours, "commands/s", REFERENCE, theirs, target)


def _commands(run: Run) -> float:
    assert abs(run.answer_bytes - RECEIPT_BYTES) < 10, run
    return run.rate


def _load(city: Served, ports: tuple[int, ...], callers: int, seconds: float) -> Load:
    return Load(
        ports=ports,
        callers=callers,
        seconds=seconds,
        token=city.token,
        first=f"bench-{next(_names)}",
        projects=callers * 2 + int(seconds * 300),
    )


@contextmanager
def loading() -> Iterator[Callable[[Load], Run]]:
    """The load generator in a process of its own: it carries out one load after another."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        told, answers = process.stdin, process.stdout
        assert told is not None
        assert answers is not None

        def carry_out(load: Load) -> Run:
            told.write(msgspec.json.encode(load) + b"\n")
            told.flush()
            return msgspec.json.decode(answers.readline(), type=Run)

        try:
            yield carry_out
        finally:
            process.terminate()
