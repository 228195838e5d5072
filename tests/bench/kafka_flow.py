"""Relaying and consuming: ours against the library alone, on the same broker with the same records.

Both as they are in a city: the relay reads a filled store on PostgreSQL, makes each record and waits for its
acknowledgement, and moves its checkpoint under its lease. What is consumed goes all the way of a consumer up to its
sink, which gets the events themselves: each record is checked to be the city's, on its stream's partition and of an
epoch that the store has begun, the store is asked whether it has recorded them, the positions must follow each other
without a hole, and the event is decoded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.relay import Relay
from services.chassis.kafka.sender import Sender
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import Lease, RelayPlace
from services.chassis.settings import Settings
from services.chassis.sinks.database import SinkDatabase
from services.chassis.sinks.sink import Batch
from tests.bench import bare_kafka
from tests.bench.city_bus import city_bus
from tests.bench.material import SERVICE
from tests.bench.postgres_store import filled_postgres_store
from tests.bench.projection import REGISTRY
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.scratch import folder

SECONDS = 1800.0
"""After so long a flow that does not end has failed."""

IDLE_SECONDS = 0.05
"""How long a consumer's step may wait for something to come, as in a served city."""


class Receiver:
    """The sink at which the leg ends: it gets the facts and keeps none of them."""

    name = "bench"

    def __init__(self, database: SinkDatabase) -> None:
        self.database = database
        self.came = 0

    def apply(self, batch: Batch) -> None:
        self.came += len(batch.facts)

    def forget(self) -> None:
        """There is nothing at hand."""


def relay_kafka(bench: Bench) -> Leg:
    with filled_postgres_store(bench.servers, bench.sized(30_000, 3000)) as (store, _):
        records = bare_kafka.records_in(store)

        def ours() -> float:
            with bare_kafka.topics(bench.servers) as cluster:
                return relayed_rate(store, cluster)

        def bare() -> float:
            with bare_kafka.topics(bench.servers) as cluster:
                return bare_kafka.produced_rate(cluster, bare_kafka.make_topic(cluster, store), records)

        relayed, produced = bench.medians(ours, bare)
    return compared("relay_kafka", relayed, "events/s", f"{bare_kafka.NAME}: produce", produced, 0.7)


def consume_kafka(bench: Bench) -> Leg:
    with (
        filled_postgres_store(bench.servers, bench.sized(60_000, 6000)) as (store, url),
        bare_kafka.topics(bench.servers) as cluster,
    ):
        count, batch, topic = store.last_position(), Settings().consumer_batch, bare_kafka.make_topic(cluster, store)
        bare_kafka.produced_rate(cluster, topic, bare_kafka.records_in(store))
        with city_bus(cluster, store, url) as bus:
            consumed, read = bench.medians(
                lambda: _consumed_rate(bus, count, batch),
                lambda: bare_kafka.consumed_rate(cluster, topic, count, batch),
            )
    return compared("consume_kafka", consumed, "events/s", f"{bare_kafka.NAME}: poll", read, 0.7)


class Flow:
    """The relay of a store to a topic of its own in the cluster, under a lease and from a checkpoint of its own."""

    def __init__(self, store: EventStore, cluster: Cluster) -> None:
        self._store = store
        self._cluster = cluster
        self._began = 0.0
        name = cluster.topic_of(store.service)
        self._place = RelayPlace(store.engine, name)
        self._relay = Relay(store, Lease(store.engine, name, "bench"), self._place, cluster, TopicShape(), self._opened)

    def _opened(self, topic: str, largest: int) -> Sender:
        sender = Sender(self._cluster.access, topic, largest)
        self._began = time.perf_counter()
        return sender

    def bring(self) -> float:
        """Bring all there is by now to the topic; events a second until the checkpoint is at the head, from the moment
        on at which the relay has its producer. 0: it was all there."""
        before, head, deadline = self._place.read().position, self._store.last_position(), time.monotonic() + SECONDS
        passed, self._began = 0, time.perf_counter()
        while passed < head - before:
            passed += self._relay.step()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the relay brought {passed} of {head - before} events: {self._relay.trouble}")
        took = time.perf_counter() - self._began
        assert self._place.read().position == head, self._relay.trouble
        return passed / took

    def close(self) -> None:
        self._relay.stop()


def relayed_rate(store: EventStore, cluster: Cluster) -> float:
    """Events a second from the store to a topic that is made for it."""
    with closing(Flow(store, cluster)) as flow:
        return flow.bring()


def _consumed_rate(bus: Bus, count: int, batch: int) -> float:
    """Events a second from the topic's beginning on, from the moment on at which the partitions are assigned."""
    with _receiver() as receiver:
        intake = Intake(receiver, REGISTRY, lambda: datetime.now(UTC), 100)
        consumer = Consumer("bench", bus, [SERVICE], [intake], batch=batch, shared=False)
        deadline = time.monotonic() + SECONDS
        while not consumer.subscription.assignment and time.monotonic() < deadline:
            consumer.step()
        started = time.perf_counter()
        while receiver.came < count and time.monotonic() < deadline:
            consumer.step(IDLE_SECONDS)
        took = time.perf_counter() - started
        consumer.stop()
    assert (receiver.came, intake.parked) == (count, set()), f"{receiver.came} of {count} events came"
    return count / took


@contextmanager
def _receiver() -> Iterator[Receiver]:
    with folder() as place, closing(SinkDatabase(place / "receiver.sqlite")) as database:
        yield Receiver(database)
