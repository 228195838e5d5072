"""The bus of a city on PostgreSQL and Kafka, for legs that read a topic in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from services.chassis.bus.port import Bus
from services.chassis.event_store import EventStore
from services.chassis.forms.distributed import DistributedForm
from services.chassis.kafka.cluster import Cluster
from services.chassis.settings import Settings


@contextmanager
def city_bus(cluster: Cluster, store: EventStore, url: str) -> Iterator[Bus]:
    """The distributed form's own for the city of this store, which is in the database at `url`, with all that it
    checks of a record."""
    prefix = cluster.topic_of(store.service).removesuffix(f"{store.service}.events")
    given = Settings(database=url, kafka=",".join(cluster.access.servers), kafka_topic_prefix=prefix)
    with closing(DistributedForm(given, [store.service])) as form:
        yield form.bus({store.service: store})
