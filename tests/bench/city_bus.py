"""The bus of a city on PostgreSQL and Kafka, for legs that read a topic in this process."""

from __future__ import annotations

from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import epoch_of
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.newest_epochs import NewestEpochs
from services.chassis.settings import Settings


def city_bus(cluster: Cluster, store: EventStore, url: str) -> KafkaBus:
    """As the distributed form makes it for the city of this store, which is in the database at `url`: records of other
    cities, on foreign partitions and of epochs that the store has not begun are found out."""
    epochs = NewestEpochs(lambda service: epoch_of(PostgresDialect(url, service)))
    gather = Settings().poll_busy_milliseconds / 1000
    return KafkaBus(cluster, store.info.store_id, gather, store.info.partitions, epochs)
