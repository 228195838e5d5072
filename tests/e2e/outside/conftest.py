"""A rehearsed city whose facts are on brokers that want TLS and a password, and let an integrator read and no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.kafka.server import Security
from services.chassis.event_store import EventStore
from services.chassis.forms.embedded import EVENTS_FILE
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.heads import HeadPublisher
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import RelayPlace
from tests.certificates import Authority
from tests.e2e.outside.records import Record
from tests.processes import copy_of
from tests.relays import Line, running
from tests.servers import Kafka, kafka_server
from tests.stores import open_store
from tests.waiting import eventually

SERVICES = ("policy_registry", "project_tracking")
INTEGRATOR = "tax-office"
SECONDS = 30


@dataclass(frozen=True)
class Guarded(Security):
    """With rights for each user; `bizenv` and the brokers among themselves have all of them."""

    def settings(self) -> dict[str, str]:
        authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        users = "User:bizenv;User:ANONYMOUS"
        return {**super().settings(), "authorizer.class.name": authorizer, "super.users": users}


class PublishedCity:
    """What an integrator is given: addresses, a user, the authority to trust."""

    def __init__(self, server: Kafka, authority: Authority, data: Path) -> None:
        self.server = server
        self.authority = authority.certificate
        self.data = data
        self.stores = {name: open_store(data / name / EVENTS_FILE, name) for name in SERVICES}
        self.line = self.line_of("bizenv.")

    def line_of(self, prefix: str) -> Line:
        access = KafkaAccess(
            servers=(self.server.servers,),
            security="SASL_SSL",
            user="bizenv",
            password="right",
            ca_file=self.authority,
        )
        return Line(self.server, access=access, prefix=prefix)

    def login(self, user: str = INTEGRATOR) -> dict[str, str | int | float | bool]:
        """As librdkafka is told it."""
        return {
            "bootstrap.servers": self.server.servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": "right",
            "ssl.ca.location": str(self.authority),
        }

    def topic(self, service: str) -> str:
        return self.line.cluster.topic_of(service)

    def publish(self) -> None:
        """All facts and heads are on their topics."""
        for store in self.stores.values():
            place = RelayPlace(store.engine, store.service)
            with running(self.line.relay(store)):
                eventually(partial(_is_relayed, store, place))
            heads = HeadPublisher(store, self.data / "published", place, self.line.cluster, TopicShape())
            with closing(heads):
                assert heads.step() > 0, heads.trouble

    def send(self, topic: str, records: Iterable[Record]) -> None:
        """Anything at all; returns when it has arrived."""
        told: list[KafkaError | None] = []

        def arrived(error: KafkaError | None, _: Message) -> None:
            told.append(error)

        producer = Producer(self.login("bizenv"))
        for each in records:
            headers: list[tuple[str, str | bytes | None]] = list(each.headers)
            producer.produce(topic, each.value, each.key, each.partition, on_delivery=arrived, headers=headers)
        assert producer.flush(SECONDS) == 0
        assert set(told) == {None}

    def close(self) -> None:
        self.line.close()
        for store in self.stores.values():
            store.close()


def _is_relayed(store: EventStore, place: RelayPlace) -> bool:
    return place.read().position == store.last_position()


def trace(store: EventStore) -> None:
    """Every third fact was recorded within somebody's trace, as it is when commands come through the doors."""
    path = Path(str(store.engine.url.database))
    text = "'00-' || printf('%032x', position) || '-' || printf('%016x', position) || '-01'"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE events SET traceparent = {text} WHERE position % 3 = 0")


def let_in(admin: AdminClient) -> None:
    """The integrator's user, and what it needs and no more, as `docs/integrating.md` says."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    made = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(INTEGRATOR, info, b"right")])
    needed = [(ResourceType.TOPIC, "bizenv."), (ResourceType.GROUP, f"{INTEGRATOR}.")]
    granted = admin.create_acls([_may_read(kind, prefix) for kind, prefix in needed])
    for future in (*made.values(), *granted.values()):
        future.result(SECONDS)


def _may_read(kind: ResourceType, prefix: str) -> AclBinding:
    pattern, who = ResourcePatternType.PREFIXED, f"User:{INTEGRATOR}"
    return AclBinding(kind, prefix, pattern, who, "*", AclOperation.READ, AclPermissionType.ALLOW)


@pytest.fixture(scope="package")
def published(rehearsed_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublishedCity]:
    """Read it; a test that writes takes topics of its own (`line_of`)."""
    folder = tmp_path_factory.mktemp("published")
    authority = Authority(folder)
    security = Guarded("SASL_SSL", "bizenv", "right", authority.identity(), authority.certificate)
    with ExitStack() as opened:
        server = opened.enter_context(kafka_server(security=security))
        city = opened.enter_context(closing(PublishedCity(server, authority, copy_of(rehearsed_city, folder / "var"))))
        let_in(AdminClient(city.login("bizenv")))
        for store in city.stores.values():
            trace(store)
        city.publish()
        yield city
