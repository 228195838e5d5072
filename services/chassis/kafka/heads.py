"""Signed heads for everybody: each line of a store's heads file goes to the topic `bizenv.<service>.heads`, in order.

The topic itself says where to go on: behind the last line that it holds. So nothing is kept of it elsewhere, and two
publishers at once only send lines twice, which readers drop. A head is sent once the relay has passed its events: who
reads a head on the topic can demand all its events there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.connection import lost, open_client
from services.chassis.kafka.own_topic import other_city
from services.chassis.kafka.sender import SENDING, abandon
from services.chassis.kafka.topics import TopicShape, ensure
from services.chassis.kafka.whole_topic import WholeTopics
from services.chassis.leases import RelayPlace
from services.chassis.telemetry.logs import logger
from services.chassis.truth.heads import Head, parse_line
from services.chassis.truth.published import LINE_BYTES, Published

log = logger(__name__)

TAIL_RECORDS = 20
"""How far back the last head is looked for behind records that are none."""

MOST_AT_ONCE = 200
LONGEST_PAUSE_SECONDS = 30.0
SEND_SECONDS = 10.0


class HeadPublisher:
    """Follows the heads file of one store, in the process that writes it. For one thread; `step` never raises."""

    def __init__(
        self, store: EventStore, published: Path, place: RelayPlace, cluster: Cluster, shape: TopicShape
    ) -> None:
        self.trouble: str | None = None
        """Why nothing goes on; None: it does."""
        self._store = store
        self._file = Published(published, store.service).heads_file
        self._place = place
        self._cluster = cluster
        self._topic = cluster.heads_topic_of(store.service)
        self._shape = shape
        self._sent: int | None = None
        self._producer: KafkaProducer | None = None
        self._pause = self._resume_at = 0.0

    def step(self) -> int:
        """Send what there is; returns how many heads. Returns at once where there is nothing, or something is away."""
        if time.monotonic() < self._resume_at:
            return 0
        try:
            if self._sent is None:
                self._sent = self._find_place()
            sent = sum(self._send(line) for line in self._next(self._sent))
        except (Unavailable, KafkaError, SQLAlchemyError, OSError) as error:
            self._begin_again(error)
            return 0
        self._pause, self.trouble = 0.0, None
        return sent

    def close(self) -> None:
        """Leave the brokers."""
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, self._topic)  # each line was waited for: it holds nothing

    def _begin_again(self, error: Exception) -> None:
        self._pause = min(max(2 * self._pause, 1.0), LONGEST_PAUSE_SECONDS)
        self._resume_at = time.monotonic() + self._pause
        self._sent, self.trouble = None, f"{self._topic}: {error}"
        log.warning("heads wait", topic=self._topic, seconds=self._pause, reason=str(error))
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, self._topic)

    def _find_place(self) -> int:
        """The offset in the file behind the last line that the topic holds."""
        ensure(self._cluster, self._topic, 1, self._shape)
        records = WholeTopics(self._cluster).tail(self._topic, TAIL_RECORDS)
        found = [(head, record.value) for record in records if (head := parse_line(record.value or b"")) is not None]
        if not found:
            return 0
        newest, line = found[-1]
        if newest.store_id != self._store.info.store_id:
            raise other_city(self._topic, newest.store_id, self._store.info.store_id)
        end = _end_of(self._file, line or b"")
        if end is None:
            raise Unavailable(
                "主题中最新的树头不在公布文件中,公布文件夹可能被替换或恢复过",
                f"the newest head on the topic is not in {self._file.name}: was the folder replaced or put back?",
            )
        return end

    def _next(self, after: int) -> list[bytes]:
        """Whole lines behind this offset, as far as their events are on the topic."""
        if not self._file.exists() or self._file.stat().st_size <= after:
            return []
        place, found = self._place.read(), list[bytes]()
        relayed = place.position if place.epoch == self._store.info.epoch else 0
        with self._file.open("rb") as file:
            file.seek(after)
            while len(found) < MOST_AT_ONCE and (line := file.readline(LINE_BYTES)).endswith(b"\n"):
                head = parse_line(line)
                if head is None:
                    raise Unavailable("公布文件中有损坏的行", f"{self._file.name} holds a line that is no head")
                if head.epoch == self._store.info.epoch and head.size > relayed:
                    break
                found.append(line)
        return found

    def _send(self, line: bytes) -> int:
        """One line, acknowledged by all replicas before the next goes."""
        if self._producer is None:
            self._producer = open_client(KafkaProducer, self._cluster.access, **SENDING)
        head = parse_line(line)
        assert head is not None
        try:
            self._producer.send(self._topic, **record_of_head(head)).get(timeout=SEND_SECONDS)
        except KafkaError as error:
            raise lost(self._cluster.access, error) from error
        assert self._sent is not None
        self._sent += len(line)
        return 1


def record_of_head(head: Head) -> dict[str, Any]:
    """What the library's producer is told of a head: its line as it is published, at the time of its signature."""
    return {
        "partition": 0,
        "key": head.service.encode(),
        "value": head.line(),
        "headers": [("content-type", b"application/json")],
        "timestamp_ms": head.signed_at // 1000,
    }


def _end_of(path: Path, line: bytes) -> int | None:
    """Where this line ends in the file, looked for from its end; None: it is not there."""
    step = 1024 * LINE_BYTES
    with path.open("rb") as file:
        end = file.seek(0, 2)
        while end > 0:
            start = max(0, end - step)
            file.seek(start)
            at = file.read(end - start + LINE_BYTES).rfind(line)
            if at >= 0:
                return start + at + len(line)
            end = start
    return None
