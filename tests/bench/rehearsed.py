"""The served rehearsal: how long the city's overview takes, and how much memory its processes hold.

The rehearsal is made once for a run, with the plan's portfolio of 200 projects up to 29 September 2017, as
`make run` makes it, and served by `bizenv serve` in a process of its own.
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from pathlib import Path

from services.chassis.http_api import SESSION_COOKIE
from tests.bench.orders import Orders
from tests.bench.report import Leg, limited
from tests.bench.rounds import Bench
from tests.bench.scratch import folder
from tests.bench.served import Served, command_line, served
from tests.bench.server_city import processes, server_city

UNTIL = date(2017, 9, 29)
QUICK_UNTIL = date(2017, 3, 10)
_SERVICES = ("policy_registry", "project_tracking", "projection")
PAGES = ("/", "/units", "/projects", "/programme")


def overview_page_p95(bench: Bench) -> Leg:
    """The page `/` for a city-wide account. Before each look a command records a fact, so that no page is one kept
    from before. Timed by the client on the loopback, so the server took less. (A past day costs more at its first
    look: `docs/performance.md`.)"""
    with _rehearsal(bench) as city, Orders(city, "overview") as orders:
        took = bench.median(lambda: _p95(_changed_overview(city, orders) for _ in range(bench.sized(150, 5))))
    return limited("overview_page_p95", took * 1000, "ms", 100.0)


def memory_embedded(bench: Bench) -> Leg:
    """Resident memory of the process that serves everything, after its pages were looked at for a while."""
    with _rehearsal(bench) as city:
        for path in (*PAGES, *_overviews(_until(bench), bench.sized(60, 4))):
            _look(city, path)
        megabytes = _resident(city.process.pid)
    return limited("memory_embedded", megabytes, "MB", 300.0)


def memory_per_service(bench: Bench) -> Leg:
    """The largest of the three processes that serve the same rehearsal on PostgreSQL and Kafka, after its pages were
    looked at and facts were recorded for a while."""
    with (
        bench.servers.lend("city", "rehearsal on servers", lambda: _on_servers(bench)) as found,
        Orders(found[1], "memory") as orders,
    ):
        for _ in range(bench.sized(300, 5)):
            orders.give()
        for path in (*PAGES, *_overviews(_until(bench), bench.sized(60, 4))):
            _look(found[2], path)
        megabytes = [_resident(each.process.pid) for each in found]
    sys.stderr.write(
        f" ({', '.join(f'{name} {held:.0f}' for name, held in zip(_SERVICES, megabytes, strict=True))} MB) "
    )
    return limited("memory_per_service", max(megabytes), "MB", 150.0)


def _changed_overview(city: Served, orders: Orders) -> float:
    orders.give()
    return _look(city, "/")


def _overviews(until: date, count: int) -> Iterator[str]:
    for number in range(count):
        on = until - timedelta(days=number * 7 % 250)
        yield "/" if number % 2 else f"/?on={on.isoformat()}"


def _look(city: Served, path: str) -> float:
    """Seconds from the request to the whole page."""
    connection = http.client.HTTPConnection("127.0.0.1", city.http, timeout=30)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"{SESSION_COOKIE}={city.token}"})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - started
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    return took


def _p95(took: Iterator[float]) -> float:
    return statistics.quantiles(took, n=20)[-1]


def _resident(pid: int) -> float:
    """Megabytes (10⁶ bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _rehearsal(bench: Bench) -> AbstractContextManager[Served]:
    place = _made(bench)
    return bench.servers.lend("city", "rehearsal", lambda: served(place))


@contextmanager
def _on_servers(bench: Bench) -> Iterator[list[Served]]:
    with server_city(bench.servers, "transfer", str(_made(bench))) as city, processes(city, *_SERVICES) as found:
        yield found


def _made(bench: Bench) -> Path:
    """The folder goes when the run ends."""
    return bench.servers.keep("rehearsal", lambda: _rehearsed(_until(bench)))


def _until(bench: Bench) -> date:
    return QUICK_UNTIL if bench.quick else UNTIL


@contextmanager
def _rehearsed(until: date) -> Iterator[Path]:
    arguments = ["rehearse", "--programme", "baoding-2017", "--until", until.isoformat(), "--seed", "1"]
    with folder() as place:
        environment = {**os.environ, "BIZENV_DATA": str(place), "BIZENV_LOG_LEVEL": "warning"}
        done = subprocess.run([*command_line(), *arguments], env=environment, capture_output=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr.decode())
            raise RuntimeError(f"the rehearsal was not made (exit code {done.returncode})")
        yield place
