"""What is said of a broker that answers as it should not, and how the library is set."""

from __future__ import annotations

import crc32c
import pytest
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from kafka.record import util

from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.connection import lost
from services.chassis.kafka.sender import SENDING

ACCESS = KafkaAccess(servers=("127.0.0.1:9",))
REFUSED: dict[type[KafkaError], str] = {
    TopicAuthorizationFailedError: "a right on the topic is missing (Read, Write",
    GroupAuthorizationFailedError: "the right Read on the consumer group is missing",
    ClusterAuthorizationFailedError: "the right Write on a topic is missing",
    MessageSizeTooLargeError: "a record is larger",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_broker_that_refuses_is_not_said_to_keep_silent(kind: type[KafkaError]) -> None:
    sentence = lost(ACCESS, kind()).english
    assert sentence.startswith(f"Kafka at 127.0.0.1:9 refuses: {REFUSED[kind]}")
    assert "does not answer" not in sentence


def test_a_refusal_within_another_error_is_one() -> None:
    inner = KafkaError(f"Unexpected error in InitProducerId: {ClusterAuthorizationFailedError()}")
    assert "refuses: the right Write on a topic is missing" in lost(ACCESS, inner).english


def test_a_broker_that_keeps_silent_is_said_to() -> None:
    assert lost(ACCESS, KafkaTimeoutError("30 s")).english.startswith("Kafka at 127.0.0.1:9 does not answer")


def test_an_event_counts_as_sent_when_all_replicas_in_sync_have_it_and_never_twice() -> None:
    assert SENDING["acks"] == "all"
    assert SENDING["enable_idempotence"] is True


def test_checksums_of_records_are_made_in_c() -> None:
    """In Python they would take more time than all the rest of an event's way."""
    assert util.crc32c_c is crc32c.crc32c
    assert util._crc32c is crc32c.crc32c
    assert util.calc_crc32c(b"123456789") == 0xE3069283
