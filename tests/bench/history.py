"""Long histories of a city of constant size on PostgreSQL and Kafka, made once for all legs of a run, which carry them
on. A relay brings each to a topic of its own, and from there it comes to the views."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from sqlalchemy.engine import Connection

from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.port import Bus
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.registry import EventRegistry
from services.chassis.settings import Settings
from services.chassis.views.database import ViewDatabase
from services.project_tracking.events import PROJECT_EVENTS
from services.projection.service import SERVICE as PROJECTION
from tests.bench.bare_kafka import topics
from tests.bench.city_bus import city_bus
from tests.bench.kafka_flow import IDLE_SECONDS, SECONDS, Flow
from tests.bench.material import SERVICE, Fact, fill, long_history
from tests.bench.postgres_store import postgres_store
from tests.bench.projection import intake_of
from tests.bench.rounds import Bench
from tests.bench.servers import Servers

VIEWS, REGISTRY = PROJECTION.views, EventRegistry(PROJECT_EVENTS)
PROJECTS = 150
"""So many have told everything once within the shortest history of 10,000 facts: from there on what is known of them
does not grow."""

A_COMMIT = 50
"""Batches of a store that is filled are committed so many at a time."""

LONGEST_QUICK = 2_000
"""In a quick run, where not every project has come to its end."""

NAMED = 100_000
"""A history as long as this takes a while to make: it is said."""


class History:
    """A store of `size` facts at first, its topic, and projection's views of it."""

    def __init__(self, store: EventStore, url: str, size: int, cluster: Cluster, bus: Bus) -> None:
        self.store, self.url, self.size, self.bus = store, url, size, bus
        self._flow = Flow(store, cluster)
        self._facts = long_history(PROJECTS)
        self._views: ViewDatabase | None = None
        self.extend(size)

    def relay(self) -> float:
        """Bring to the topic what is not there yet; events a second."""
        return self._flow.bring()

    def next_facts(self, count: int) -> list[Fact]:
        """How the history goes on. Whoever takes facts appends them."""
        return list(islice(self._facts, count))

    def extend(self, count: int) -> None:
        """Append so many facts, many of them in each transaction."""
        with self.store.engine.connect() as connection:
            for begun in range(0, count, A_COMMIT * PROJECTS):
                self._append(connection, min(count - begun, A_COMMIT * PROJECTS))

    def _append(self, connection: Connection, count: int) -> None:
        connection.exec_driver_sql("BEGIN")
        fill(self.store, connection, islice(self._facts, count), PROJECTS)
        connection.exec_driver_sql("COMMIT")

    def views(self) -> ViewDatabase:
        """Views that show all there is by now."""
        self.relay()
        if self._views is None:
            self._views = ViewDatabase(PostgresSchema(self.url, "bench_views"), VIEWS, REGISTRY)
        catch_up(self.bus, [SERVICE], intake_of(self._views))
        return self._views

    def consumer(self) -> Consumer:
        """One that has brought all there is to the views and goes on from there, on all partitions."""
        intake = intake_of(self.views())
        consumer = Consumer("bench", self.bus, [SERVICE], [intake], batch=Settings().consumer_batch, shared=False)
        while not consumer.has_caught_up():
            consumer.step(IDLE_SECONDS)
        return consumer

    def follow(self, consumer: Consumer, count: int) -> None:
        """Return when the next `count` events, which are on the topic, are in the views. Somebody waits for them: none
        are let gather."""
        came, deadline = 0, time.monotonic() + SECONDS
        while came < count and time.monotonic() < deadline:
            consumer.subscription.wake()
            came += consumer.step(IDLE_SECONDS)
        assert came == count, f"{came} of {count} events came"

    def adopt(self, schema: str) -> None:
        """Take these views, which were filled from the topic, for its own."""
        self._close_views()
        self._views = ViewDatabase(PostgresSchema(self.url, schema), VIEWS, REGISTRY)

    def close(self) -> None:
        self._close_views()
        self._flow.close()

    def _close_views(self) -> None:
        if self._views is not None:
            self._views.close()


def history(bench: Bench, size: int) -> History:
    """The run's history of so many facts."""
    return bench.servers.keep(f"history of {size}", lambda: _made(bench.servers, size))


@contextmanager
def _made(servers: Servers, size: int) -> Iterator[History]:
    if size >= NAMED:
        sys.stderr.write(f" (a history of {size:,} facts is being made, once) ")
        sys.stderr.flush()
    with (
        servers.database() as url,
        postgres_store(url) as store,
        topics(servers) as cluster,
        city_bus(cluster, store, url) as bus,
        closing(History(store, url, size, cluster, bus)) as made,
    ):
        yield made
