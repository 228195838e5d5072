"""From recorded facts to views: ours against the library's projection, the view work being equal.

Both read a log of the same project facts and keep the board (one folded row for each project) and the timeline
(the facts themselves). Ours takes a batch, folds it in memory and writes each changed row once, with its
checkpoint, in one transaction; the library writes and tracks each event in a transaction of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event

from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import EmbeddedBus
from services.chassis.event_store import EventStore
from services.chassis.registry import EventRegistry
from services.chassis.settings import Settings
from services.chassis.sinks.sink import ViewSink
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveViews
from services.project_tracking.events import PROJECT_EVENTS
from services.projection.project_board import PROJECT_BOARD
from services.projection.project_timeline import PROJECT_TIMELINE
from tests.bench.material import SERVICE, filled_store
from tests.bench.peer import NAME
from tests.bench.peer_projection import projected_rate
from tests.bench.peer_views import sqlite_peer
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.scratch import folder

REFERENCE = f"{NAME}, projection with a tracking recorder in SQLite"
REGISTRY = EventRegistry(PROJECT_EVENTS)
VIEWS = (PROJECT_BOARD, PROJECT_TIMELINE)


def projection_sqlite(bench: Bench) -> Leg:
    """A consumer as every service runs it, in batches of the default size. Every commit is flushed on both sides;
    what a city's views do is less (synchronous=NORMAL), since they can be read again from the store."""
    count = bench.sized(20_000, 4000)
    ours, theirs = _beside(bench, count, _consumed_in_file)
    return compared("projection_sqlite", ours, "events/s", REFERENCE, theirs, 20.0)


def rebuild_100k_sqlite(bench: Bench) -> Leg:
    """`bizenv rebuild` of the project views: a new generation beside the live one, filled and pointed to."""
    count = bench.sized(100_000, 10_000)
    ours, theirs = _beside(bench, count, _rebuilt_rate)
    return compared("rebuild_100k_sqlite", ours, "events/s", REFERENCE, theirs, 20.0)


def _beside(bench: Bench, count: int, rate: Callable[[EventStore, Path], float]) -> tuple[float, ...]:
    """The store is made once; each round fills new views from it."""
    with folder() as place:
        store = filled_store(place / "events.sqlite", count)

        def ours() -> float:
            with folder() as fresh:
                return rate(store, fresh)

        def theirs() -> float:
            with folder() as fresh, sqlite_peer(fresh) as (recorder, view):
                return projected_rate(recorder, view, bench.sized(4000, 800))

        try:
            return bench.medians(ours, theirs)
        finally:
            store.close()


def _consumed_in_file(store: EventStore, place: Path) -> float:
    return consumed_rate(store, _flushing(ViewDatabase(place / "views.sqlite", VIEWS, REGISTRY)))


def consumed_rate(store: EventStore, database: ViewDatabase) -> float:
    """Events a second from the store to empty views, which are closed at the end."""
    batch = Settings().consumer_batch
    consumer = Consumer("bench", EmbeddedBus({SERVICE: store}), [SERVICE], [intake_of(database)], batch=batch)
    started = time.perf_counter()
    came = consumer.drain()
    took = time.perf_counter() - started
    assert came == store.last_position()
    consumer.stop()
    database.close()
    return came / took


def _rebuilt_rate(store: EventStore, place: Path) -> float:
    views = LiveViews(place, store.info.store_id, VIEWS, REGISTRY)
    bus = EmbeddedBus({SERVICE: store})
    started = time.perf_counter()
    views.rebuild(lambda database: catch_up(bus, [SERVICE], intake_of(database)))
    took = time.perf_counter() - started
    views.close()
    return store.last_position() / took


def intake_of(database: ViewDatabase) -> Intake:
    """The views' side of a consumer."""
    return Intake(ViewSink("bench", database), REGISTRY, lambda: datetime.now(UTC), 100)


def _flushing(database: ViewDatabase) -> ViewDatabase:
    """The same database with every commit flushed, as the library's are."""
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous = FULL"))
    return database
