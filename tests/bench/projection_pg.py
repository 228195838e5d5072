"""From recorded facts to views on PostgreSQL: ours against the library's projection there, the view work being equal.

As in `projection`: the log and the views of either side are in one database of their own, every commit flushed.
"""

from __future__ import annotations

from services.chassis.event_store import EventStore
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.views.database import ViewDatabase
from tests.bench.peer import NAME
from tests.bench.peer_projection import projected_rate
from tests.bench.peer_views import postgres_peer
from tests.bench.postgres_store import filled_postgres_store
from tests.bench.projection import REGISTRY, VIEWS, consumed_rate
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench

REFERENCE = f"{NAME}, projection with a tracking recorder in PostgreSQL"


def projection_pg(bench: Bench) -> Leg:
    """A consumer as every service runs it, in batches of the default size, into a new generation of views."""
    with filled_postgres_store(bench.servers, bench.sized(20_000, 4000)) as (store, url):
        generations = iter(range(bench.rounds))
        ours, theirs = bench.medians(
            lambda: _consumed(store, url, next(generations)), lambda: _projected(bench, bench.sized(1500, 400))
        )
    return compared("projection_pg", ours, "events/s", REFERENCE, theirs, 40.0)


def _consumed(store: EventStore, url: str, generation: int) -> float:
    return consumed_rate(store, ViewDatabase(PostgresSchema(url, f"bench_views_{generation}"), VIEWS, REGISTRY))


def _projected(bench: Bench, count: int) -> float:
    with bench.servers.database() as url, postgres_peer(url) as (recorder, view):
        return projected_rate(recorder, view, count)
