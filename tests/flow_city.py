"""A service whose facts are in PostgreSQL, on a topic and in views on PostgreSQL, for tests that harm one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.epochs import Beginnings
from services.chassis.bus.intake import Intake
from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.event_store import Append, Appended, EventStore, NewEvent, schema
from services.chassis.event_store.opening import create_store
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.flow import FlowReport, audit_flow
from services.chassis.flow.verify_topic import verify_topic
from services.chassis.hosting.city import registry_of
from services.chassis.kafka.heads import HeadPublisher
from services.chassis.kafka.topics import TopicShape, ensure_topic
from services.chassis.kafka.whole_topic import WholeTopics
from services.chassis.leases import Lease, RelayPlace
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.sinks.database import SinkDatabase
from services.chassis.sinks.sink import ViewSink
from services.chassis.truth import AuditReport, MerkleLog
from services.chassis.upkeep.recovering import Recovered, recover
from services.chassis.upkeep.unproved import Choice
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveViews
from tests.kafka_topics import Publisher
from tests.sample_service import CounterAdded, CounterOpened, CounterRenamed, Faults, sample_service
from tests.servers import Kafka, Postgres
from tests.stores import RECORDED_AT, store_info, version_of
from tests.waiting import eventually

DAY = date(2017, 3, 1)
NAME = "sample"
PARTITIONS = 4
VIEWS = f"{NAME}_views_1"
RELAY = "relay"
TABLES = tuple(schema.metadata.tables)


class FlowForm:
    """The parts of the city that an audit opens."""

    def __init__(self, url: str, published: Path) -> None:
        self.url = url
        self.published = published
        self.flaw: str | None = None

    def topic_flaw(self, store: EventStore) -> str | None:
        """What a test says is wrong with the topic."""
        return self.flaw

    def store(self, service: str) -> EventStore:
        return EventStore(PostgresDialect(self.url, service), service)

    def views(self, service: Service, store_id: str, registry: EventRegistry) -> LiveViews:
        return cast(LiveViews, OneGeneration(ViewDatabase(PostgresSchema(self.url, VIEWS), service.views, registry)))

    def reactions(self, service: str) -> SinkDatabase:
        return SinkDatabase(PostgresSchema(self.url, f"{service}_reactions"))


class OneGeneration:
    """Views that are never built anew."""

    def __init__(self, current: ViewDatabase) -> None:
        self.current = current
        self.close = current.close


class FlowCity:
    """One service, its topic and its views. What is recorded is on the topic after `relay`, in the views after
    `project`."""

    def __init__(self, postgres: Postgres, kafka: Kafka, folder: Path) -> None:
        self.url = postgres.database()
        self.superuser = postgres.as_superuser(self.url)
        self.kafka = kafka
        self.faults = Faults()
        self.service = sample_service(self.faults)
        self.registry = registry_of([self.service])
        self.form = FlowForm(self.url, folder / "published")
        self.info = store_info(NAME, partitions=PARTITIONS)
        create_store(PostgresDialect(self.url, NAME), self.info)
        self.store = self.form.store(NAME)
        self.publisher = Publisher(kafka)
        self.topics = WholeTopics(self.publisher.cluster)
        self.database = ViewDatabase(PostgresSchema(self.url, VIEWS), self.service.views, self.registry)
        self._chance = random.Random(0)
        self._ids = iter(range(10**9))

        self.folder = folder
        self.heads = self._heads()

    def _heads(self) -> HeadPublisher:
        place = RelayPlace(self.store.engine, RELAY)
        return HeadPublisher(self.store, self.form.published, place, self.publisher.cluster, TopicShape())

    @property
    def key(self) -> Ed25519PrivateKey:
        return signing_key(self.folder / "keys", TRUTH_KEY)

    def sign(self) -> None:
        """The log takes in all events and signs a head."""
        with closing(MerkleLog(self.store, self.key, self.form.published)) as log:
            while log.step():
                pass
            log.sign()

    def lines(self) -> list[bytes]:
        """The heads file's."""
        return (self.form.published / f"{NAME}.heads.jsonl").read_bytes().splitlines(keepends=True)

    def heads_on_topic(self) -> list[bytes | None]:
        topic = self.topics.heads_name(NAME)
        return [record.value for _, page in self.topics.read(topic, self.topics.ends(topic)) for record in page]

    def verify(self) -> AuditReport:
        """The audit of the topic without the store."""
        return verify_topic(self.topics, NAME, self.key.public_key(), lambda *_: None)

    def back_up(self) -> None:
        """Keep a copy of the store as it is now."""
        self.sql("DROP SCHEMA IF EXISTS saved CASCADE; CREATE SCHEMA saved")
        for table in TABLES:
            self.sql(f"CREATE TABLE saved.{table} AS TABLE {NAME}.{table}")

    def put_back(self) -> None:
        """The store is what it was at the last `back_up`, and opened anew."""
        self.store.close()
        for table in TABLES:
            self.sql(f"TRUNCATE {NAME}.{table}")
            self.sql(f"INSERT INTO {NAME}.{table} TABLE saved.{table}")
        self.reopen()

    def recover(self, *, give_up: bool = False, unproved: Choice = Choice.REFUSE) -> Recovered:
        self.heads.close()
        self.store.close()
        try:
            return recover(
                lambda: self.form.store(NAME),
                self.topics,
                self.form.published,
                self.key,
                relay=RELAY,
                give_up=give_up,
                decide=lambda _: unproved,
            )
        finally:
            self.reopen()

    def reopen(self) -> None:
        """As a process does that starts anew."""
        self.heads.close()
        self.store.close()
        self.store = self.form.store(NAME)
        self.heads = self._heads()

    def close(self) -> None:
        self.heads.close()
        self.database.close()
        self.publisher.close()
        self.store.close()

    @property
    def topic(self) -> str:
        return self.publisher.cluster.topic_of(NAME)

    def record(self, stream: str, *events: Event) -> None:
        """Facts of one command."""
        news = tuple(NewEvent(event.type, event.occurred_on, self.registry.encode(event)) for event in events)
        command_id = str(UUID(int=self._chance.getrandbits(128)))
        number = next(self._ids)
        outcome = self.store.append_now(
            Append(
                stream=stream,
                expected_version=version_of(self.store, stream),
                command_id=command_id,
                command_hash=bytes([number % 256]) * 32,
                events=news,
                recorded_at=RECORDED_AT + number * 1_000_001,
                actor="city_group:wang",
                correlation_id=command_id,
                causation_id=command_id,
                traceparent=None if number % 3 else f"00-{number + 1:032x}-{number + 1:016x}-01",
            )
        )
        assert isinstance(outcome, Appended)

    def live(self, commands: int, counters: int = 7) -> None:
        """So many commands of one to three facts on some counters."""
        for _ in range(commands):
            stream = f"counter-{self._chance.randrange(counters)}"
            if version_of(self.store, stream) == 0:
                self.record(stream, CounterOpened(occurred_on=DAY, unit="130602"))
                continue
            titles = CounterRenamed(occurred_on=DAY, title=f"t{self._chance.random()}")
            facts: list[Event] = [CounterAdded(occurred_on=DAY, amount=self._chance.randint(1, 9)), titles]
            self.record(stream, *facts[: self._chance.randint(1, 2)])

    def relay(self) -> None:
        """All that is recorded goes to the topic, and the relay's checkpoint with it."""
        self.publisher.publish(self.store)
        self.passed(self.store.last_position())

    def passed(self, position: int) -> None:
        """The relay says that it has sent everything up to there."""
        place, lease = RelayPlace(self.store.engine, RELAY), Lease(self.store.engine, RELAY, "test")
        owner_epoch = lease.acquire()
        assert owner_epoch is not None
        assert place.take(owner_epoch) is not None
        assert place.move(self.store.info.epoch, position, owner_epoch)
        lease.release()

    def intake(self, database: ViewDatabase | None = None) -> Intake:
        sink = ViewSink("views", database or self.database)
        return Intake(sink, self.registry, lambda: datetime(2017, 3, 1, tzinfo=UTC), 100)

    @contextmanager
    def rebuilt(self) -> Iterator[tuple[ViewDatabase, Beginnings]]:
        """Views built anew from what is on the topic, and where its epochs began there."""
        database = ViewDatabase(self.folder / "rebuilt.sqlite", self.service.views, self.registry)
        with closing(database):
            intake = self.intake(database)
            intake.beginnings = self.publisher.bus.beginnings([NAME])
            catch_up(self.publisher.bus, [NAME], intake)
            yield database, intake.beginnings

    def project(self) -> None:
        """The views apply what the topic has."""
        catch_up(self.publisher.bus, [NAME], self.intake())

    def consumer(self) -> Consumer:
        return Consumer("views", self.publisher.bus, [NAME], [self.intake()], shared=False)

    def settle(self, commands: int = 40) -> None:
        self.live(commands)
        self.relay()
        self.project()

    def audit(self) -> FlowReport:
        return audit_flow(self.form, [self.service], self.registry, self.topics)

    def facts(self) -> list[tuple[Envelope, int]]:
        """All events with the position before each in its partition."""
        last: dict[int, int] = {}
        found = []
        for envelope in self.store.scan():
            found.append((envelope, last.get(envelope.partition, 0)))
            last[envelope.partition] = envelope.position
        return found

    def remake_topic(self, harm: Callable[[list[tuple[Envelope, int]]], list[tuple[Envelope, int]]]) -> None:
        """The topic made anew, with the records that `harm` makes of the right ones."""
        with self.kafka.admin() as admin:
            admin.delete_topics([self.topic])
        eventually(lambda: self.publisher.cluster.look(self.topic) is None)
        ensure_topic(self.publisher.cluster, NAME, PARTITIONS, TopicShape(), 0)
        for envelope, previous in harm(self.facts()):
            self.publisher.send(envelope, previous)
        self.publisher.flush()

    def sql(self, statement: str, *values: Any) -> None:
        """From outside, past every check."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(statement.encode(), values)


@contextmanager
def flow_city(postgres: Postgres, kafka: Kafka, folder: Path) -> Iterator[FlowCity]:
    with closing(FlowCity(postgres, kafka, folder)) as city:
        yield city
