"""Whether an event or a question costs more the longer the history is: the same at 10⁴, 10⁵ and 10⁶ events.

The city stays as large as it is (`material.long_history`), so that only the history differs. Facts come to the views
from Kafka, each history having a topic of its own. The rounds go from one history to the next and carry each on by what
they measure, a few thousand facts. The ratio is that of the dearest of the longer ones to the shortest; what each costs
stands with the reference.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

from services.chassis.auth import Principal, Role
from services.chassis.event_store import Append
from services.chassis.service import Asker
from services.projection.project_list import list_projects
from services.projection.queries import ListProjects
from tests.bench.appending import append_all
from tests.bench.history import LONGEST_QUICK, History, history
from tests.bench.material import append_of
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench

SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (500, 1_000, LONGEST_QUICK)
CALLERS = 8
TODAY = date(2018, 7, 1)
MOST = 1.3
"""Times what it costs at the shortest history."""

Cost = Callable[[History], float]


def growth_append_pg(bench: Bench) -> Leg:
    """Microseconds an event, 8 callers, each event its own command."""
    return _leg(bench, "growth_append_pg", "µs/event", partial(_append_cost, bench.sized(2000, 400)))


def growth_projection_pg(bench: Bench) -> Leg:
    """Microseconds an event, as the next facts, which are on the topic, reach the views."""
    return _leg(bench, "growth_projection_pg", "µs/event", partial(_projection_cost, bench.sized(4000, 400)))


def growth_board_query_pg(bench: Bench) -> Leg:
    """Milliseconds a question for the list of projects, a fact recorded before each."""
    return _leg(bench, "growth_board_query_pg", "ms", partial(_query_cost, bench.sized(40, 5)))


def _leg(bench: Bench, name: str, unit: str, cost: Cost) -> Leg:
    histories = [history(bench, size) for size in (QUICK_SIZES if bench.quick else SIZES)]
    for lived in histories:
        cost(lived)  # the first time, for what is made and read once
    shortest, *longer = bench.medians(*(partial(cost, lived) for lived in histories))
    told = "".join(f", at {lived.size:,}: {value:.3g}" for lived, value in zip(histories[1:], longer, strict=True))
    reference = f"the same at {histories[0].size:,} events{told}"
    return compared(name, max(longer), unit, reference, shortest, MOST, "lower")


def _append_cost(count: int, lived: History) -> float:
    ready: dict[int, list[Append]] = defaultdict(list)
    for fact in lived.next_facts(count):
        ready[int(fact.stream.rpartition("-")[2]) % CALLERS].append(append_of(fact))
    return 1e6 / append_all(lived.store, list(ready.values()))


def _projection_cost(count: int, lived: History) -> float:
    consumer = lived.consumer()
    lived.extend(count)
    lived.relay()
    started = time.perf_counter()
    lived.follow(consumer, count)
    took = time.perf_counter() - started
    consumer.stop()
    return took / count * 1e6


def _query_cost(count: int, lived: History) -> float:
    consumer, views, took = lived.consumer(), lived.views(), 0.0
    who = Principal(account="bench", role=Role.CITY_GROUP)
    asker = Asker(principal=who, own_unit=None, today=TODAY, now=datetime.now(UTC))
    for _ in range(count):
        lived.extend(1)
        lived.relay()
        lived.follow(consumer, 1)
        started = time.perf_counter()
        list_projects(views, ListProjects(), asker)
        took += time.perf_counter() - started
    consumer.stop()
    return took / count * 1e3
