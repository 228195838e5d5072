"""The library alone, tuned, with the records of a store: bare kafka-python, to and from topics of the same settings.

What it sends was made before the clock starts, and of what it reads nothing is looked at. Both sides have crc32c,
without which the library reads at an eighth of the speed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import crc32c  # noqa: F401 - the library takes it up where it is there
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from services.chassis.event_store import EventStore
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.network import Client
from services.chassis.kafka.records import Message, record_of
from services.chassis.kafka.topics import TopicShape, ensure_topic
from tests.bench.servers import Servers

NAME = "bare kafka-python, tuned, with crc32c"
PRODUCING: dict[str, Any] = {"acks": "all", "linger_ms": 5, "batch_size": 262_144}
POLL_MILLISECONDS = 1000


@contextmanager
def topics(servers: Servers) -> Iterator[Cluster]:
    """The bench's brokers, with topics that nobody else has."""
    access = KafkaAccess(servers=tuple(servers.kafka.servers.split(",")))
    with closing(Cluster(access, servers.topic_prefix())) as cluster:
        yield cluster


def make_topic(cluster: Cluster, store: EventStore) -> str:
    """The store's topic, as a relay makes it."""
    ensure_topic(cluster, store.service, store.info.partitions, TopicShape(), 0)
    return cluster.topic_of(store.service)


def records_in(store: EventStore) -> list[Message]:
    """What a relay would hand to the library, but for the topic."""
    last: dict[int, int] = {}
    found = []
    for envelope in store.scan():
        found.append(record_of(envelope, last.get(envelope.partition, 0)))
        last[envelope.partition] = envelope.position
    return found


def produced_rate(cluster: Cluster, topic: str, records: Sequence[Message]) -> float:
    """Records a second until all are acknowledged."""
    producer = KafkaProducer(bootstrap_servers=list(cluster.access.servers), kafka_client=Client, **PRODUCING)
    with closing(producer):
        producer.partitions_for(topic)
        started = time.perf_counter()
        for record in records:
            producer.send(topic, *record)
        producer.flush()
        return len(records) / (time.perf_counter() - started)


def consumed_rate(cluster: Cluster, topic: str, count: int, batch: int) -> float:
    """Records a second from the topic's beginning on, in polls of at most so many."""
    servers = list(cluster.access.servers)
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, kafka_client=Client)
    with closing(consumer):
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        came, started = 0, time.perf_counter()
        while came < count:
            found = consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=batch)
            came += sum(map(len, found.values()))
        return count / (time.perf_counter() - started)
