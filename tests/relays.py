"""Relays over a test's own stores and topics, run on a thread as the runtime runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.chassis.event_store import EventStore
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.cut_off import PATIENCE_SECONDS
from services.chassis.kafka.relay import Producing, Relay
from services.chassis.kafka.sender import Sender
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import Lease, RelayPlace
from tests.kafka_topics import access_to, own_prefix
from tests.servers import Kafka

Wrap = Callable[[Sender], Producing]


class Line:
    """A prefix of its own on some brokers: topics, groups, a bus, and relays to fill them."""

    def __init__(
        self, server: Kafka, shape: TopicShape | None = None, access: KafkaAccess | None = None, prefix: str = ""
    ) -> None:
        self.access = access or access_to(server)
        self.cluster = Cluster(self.access, prefix or own_prefix())
        self.bus = KafkaBus(self.cluster, None)
        self.shape = shape or TopicShape()

    def relay(
        self,
        store: EventStore,
        owner: str = "one",
        *,
        lease_seconds: float = 3.0,
        wrap: Wrap | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Relay:
        def opened(topic: str, largest: int) -> Producing:
            sender = Sender(self.access, topic, largest)
            return wrap(sender) if wrap else sender

        lease = Lease(store.engine, f"relay-{store.service}", owner, seconds=lease_seconds)
        place = RelayPlace(store.engine, store.service)
        return Relay(store, lease, place, self.cluster, self.shape, opened, patience_seconds)

    def topic_of(self, store: EventStore) -> str:
        return self.cluster.topic_of(store.service)

    def close(self) -> None:
        self.cluster.close()


@contextmanager
def running(relay: Relay) -> Iterator[Relay]:
    """Step after step on a thread; stopped in order at the end."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            relay.step()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        ended.set()
        relay.wake()
        thread.join(30)
        assert not thread.is_alive()
        relay.stop()


def place_of(store: EventStore) -> int:
    """Up to which position the store's facts were relayed, as its checkpoint says."""
    return RelayPlace(store.engine, store.service).read().position


def relayed(store: EventStore) -> bool:
    """Whether everything that is recorded was."""
    return place_of(store) == store.last_position()


def records_on(line: Line, service: str = "sample") -> int:
    """How many records the service's topic holds."""
    return sum(line.cluster.ends([line.cluster.topic_of(service)]).values())
