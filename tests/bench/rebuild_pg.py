"""A rebuild of the projects' views from Kafka into a new generation on PostgreSQL, as `bizenv rebuild` does it."""

from __future__ import annotations

import sys
import time
from contextlib import closing

from services.chassis.bus.consumer import catch_up
from services.chassis.views.generation_schemas import GenerationSchemas
from services.chassis.views.shared import SharedViews
from tests.bench.history import LONGEST_QUICK, REGISTRY, VIEWS, History, history
from tests.bench.material import SERVICE
from tests.bench.projection import intake_of
from tests.bench.report import Leg, limited
from tests.bench.rounds import Bench

MILLION = 1_000_000


def rebuild_1m_pg(bench: Bench) -> Leg:
    """One round alone: it is long. Filling the store and its topic is not in the time."""
    lived = history(bench, bench.sized(MILLION, LONGEST_QUICK))
    relayed = lived.relay()
    if relayed:
        sys.stderr.write(f" (relayed at {relayed:,.0f} events/s) ")
    return limited("rebuild_1m_pg", _rebuilt_rate(lived), "events/s", 12_000.0, "higher")


def _rebuilt_rate(lived: History) -> float:
    generations, count = GenerationSchemas(lived.url, "bench"), lived.store.last_position()
    with closing(SharedViews(generations, lived.store.info.store_id, VIEWS, REGISTRY)) as views:
        started = time.perf_counter()
        number = views.rebuild(lambda database: catch_up(lived.bus, [SERVICE], intake_of(database)))
        took = time.perf_counter() - started
    lived.adopt(generations.name(number))
    shown = sum(at.position > 0 for at in lived.views().read_checkpoints().values())
    assert shown == lived.store.info.partitions, shown
    return count / took
