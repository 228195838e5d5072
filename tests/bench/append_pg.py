"""Appending on PostgreSQL: ours against the library's safe recorder, and against what the server itself can do.

As in `append`, on a PostgreSQL with its durable defaults; a new database for each round and side. The library's
recorder locks its table for each append, so that its followers miss nothing. `pgbench` inserts rows as large as ours.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import msgspec

from services.chassis.event_store import EventStore
from tests.bench import peer, pgbench
from tests.bench.append import recorded_rate
from tests.bench.appending import Appending, appended_rate
from tests.bench.material import SERVICE
from tests.bench.peer_postgres import application_recorder
from tests.bench.postgres_store import postgres_store
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.servers import Servers

REFERENCE = f"{peer.NAME}, PostgreSQL application recorder (LOCK TABLE)"
PROCESSES = 4
CALLERS_EACH = 16

_COUNTS = "SELECT count(*), min(position), max(position), count(DISTINCT (stream, version)) FROM events"


def append_pg_1(bench: Bench) -> Leg:
    """One caller alone. No gain is promised: a lone caller must not pay for those who wait together."""
    return _leg(bench, 1, calls=bench.sized(2000, 200), target=1.0)


def append_pg_8(bench: Bench) -> Leg:
    return _leg(bench, 8, calls=bench.sized(8000, 800), target=6.0)


def append_pg_64(bench: Bench) -> Leg:
    return _leg(bench, 64, calls=bench.sized(19_200, 1920), target=15.0)


def append_pg_8_pgbench(bench: Bench) -> Leg:
    return _limit(bench, 8, calls=bench.sized(8000, 800), target=0.5)


def append_pg_64_pgbench(bench: Bench) -> Leg:
    return _limit(bench, 64, calls=bench.sized(19_200, 1920), target=1.0)


def append_pg_4proc(bench: Bench) -> Leg:
    """Four processes with 16 callers each on one store, beside pgbench with 64 clients. Nothing may be lost or doubled
    on the way, and no position left out."""
    each = bench.sized(400, 30)
    ours, limit = bench.medians(
        lambda: _together(bench.servers, each), lambda: _inserted(bench, PROCESSES * CALLERS_EACH)
    )
    return compared("append_pg_4proc", ours, "events/s", pgbench.NAME, limit, 0.5)


def _leg(bench: Bench, count: int, calls: int, target: float) -> Leg:
    ours, theirs = bench.medians(
        lambda: appended_rate(lambda: _store(bench.servers), count, calls),
        lambda: recorded_rate(
            lambda callers: _recorder(bench.servers, callers), count, max(bench.sized(1000, 100), count * 4)
        ),
    )
    return compared(f"append_pg_{count}", ours, "events/s", REFERENCE, theirs, target)


def _limit(bench: Bench, count: int, calls: int, target: float) -> Leg:
    ours, limit = bench.medians(
        lambda: appended_rate(lambda: _store(bench.servers), count, calls), lambda: _inserted(bench, count)
    )
    return compared(f"append_pg_{count}_pgbench", ours, "events/s", pgbench.NAME, limit, target)


@contextmanager
def _store(servers: Servers) -> Iterator[EventStore]:
    with servers.database() as url, postgres_store(url) as store:
        yield store


@contextmanager
def _recorder(servers: Servers, callers: int) -> Iterator[Any]:
    with servers.database() as url, application_recorder(url, callers) as recorder:
        yield recorder


def _inserted(bench: Bench, clients: int) -> float:
    with bench.servers.database() as url:
        return pgbench.inserted_rate(url, clients, bench.sized(16_000, 1600) // clients)


def _together(servers: Servers, each: int) -> float:
    with servers.database() as url, postgres_store(url) as store, ExitStack() as running:
        processes = [running.enter_context(_appender(url, number, each)) for number in range(PROCESSES)]
        for process in processes:
            _await(process, "ready")
        started = time.perf_counter()
        for process in processes:
            _tell(process, b"go\n")
        for process in processes:
            _await(process, "done")
        took = time.perf_counter() - started
        wanted = PROCESSES * CALLERS_EACH * each
        _require_whole(store, wanted)
    return wanted / took


@contextmanager
def _appender(url: str, number: int, each: int) -> Iterator[subprocess.Popen[bytes]]:
    given = Appending(url=url, service=SERVICE, first=f"project-{number}", callers=CALLERS_EACH, each=each)
    command = [sys.executable, "-m", "tests.bench.appending"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            _tell(process, msgspec.json.encode(given) + b"\n")
            yield process
        finally:
            process.terminate()


def _tell(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def _await(process: subprocess.Popen[bytes], word: str) -> None:
    assert process.stdout is not None
    if process.stdout.readline().decode().strip() != word:
        raise RuntimeError(f"a process that appends ended with {process.wait()}")


def _require_whole(store: EventStore, wanted: int) -> None:
    """Each event once, and the positions 1 … `wanted` without a gap."""
    with closing(store.engine.connect()) as connection:
        found = tuple(connection.exec_driver_sql(_COUNTS).one())
    if found != (wanted, 1, wanted, wanted):
        raise AssertionError(f"{wanted} events were appended, and (count, first, last, distinct) is {found}")
