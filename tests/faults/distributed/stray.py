"""A relay that should be quiet: it sends what is on the topic once more, byte by byte, late or out of turn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from services.chassis.kafka.network import Client
from services.chassis.kafka.sender import abandon

SECONDS = 10
MOST = 60


class Stray:
    """Every method raises KafkaError while the brokers are away."""

    def __init__(self, servers: str, topic: str, seed: int) -> None:
        self._servers = servers
        self._topic = topic
        self._dice = random.Random(seed)

    def take(self, *, newest: bool) -> Sequence[Any]:
        """Some records that follow each other in one partition; the newest ones, or any."""
        with self._reading() as consumer:
            partitions = [TopicPartition(self._topic, each) for each in sorted(self._partitions(consumer))]
            ends = consumer.end_offsets(partitions)
            filled = [partition for partition in partitions if ends[partition]]
            if not filled:
                return ()
            chosen = self._dice.choice(filled)
            wanted = min(ends[chosen], self._dice.randint(1, MOST))
            first = ends[chosen] - wanted
            consumer.assign([chosen])
            consumer.seek(chosen, first if newest else self._dice.randint(0, first))
            found: list[Any] = consumer.poll(timeout_ms=SECONDS * 1000, max_records=wanted).get(chosen, [])
            return found

    def has_grown(self, records: Sequence[Any]) -> bool:
        """Whether others came behind these."""
        with self._reading() as consumer:
            place = TopicPartition(self._topic, records[-1].partition)
            return bool(consumer.end_offsets([place])[place] > records[-1].offset + 1)

    def send(self, records: Sequence[Any]) -> None:
        """As they were: key, value, headers, partition, time."""
        producer = KafkaProducer(
            bootstrap_servers=self._servers, acks="all", max_block_ms=SECONDS * 1000, kafka_client=Client
        )
        try:
            for future in [self._sent(producer, record) for record in records]:
                future.get(SECONDS)
        finally:
            abandon(producer, self._topic)

    def _sent(self, producer: Any, record: Any) -> Any:
        return producer.send(
            self._topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            partition=record.partition,
            timestamp_ms=record.timestamp,
        )

    def _partitions(self, consumer: Any) -> set[int]:
        return consumer.partitions_for_topic(self._topic) or set()

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        consumer = KafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False, kafka_client=Client)
        try:
            yield consumer
        finally:
            consumer.close()
