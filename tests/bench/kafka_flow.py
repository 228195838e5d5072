"""Relaying and consuming: ours against the library alone, on the same broker with the same records.

The relay reads a filled store, makes each record and waits for its acknowledgement, and moves its checkpoint. What is
consumed is what a sink gets: envelopes, checked against their place and with the position before them.
"""

from __future__ import annotations

import time
from contextlib import closing

from services.chassis.event_store import EventStore
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.relay import Relay
from services.chassis.kafka.sender import Sender
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import Lease, RelayPlace
from services.chassis.settings import Settings
from tests.bench import bare_kafka
from tests.bench.material import SERVICE, filled_store
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.scratch import folder

SECONDS = 1800.0
"""After so long a flow that does not end has failed."""


def relay_kafka(bench: Bench) -> Leg:
    with folder() as place, closing(filled_store(place / "events.sqlite", bench.sized(30_000, 3000))) as store:
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
        folder() as place,
        closing(filled_store(place / "events.sqlite", bench.sized(60_000, 6000))) as store,
        bare_kafka.topics(bench.servers) as cluster,
    ):
        count, batch, topic = store.last_position(), Settings().consumer_batch, bare_kafka.make_topic(cluster, store)
        bare_kafka.produced_rate(cluster, topic, bare_kafka.records_in(store))
        delivered, read = bench.medians(
            lambda: _delivered_rate(cluster, count, batch),
            lambda: bare_kafka.consumed_rate(cluster, topic, count, batch),
        )
    return compared("consume_kafka", delivered, "events/s", f"{bare_kafka.NAME}: poll", read, 0.7)


def relayed_rate(store: EventStore, cluster: Cluster) -> float:
    """Events a second from the moment on at which the relay has its producer, until the checkpoint is at the head."""
    began: list[float] = []

    def opened(topic: str, largest: int) -> Sender:
        sender = Sender(cluster.access, topic, largest)
        began.append(time.perf_counter())
        return sender

    name = cluster.topic_of(store.service)  # a lease and a checkpoint of its own
    place, lease = RelayPlace(store.engine, name), Lease(store.engine, name, "bench")
    relay = Relay(store, lease, place, cluster, TopicShape(), opened)
    head, passed, deadline = store.last_position(), 0, time.monotonic() + SECONDS
    while passed < head:
        passed += relay.step()
        if time.monotonic() > deadline:
            raise TimeoutError(f"the relay brought {passed} of {head} events: {relay.trouble}")
    took = time.perf_counter() - began[0]
    assert place.read().position == head, relay.trouble
    relay.stop()
    return head / took


def _delivered_rate(cluster: Cluster, count: int, batch: int) -> float:
    subscription = KafkaBus(cluster, None).subscribe("bench", [SERVICE], shared=False)
    with closing(subscription):
        deadline = time.monotonic() + SECONDS
        while not subscription.progress() and time.monotonic() < deadline:
            subscription.poll(0.0, batch)
        for source in subscription.progress():
            subscription.seek(source, 0)
        came, started = 0, time.perf_counter()
        while came < count and time.monotonic() < deadline:
            came += len(subscription.poll(1.0, batch))
        took = time.perf_counter() - started
    assert came == count, f"{came} of {count} events came"
    return count / took
