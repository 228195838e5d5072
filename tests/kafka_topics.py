"""Topics for tests, on real brokers, filled from stores as a relay would in the best of cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from typing import Any

from kafka import KafkaProducer

from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.network import Client
from services.chassis.kafka.records import record_of
from services.chassis.kafka.topics import TopicShape, ensure_topic
from tests.servers import Kafka

_numbers = count(1)


def access_to(server: Kafka) -> KafkaAccess:
    """The shared brokers, which let everybody in."""
    return KafkaAccess(servers=tuple(server.servers.split(",")))


def own_prefix() -> str:
    """Before the names of topics and groups that nobody else has."""
    return f"test{os.getpid()}-{next(_numbers)}."


class Publisher:
    """Brings what stores hold to topics of its own, each event once and in order. Its bus reads them."""

    def __init__(self, server: Kafka, replication: int = 1) -> None:
        self.cluster = Cluster(access_to(server), own_prefix())
        self.bus = KafkaBus(self.cluster, None)
        self._shape = TopicShape(replication=replication)
        self._producer = KafkaProducer(bootstrap_servers=server.servers, linger_ms=1, kafka_client=Client)
        self._sent: dict[str, int] = {}
        self._last: dict[tuple[str, int], int] = {}

    def publish(self, store: EventStore) -> None:
        """Send what is new in the store, and make its topic if it is not there; returns when it has arrived."""
        if store.service not in self._sent:
            ensure_topic(self.cluster, store.service, store.info.partitions, self._shape, 0)
        after = self._sent.setdefault(store.service, 0)
        for envelope in store.scan(after):
            source = (store.service, envelope.partition)
            self.send(envelope, self._last.get(source, 0))
            self._last[source] = self._sent[store.service] = envelope.position
        self._producer.flush(20)

    def go_back(self, service: str, facts: Sequence[tuple[Envelope, int]]) -> None:
        """The store holds no more than these now: go on behind them."""
        self._sent[service] = len(facts)
        self._last = {(service, envelope.partition): envelope.position for envelope, _ in facts}

    def send(self, envelope: Envelope, previous: int, **other: Any) -> None:
        """One record, `other` in place of what it should be."""
        told = {**record_of(envelope, previous)._asdict(), **other}
        self._producer.send(self.cluster.topic_of(envelope.service), **told)

    def put(self, service: str, partition: int, **record: Any) -> None:
        """Anything at all on a service's topic; returns when it has arrived."""
        self._producer.send(self.cluster.topic_of(service), partition=partition, **record).get(20)

    def put_heads(self, service: str, value: bytes) -> None:
        """A line on the service's topic of heads; returns when it has arrived."""
        self._producer.send(self.cluster.heads_topic_of(service), partition=0, value=value).get(20)

    def flush(self) -> None:
        self._producer.flush(20)

    def close(self) -> None:
        self._producer.close(5)
        self.cluster.close()
