"""The bus on Kafka: groups share the partitions of the topics, and each record is checked before it is delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

from services.chassis.bus.port import Delivery
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.newest_epochs import NewestEpochs
from services.chassis.kafka.own_topic import TopicEnds
from services.chassis.kafka.recorded_events import RecordedEvents
from services.chassis.kafka.records import Foreigners, Own, Record, delivery_of
from services.chassis.kafka.subscription import KafkaSubscription
from services.chassis.kafka.whole_topic import WholeTopics, beginnings_of


class KafkaBus:
    """Subscribes to the topics of a cluster, which its owner closes."""

    def __init__(
        self,
        cluster: Cluster,
        store_id: str | None,
        gather_seconds: float = 0.0,
        partitions: int | None = None,
        epochs: NewestEpochs | None = None,
        recorded: RecordedEvents | None = None,
    ) -> None:
        """Only events of the city that bears the `store_id` are delivered (None: whichever city's), whose stores have
        so many `partitions`, are in these `epochs` and have `recorded` them (None: that is not checked)."""
        self._cluster = cluster
        self._store_id = store_id
        self._ends = TopicEnds(cluster)
        self._own = cache(partial(Own, store_id=store_id, partitions=partitions))
        self._epochs = epochs
        self._recorded = recorded
        self._gather_seconds = gather_seconds
        self._foreigners = Foreigners()

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> KafkaSubscription:
        name = self._cluster.group_of(group, self._store_id) if shared else None
        return KafkaSubscription(
            self._cluster,
            name,
            services,
            self._check,
            self._foreigners,
            self._gather_seconds,
            self._require_city,
            recorded=self._recorded,
        )

    def _require_city(self, service: str) -> None:
        """Raise Unavailable where the service's topic is another city's: there is nothing to read for us."""
        if self._store_id is not None:
            self._ends.require_some_of(service, self._store_id)

    def _check(self, record: Record, service: str) -> Delivery:
        """As `delivery_of`; may raise SQLAlchemyError where a store must be asked."""
        delivery = delivery_of(record, self._own(service))
        if self._epochs is not None:
            self._epochs.require_begun(service, delivery.envelope.epoch)
        return delivery

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        """Reads the topics from their beginnings to where they end now."""
        topics = WholeTopics(self._cluster)
        return {service: beginnings_of(topics, self._own_now(service)) for service in services}

    def _own_now(self, service: str) -> Own:
        """With the epoch that its store is in."""
        newest = None if self._epochs is None else self._epochs.newest(service)
        return self._own(service)._replace(newest_epoch=newest)
