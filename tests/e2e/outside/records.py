"""Topics read by librdkafka, as a second client that shares no code with the platform's own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

PATIENCE_SECONDS = 30.0

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Record:
    """What came on a topic, untouched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes


def read_whole(topic: str, login: Mapping[str, str | int | float | bool], group: str) -> list[Record]:
    """Every record of the topic to where it ends now; AssertionError when nothing comes for a while."""
    consumer = Consumer({**login, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        return _read(consumer, topic)
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str) -> list[Record]:
    found: list[Record] = []
    left = {number: end for number, end in _ends(consumer, topic).items() if end}
    consumer.assign([TopicPartition(topic, number, 0) for number in left])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left:
        for message in consumer.consume(500, timeout=1.0):
            found.append(_record(message))
            if found[-1].offset + 1 >= left.get(found[-1].partition, 0):
                left.pop(found[-1].partition, None)
            deadline = time.monotonic() + PATIENCE_SECONDS
        assert time.monotonic() < deadline, f"{topic} does not come to its end: {left}"
    return found


def _ends(consumer: Consumer, topic: str) -> dict[int, int]:
    """Per partition, the offset that the next record will have."""
    partitions = consumer.list_topics(topic, timeout=PATIENCE_SECONDS).topics[topic].partitions
    marks = {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=PATIENCE_SECONDS)
        for number in partitions
    }
    assert all(mark is not None and mark[0] == 0 for mark in marks.values()), "its beginning is not kept"
    return {number: mark[1] for number, mark in marks.items() if mark is not None}


def _record(message: Message) -> Record:
    assert message.error() is None, message.error()
    topic, partition, offset, value = message.topic(), message.partition(), message.offset(), message.value()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    told: Any = message.headers() or ()
    headers = tuple((name, _bytes(content) or b"") for name, content in told)
    return Record(topic, partition, offset, _bytes(message.key()), headers, _bytes(value) or b"")


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
