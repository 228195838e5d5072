"""A whole topic read once, by a consumer of no group: for audits, and for bringing back what a store lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from services.chassis.errors import Unavailable
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.connection import lost, open_client
from services.chassis.kafka.network import leave
from services.chassis.kafka.records import KeyedRecord, Own, delivery_of
from services.chassis.kafka.topics import gone, missing
from services.chassis.registry import MalformedEvent

SILENCE_SECONDS = 30.0

_POLL_MILLISECONDS = 500
_RECORDS = 2000

_READING: dict[str, Any] = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    "request_timeout_ms": 15_000,
    "fetch_max_bytes": 16 * 1024 * 1024,
    "max_partition_fetch_bytes": 2 * 1024 * 1024,
    "metrics_enabled": False,
}

Page = tuple[int, Sequence[KeyedRecord]]
"""Records of one partition, in the order of their offsets."""


class WholeTopics:
    """The topics of a cluster as they are. Every method raises Unavailable where the brokers don't answer."""

    def __init__(self, cluster: Cluster, silence_seconds: float = SILENCE_SECONDS) -> None:
        """`silence_seconds`: for how long nothing may come before a reading is given up."""
        self._cluster = cluster
        self._silence_seconds = silence_seconds

    def name(self, service: str) -> str:
        """What the service's topic of events is called."""
        return self._cluster.topic_of(service)

    def heads_name(self, service: str) -> str:
        """What the topic of its signed heads is called."""
        return self._cluster.heads_topic_of(service)

    def exists(self, topic: str) -> bool:
        """Whether there is such a topic."""
        return self._cluster.look(topic) is not None

    def ends(self, topic: str) -> dict[int, int]:
        """Per partition, the offset of the next record; raises Unavailable where there is no such topic."""
        found = {number: end for (_, number), end in self._cluster.ends([topic]).items()}
        if not found:
            raise missing(topic)
        return found

    def tail(self, topic: str, count: int) -> list[KeyedRecord]:
        """The last records of each partition, at most so many, in the order of their offsets."""
        ends = self.ends(topic)
        wanted = {number: max(0, end - count) for number, end in ends.items()}
        return [record for _, page in self.read(topic, ends, wanted) for record in page]

    def read(self, topic: str, ends: Mapping[int, int], wanted: Mapping[int, int] | None = None) -> Iterator[Page]:
        """All records before these offsets, partition by partition as they come; from the `wanted` offsets on, or from
        the beginning. What is deleted meanwhile raises."""
        found = self._cluster.starts([(topic, number) for number in ends])
        starts = {number: max(at, (wanted or {}).get(number, 0)) for (_, number), at in found.items()}
        left = {number: end for number, end in ends.items() if starts.get(number, 0) < end}
        if not left:
            return
        client = open_client(KafkaConsumer, self._cluster.access, **_READING)
        try:
            places = {TopicPartition(topic, number): starts[number] for number in left}
            client.assign(list(places))
            for place, start in places.items():
                client.seek(place, start)
            yield from self._pages(client, topic, left)
        except OffsetOutOfRangeError as error:
            raise gone(topic, sum(ends.values())) from error
        except (KafkaError, RuntimeError) as error:
            raise lost(self._cluster.access, error) from error
        finally:
            leave(client, 1000)

    def _pages(self, client: KafkaConsumer, topic: str, left: dict[int, int]) -> Iterator[Page]:
        deadline = time.monotonic() + self._silence_seconds
        while left:
            found = client.poll(timeout_ms=_POLL_MILLISECONDS, max_records=_RECORDS)
            for place, records in found.items():
                end = left.get(place.partition, 0)
                if page := [record for record in records if record.offset < end]:
                    yield place.partition, page
                deadline = time.monotonic() + self._silence_seconds
            for number in [number for number, end in left.items() if _reached(client, topic, number) >= end]:
                del left[number]
                client.pause(TopicPartition(topic, number))
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"主题 {topic} 读取中断:{self._silence_seconds:.0f} 秒没有新记录",
                    f"the topic {topic} can't be read to its end: nothing came for {self._silence_seconds:.0f} s",
                )


def beginnings_of(topics: WholeTopics, own: Own) -> dict[int, int]:
    """Per epoch of the store, its first position on the service's topic."""
    topic, found = topics.name(own.service), dict[int, int]()
    for _, records in topics.read(topic, topics.ends(topic)):
        for record in records:
            with suppress(MalformedEvent):  # told of by whoever reads it to apply it
                envelope = delivery_of(record, own).envelope
                found[envelope.epoch] = min(envelope.position, found.get(envelope.epoch, envelope.position))
    return found


def _reached(client: KafkaConsumer, topic: str, number: int) -> int:
    return int(client.position(TopicPartition(topic, number), timeout_ms=1000) or 0)
