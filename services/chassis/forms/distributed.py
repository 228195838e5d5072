"""The distributed form: PostgreSQL holds a city's facts and views, Kafka carries its events, any number of processes
share the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.chassis.auth.access_place import AccessSchema
from services.chassis.bus.port import Bus
from services.chassis.event_store import EventStore
from services.chassis.event_store.neighbours import Neighbours
from services.chassis.event_store.opening import epoch_of, open_store, store_exists
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.forms.embedded import PUBLISHED
from services.chassis.forms.form import Relayed
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.heads import HeadPublisher
from services.chassis.kafka.newest_epochs import NewestEpochs
from services.chassis.kafka.own_topic import TopicEnds, stop_what_went_back
from services.chassis.kafka.recorded_events import RecordedEvents
from services.chassis.kafka.refill import refill
from services.chassis.kafka.relay import Relay
from services.chassis.kafka.topics import TopicShape, flaw_of
from services.chassis.kafka.whole_topic import WholeTopics
from services.chassis.leases import Lease, RelayPlace, holders
from services.chassis.positions.known import DatabasePositions
from services.chassis.postgres.processes import process_name
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.settings.servers import database_url
from services.chassis.sinks.database import SinkDatabase
from services.chassis.views.generation_schemas import GenerationSchemas
from services.chassis.views.shared import SharedViews

RELAY = "relay"
"""The name of a relay's lease and of its checkpoint."""


class DistributedForm:
    """A city in one database, with a schema for each owner in it, and on one Kafka cluster."""

    def __init__(self, settings: Settings, services: Sequence[str]) -> None:
        """`services` are all of the city's. Connects to nothing yet; raises AccessUnusable for Kafka's files."""
        self._settings = settings
        self._services = tuple(services)
        self._url = database_url(settings)
        self.cluster = Cluster(access_of(settings), settings.kafka_topic_prefix)

    @property
    def place(self) -> str:
        return f"{self._url.host}:{self._url.port or 5432}/{self._url.database}"

    @property
    def published(self) -> Path:
        return self._settings.data / PUBLISHED

    def dialect(self, service: str) -> PostgresDialect:
        """The service's own schema."""
        return PostgresDialect(self._url, service, pool=self._settings.database_pool)

    def reach(self) -> None:
        store_exists(self.dialect(self._services[0]))
        self.reach_bus()

    def reach_bus(self) -> str:
        self.cluster.look(self.cluster.topic_of(self._services[0]))
        access = self.cluster.access
        return f"{', '.join(access.servers)} ({access.security})"

    def exists(self) -> bool:
        return any(store_exists(self.dialect(service)) for service in self._services)

    def store(self, service: str) -> EventStore:
        return open_store(self.dialect(service), service, queue_limit=self._settings.command_queue)

    def views(self, service: Service, store_id: str, registry: EventRegistry) -> SharedViews:
        generations = GenerationSchemas(self._address, service.name, self._settings.database_pool)
        return SharedViews(generations, store_id, service.views, registry)

    def reactions(self, service: str) -> SinkDatabase:
        return SinkDatabase(PostgresSchema(self._address, f"{service}_reactions", self._settings.database_pool))

    def logins(self) -> AccessSchema:
        return AccessSchema(self._url)

    def examine(self, stores: Sequence[EventStore]) -> None:
        stop_what_went_back(self.cluster, stores)

    def bus(self, stores: Mapping[str, EventStore]) -> Bus:
        first = next(iter(stores.values()))
        info, recorded = first.info, RecordedEvents(first.engine)
        epochs = NewestEpochs(lambda service: epoch_of(self.dialect(service)))
        gather = self._settings.poll_busy_milliseconds / 1000
        return KafkaBus(self.cluster, info.store_id, gather, info.partitions, epochs, recorded)

    def positions(self, stores: Mapping[str, EventStore]) -> DatabasePositions:
        return DatabasePositions(stores, Neighbours(next(iter(stores.values()))))

    def relay(self, store: EventStore) -> Relay:
        lease = Lease(store.engine, RELAY, process_name())
        return Relay(store, lease, RelayPlace(store.engine, RELAY), self.cluster, self._shape)

    def topics(self) -> WholeTopics:
        return WholeTopics(self.cluster)

    def relayed(self, store: EventStore) -> Relayed:
        place, owner = RelayPlace(store.engine, RELAY).read(), dict(holders(store.engine)).get(RELAY)
        return Relayed(place.position, store.last_position(), owner)

    def topic_flaw(self, store: EventStore) -> str | None:
        place, partitions = RelayPlace(store.engine, RELAY).read(), store.info.partitions
        return flaw_of(self.cluster, store.service, partitions, self._shape, place.position, place.topic_id)

    def refill(self, store: EventStore) -> bool:
        return refill(store.engine, RELAY)

    def require_free(self, store_id: str | None) -> None:
        ends = TopicEnds(self.cluster)
        for service in self._services:
            ends.require_city(service, store_id)

    def head_publisher(self, store: EventStore) -> HeadPublisher:
        return HeadPublisher(store, self.published, RelayPlace(store.engine, RELAY), self.cluster, self._shape)

    @property
    def _shape(self) -> TopicShape:
        """With three replicas one may be missing, and nothing acknowledged is lost with another."""
        replication = self._settings.kafka_replication
        return TopicShape(replication=replication, min_insync=min(2, replication))

    @property
    def _address(self) -> str:
        return self._url.render_as_string(hide_password=False)

    def close(self) -> None:
        self.cluster.close()


def access_of(settings: Settings) -> KafkaAccess:
    """How these settings reach Kafka."""
    assert settings.kafka is not None
    password = settings.kafka_password
    return KafkaAccess(
        servers=tuple(settings.kafka.split(",")),
        security=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        user=settings.kafka_user,
        password=None if password is None else password.reveal(),
        ca_file=settings.kafka_ca_file,
        certificate_file=settings.kafka_certificate_file,
        key_file=settings.kafka_key_file,
    )
