"""Brokers that ask for rights: those that `docs/operations.md` lists are enough, and each of them is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from deploy.kafka.server import Security
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.whole_topic import WholeTopics
from tests.followers import Follower, record
from tests.kafka_topics import own_prefix
from tests.relays import Line, running
from tests.servers import Kafka, kafka_server
from tests.stores import make_store
from tests.waiting import eventually

PREFIX = "bizenv."
CITY = "bizenv"
TOPICS, GROUPS = ResourceType.TOPIC, ResourceType.GROUP
WANTS = {
    (TOPICS, ACLOperation.CREATE): "TopicAuthorizationFailed",
    (TOPICS, ACLOperation.READ): "TopicAuthorizationFailed",
    (TOPICS, ACLOperation.WRITE): "ClusterAuthorizationFailed",
    (TOPICS, ACLOperation.DESCRIBE_CONFIGS): "needs the right DescribeConfigs",
    (GROUPS, ACLOperation.READ): "GroupAuthorizationFailed",
}
"""The rights of the city's user in the manual, and what is said where one is missing."""
OF_THE_CITY = tuple(WANTS)
OF_AN_AUDITOR = ((TOPICS, ACLOperation.READ), (TOPICS, ACLOperation.DESCRIBE_CONFIGS))

Right = tuple[ResourceType, ACLOperation]
_ALL = ACLFilter(
    None,
    None,
    ACLOperation.ANY,
    ACLPermissionType.ANY,
    ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Kafka]:
    """Wants a password, and refuses whatever no ACL allows."""
    with kafka_server(security=Security("SASL_PLAINTEXT", CITY, "right", rights_asked=True)) as made:
        yield made


@contextmanager
def operator(server: Kafka) -> Iterator[KafkaAdminClient]:
    """Who may do everything: it comes in by the brokers' own port."""
    client = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{server.brokers[0].ports.internal}")
    try:
        yield client
    finally:
        client.close()


def allow(server: Kafka, *rights: Right) -> None:
    """Let the city's user have these rights by prefix, and no other."""
    with operator(server) as client:
        client.delete_acls([_ALL])
        given = [(ResourcePattern(kind, PREFIX, ACLResourcePatternType.PREFIXED), may) for kind, may in rights]
        client.create_acls([ACL(f"User:{CITY}", "*", may, ACLPermissionType.ALLOW, on) for on, may in given])
        eventually(lambda: len(client.describe_acls(_ALL)[0]) == len(rights), 20, "the rights are known")


def line_to(server: Kafka) -> Line:
    """Topics of its own below the prefix."""
    return Line(server, access=key_to(server), prefix=f"{PREFIX}{own_prefix()}")


def key_to(server: Kafka) -> KafkaAccess:
    return KafkaAccess(servers=(server.servers,), security="SASL_PLAINTEXT", user=CITY, password="right")


def test_with_the_rights_of_the_manual_events_come_through(guarded: Kafka, tmp_path: Path) -> None:
    """From the making of the topic to a reading of it from end to end, as `bizenv audit flow` does."""
    allow(guarded, *OF_THE_CITY)
    with (
        closing(make_store(tmp_path / "sample.sqlite")) as store,
        closing(line_to(guarded)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)) as relay,
    ):
        record(store, 30)
        follower.start().wait_for(store)
        assert relay.trouble is None
        allow(guarded, *OF_AN_AUDITOR)
        topics = WholeTopics(line.cluster)
        ends = topics.ends(topics.name("sample"))
        assert sum(len(page) for _, page in topics.read(topics.name("sample"), ends)) >= 30


@pytest.mark.parametrize("left_out", OF_THE_CITY, ids=lambda right: f"{right[0].name} {right[1].name}")
def test_each_right_is_needed_and_its_want_is_told(guarded: Kafka, tmp_path: Path, left_out: Right) -> None:
    allow(guarded, *(right for right in OF_THE_CITY if right != left_out))
    with (
        closing(make_store(tmp_path / "sample.sqlite")) as store,
        closing(line_to(guarded)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)) as relay,
    ):
        record(store, 1)
        follower.start()

        def told() -> str:
            found = (relay.trouble, follower.consumer.waits_for, follower.consumer.failure)
            return " ".join(str(each) for each in found if each)

        eventually(lambda: WANTS[left_out] in told(), 20, "the want of a right is told")
        assert "refuses" in told() or "DescribeConfigs" in WANTS[left_out], "it did answer"
        assert follower.positions("sample") == []
