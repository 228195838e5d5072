"""Whether a store may go on in a topic: what stands at the end of it must be the store's own, and in the store.

A database that was made anew, or a second city with the same prefix, would go on behind another city's facts. A store
that went back unseen (a standby that lacked the newest commits, a point in time) would use positions a second time, and
whoever has taken them drops what comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from services.chassis.bus.port import Delivery
from services.chassis.envelope import Envelope
from services.chassis.errors import Fault, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.connection import require_entry
from services.chassis.kafka.records import KeyedRecord, Own, delivery_of
from services.chassis.kafka.whole_topic import WholeTopics
from services.chassis.registry import MalformedEvent
from services.chassis.telemetry.logs import logger
from services.chassis.truth.heads import parse_line
from services.chassis.truth.leaf import entry

TAIL_RECORDS = 20
"""How far back of each partition an event is looked for, behind records that are none and what came again."""

SILENCE_SECONDS = 5.0


log = logger(__name__)


class WentBack(Fault):
    """The store lacks what was relayed of it."""


def went_back(chinese: str, english: str) -> WentBack:
    return WentBack(
        f"{chinese}:事件库已退回到较早的状态(由备份恢复或切换到落后的备库),或有他人向主题写入;最新签名树头之后的事件"
        "没有凭证。已停止记录;请停止该服务的所有进程,运行 bizenv recover,它会列出没有凭证的事件",
        f"{english}: the store went back, as after a backup was put back or a standby took over that lacked the newest "
        "commits, or somebody else wrote to the topic: events beyond the newest signed head are unproved. Nothing more "
        "is recorded: stop all processes of the service and run bizenv recover, which lists those that are unproved",
    )


def other_city(topic: str, store_id: str, own: str | None) -> Unavailable:
    """For a topic that another city fills, or one that was here before. `own`: None where ours is yet to be made."""
    ours, ours_too = ("", "") if own is None else (f",本城市 {own}", f", ours is {own}")
    return Unavailable(
        f"主题 {topic} 中是另一座城市的事件(编号 {store_id}{ours}),未作任何修改;请用 "
        "BIZENV_KAFKA_TOPIC_PREFIX 另取前缀,或确认无用后删除该前缀的主题",
        f"the topic {topic} holds what another city recorded (store id {store_id}{ours_too}); nothing was "
        "changed: choose another BIZENV_KAFKA_TOPIC_PREFIX, or delete the prefix's topics if nobody needs them",
    )


class TopicEnds:
    """What stands at the end of the topics of one cluster. Every method raises Unavailable where they can't be read."""

    def __init__(self, cluster: Cluster) -> None:
        self._topics = WholeTopics(cluster, SILENCE_SECONDS)

    def require_city(self, service: str, store_id: str | None) -> None:
        """Raises Unavailable where the newest event of a partition, or the newest head, is another city's (None:
        anybody's)."""
        self._require_heads(service, store_id)
        self._events(service, store_id)

    def require_some_of(self, service: str, store_id: str) -> None:
        """Raises Unavailable where all that is newest there is another city's: one strange record beside ours is none
        of a reader's affairs, who skips it."""
        found = {*self._cities_of_heads(service), *(each.envelope.store_id for each in self._newest(service))}
        if found and store_id not in found:
            raise other_city(self._topics.name(service), min(found), store_id)

    def require_own(self, store: EventStore) -> None:
        """The same for a store that is to go on there, and WentBack where it lacks the newest events; may raise
        SQLAlchemyError."""
        self._require_heads(store.service, store.info.store_id)
        for deliveries in self._events(store.service, store.info.store_id):  # first: the store has all that was sent
            _require_there(store, max(deliveries, key=_place).envelope)

    def _require_heads(self, service: str, store_id: str | None) -> None:
        cities = self._cities_of_heads(service)
        if cities and cities[-1] != store_id:
            raise other_city(self._topics.heads_name(service), cities[-1], store_id)

    def _cities_of_heads(self, service: str) -> list[str]:
        """Whose the newest heads are, in their order."""
        records = self._tail(self._topics.heads_name(service))
        return [head.store_id for record in records if (head := parse_line(record.value or b"")) is not None]

    def _events(self, service: str, store_id: str | None) -> list[list[Delivery]]:
        """The newest events of each partition that has some."""
        found = dict[int, list[Delivery]]()
        for delivery in self._newest(service):
            found.setdefault(delivery.envelope.partition, []).append(delivery)
        for deliveries in found.values():
            newest = deliveries[-1].envelope
            if newest.store_id != store_id:
                raise other_city(self._topics.name(service), newest.store_id, store_id)
        return [[each for each in some if each.envelope.store_id == store_id] for some in found.values()]

    def _newest(self, service: str) -> Iterator[Delivery]:
        """Of whichever city, those of one partition in their order."""
        own = Own(service, None)
        for record in self._tail(self._topics.name(service)):
            with suppress(MalformedEvent):  # told of by whoever reads it to apply it
                yield delivery_of(record, own)

    def _tail(self, topic: str) -> list[KeyedRecord]:
        return self._topics.tail(topic, TAIL_RECORDS) if self._topics.exists(topic) else []


def stop_what_went_back(cluster: Cluster, stores: Sequence[EventStore]) -> None:
    """Let no store use a position again that was relayed, from its opening on; may raise SQLAlchemyError. While the
    brokers are away, or where its topic can't be read or is another city's, that is left to its relay, which looks
    before it sends."""
    ends = TopicEnds(cluster)
    for store in stores:
        try:
            ends.require_own(store)
        except WentBack as error:
            store.stop(error.message, error.english)
        except Unavailable as error:
            log.warning("store not held against its topic", service=store.service, reason=str(error))
            if not _brokers_are_there(cluster):
                return


def _brokers_are_there(cluster: Cluster) -> bool:
    """Else each further store would wait as long for the same answer."""
    try:
        require_entry(cluster.access)
    except Unavailable:
        return False
    return True


def _place(delivery: Delivery) -> tuple[int, int]:
    return delivery.envelope.epoch, delivery.envelope.position


def _require_there(store: EventStore, newest: Envelope) -> None:
    """Of a former epoch nothing need be there: a recovery may have given it up."""
    if newest.epoch > store.info.epoch:
        raise went_back(
            f"主题中的事件已到第 {newest.epoch} 期,事件库仍在第 {store.info.epoch} 期",
            f"the topic has events of epoch {newest.epoch} and the store is in {store.info.epoch}",
        )
    if newest.epoch < store.info.epoch:
        return
    found = store.read(newest.position - 1, 1)
    if not found or entry(found[0]) != entry(newest):
        raise went_back(
            f"主题中位置 {newest.position} 的事件 {newest.id} 不在事件库中",
            f"the event {newest.id} at position {newest.position} of the topic is not in the store",
        )
