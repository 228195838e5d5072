"""The library's producer, tuned for the relay, and ended at once when it can't be trusted any more."""

from __future__ import annotations

from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.producer.future import FutureRecordMetadata

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.connection import lost, open_client
from services.chassis.kafka.records import record_of
from services.chassis.telemetry.logs import logger

log = logger(__name__)

SENDING: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 5,
    "max_block_ms": 5_000,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,
    "allow_auto_create_topics": False,
    "metrics_enabled": False,
}
BATCH_BYTES = 262_144
HEADER_BYTES, HEADER_KEYS = 4096, 5
"""Larger than an event's headers: several times the stream, which is the key, and what does not grow."""
ABANDON_SECONDS = 3.0


class TooLarge(Exception):
    """An event that the topic does not take. Nothing of it was sent."""

    def __init__(self, envelope: Envelope, limit: int) -> None:
        size = len(envelope.data)
        super().__init__(
            f"事件 {envelope.id}({size} 字节)超过主题允许的 {limit} 字节,转发停在它之前 · the event {envelope.id} of "
            f"{size} bytes is larger than the {limit} bytes that its topic takes: the relay waits before it"
        )


class _Producer(KafkaProducer):  # type: ignore[misc]
    """The library's, which goes through all of a record's headers once more to find its size: a sixth of all its work
    on an event, though almost none comes near the limit."""

    def _estimate_size_in_bytes(self, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> int:
        at_most = len(value) + HEADER_KEYS * len(key) + HEADER_BYTES
        if at_most < self.config["max_request_size"]:
            return at_most
        exactly: int = super()._estimate_size_in_bytes(key, value, headers)
        return exactly


class Sender:
    """Sends events to one topic. Raises Unavailable when it can't be opened."""

    def __init__(self, access: KafkaAccess, topic: str, largest_record_bytes: int) -> None:
        self._access = access
        self._topic = topic
        self._largest = largest_record_bytes
        self._producer = open_client(
            _Producer,
            access,
            batch_size=min(BATCH_BYTES, largest_record_bytes),
            max_request_size=max(BATCH_BYTES * 4, largest_record_bytes),
            **SENDING,
        )
        self._producer.config["max_request_size"] = largest_record_bytes  # of one record; its thread has kept the other

    def send(self, envelope: Envelope, previous: int) -> FutureRecordMetadata:
        """Hand it to the library; the answer comes with the future. Raises TooLarge, Unavailable."""
        try:
            return self._producer.send(self._topic, *record_of(envelope, previous))
        except MessageSizeTooLargeError as error:
            raise TooLarge(envelope, self._largest) from error
        except (KafkaError, ValueError, RuntimeError) as error:  # ValueError: the topic has no such partition any more
            raise lost(self._access, error) from error

    def failure(self, envelope: Envelope, error: BaseException) -> Unavailable:
        """For an event whose sending failed, or may have."""
        reason = lost(self._access, error)
        return Unavailable(reason.message, f"{reason.english} (event {envelope.id})")

    def close(self, seconds: float) -> None:
        """End a producer all of whose events were acknowledged."""
        self._producer.close(timeout=seconds)

    def abandon(self) -> None:
        """End it without sending what it still holds. What is on its way to a broker may arrive."""
        abandon(self._producer, self._topic)


def abandon(producer: KafkaProducer, topic: str) -> None:
    """End a producer that can't be trusted any more, within seconds, whatever it still holds. Never raises."""
    thread = producer._sender
    thread.force_close()  # the producer's own `close` first sends, and raises before it ends what it can't send
    thread.join(ABANDON_SECONDS)
    try:
        producer.close(timeout=0)
    except KafkaError as error:
        producer._closed = True  # else it waits and sends once more when it is collected
        log.info("producer ends with its request", topic=topic, reason=str(error))
