"""The topics: one for each service, made with the settings they need, or checked, never changed.

Events are kept for ever, so a topic that would let records go is refused, and so is one with another number of
partitions: a stream's partition never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from kafka.errors import TopicAlreadyExistsError

from services.chassis.envelope import LARGEST_RECORD_BYTES
from services.chassis.errors import Unavailable
from services.chassis.kafka.cluster import Cluster, TopicState
from services.chassis.telemetry.logs import logger

log = logger(__name__)

FOR_EVER = "-1"
ANY_MILLISECONDS = str(2**63 - 1)
"""Of event time there is no limit: a rehearsal records years within minutes, and a clock may be ahead."""
AT_LEAST = ("min.insync.replicas", "max.message.bytes", "message.timestamp.after.max.ms")


class TopicShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a topic must be able to do."""

    replication: int = 1
    min_insync: int = 1
    """Replicas that must have a record before it is acknowledged."""
    largest_record_bytes: int = LARGEST_RECORD_BYTES

    def settings(self) -> dict[str, str]:
        """What must be, by Kafka's own names."""
        return {
            "retention.ms": FOR_EVER,
            "retention.bytes": FOR_EVER,
            "cleanup.policy": "delete",
            "message.timestamp.type": "CreateTime",
            "message.timestamp.after.max.ms": ANY_MILLISECONDS,
            "min.insync.replicas": str(self.min_insync),
            "max.message.bytes": str(self.largest_record_bytes),
        }


def ensure_topic(cluster: Cluster, service: str, partitions: int, shape: TopicShape, relayed: int) -> TopicState:
    """The service's topic, made when there is none, and as it must be; else Unavailable, and nothing was changed.

    `relayed` is how many events it must hold already: a topic that lost some was deleted under our feet.
    """
    return ensure(cluster, cluster.topic_of(service), partitions, shape, relayed)


def ensure(cluster: Cluster, name: str, partitions: int, shape: TopicShape, relayed: int = 0) -> TopicState:
    """The same for any topic that is kept for ever."""
    state = cluster.look(name)
    if state is None:
        if relayed:
            raise gone(name, relayed)
        _make(cluster, name, partitions, shape)
        state = cluster.look(name)
    if state is None:
        raise Unavailable(f"主题 {name} 刚刚建立,尚未就绪", f"the topic {name} was made and is not there yet")
    _require_fit(cluster, name, state, partitions, shape, relayed)
    return state


def _require_fit(
    cluster: Cluster, name: str, state: TopicState, partitions: int, shape: TopicShape, relayed: int
) -> None:
    """As it must be, with all that was relayed to it; else raises Unavailable."""
    require_shape(name, state, partitions, shape, cluster.settings_of(name))
    if sum(cluster.ends([name]).values()) < relayed:
        raise gone(name, relayed)


def flaw_of(
    cluster: Cluster, service: str, partitions: int, shape: TopicShape, relayed: int, topic_id: str | None
) -> str | None:
    """What is wrong with the service's topic for an operator to see; None: nothing. Raises Unavailable where the
    brokers can't be asked. `topic_id`: of the topic into which the events were relayed, where that is known."""
    name = cluster.topic_of(service)
    state = cluster.look(name)
    try:
        if state is None or topic_id not in (None, state.id):
            return str(gone(name, relayed)) if relayed else None
        _require_fit(cluster, name, state, partitions, shape, relayed)
    except Unavailable as flaw:
        return str(flaw)
    return None


def require_shape(
    name: str, state: TopicState, partitions: int, shape: TopicShape, settings: Mapping[str, str]
) -> None:
    """Raise Unavailable for the first thing that differs from what is needed."""
    if state.partitions != partitions:
        raise _other(name, "分区数", "partitions", str(state.partitions), str(partitions))
    if state.replication < shape.replication:
        raise _other(name, "副本数", "replication", str(state.replication), f"≥ {shape.replication}")
    for key, wanted in shape.settings().items():
        found = settings.get(key, "")
        at_least = key in AT_LEAST
        if (at_least and int(found or 0) < int(wanted)) or (not at_least and found != wanted):
            raise _other(name, key, key, found, f"≥ {wanted}" if at_least else wanted)


def gone(name: str, relayed: int) -> Unavailable:
    """For a topic that no longer holds what was relayed to it."""
    return Unavailable(
        f"主题 {name} 缺少已转发的 {relayed} 条事件:请先核对 BIZENV_KAFKA 与 BIZENV_KAFKA_TOPIC_PREFIX 是否为本城市的;"
        "若无误,则主题已被删除或重建,请运行 bizenv relay restart",
        f"the topic {name} lacks some of the {relayed} events relayed to it: see first that BIZENV_KAFKA and "
        "BIZENV_KAFKA_TOPIC_PREFIX are this city's; if they are, the topic was deleted or made anew: run bizenv relay "
        "restart to fill it from the store",
    )


def missing(name: str) -> Unavailable:
    """For whoever reads a topic that is not there."""
    return Unavailable(f"主题 {name} 不存在或尚未建立", f"the topic {name} is not there (yet)")


def made_anew(name: str) -> Unavailable:
    """For whoever was reading a topic when it was deleted and made anew."""
    return Unavailable(
        f"主题 {name} 已被重建,从头读取", f"the topic {name} was made anew, it is read from its beginning"
    )


def _make(cluster: Cluster, name: str, partitions: int, shape: TopicShape) -> None:
    wanted: dict[str, Any] = {
        "num_partitions": partitions,
        "replication_factor": shape.replication,
        "configs": {**shape.settings(), "segment.ms": ANY_MILLISECONDS},  # else files are cut by event time
    }
    try:
        cluster.ask(lambda admin: admin.create_topics({name: wanted}, wait_for_metadata=True))
    except Unavailable as error:
        if not isinstance(error.__cause__, TopicAlreadyExistsError):
            raise
    else:
        log.info("topic made", topic=name, partitions=partitions, replication=shape.replication)


def _other(name: str, chinese: str, english: str, found: str, wanted: str) -> Unavailable:
    return Unavailable(
        f"主题 {name} 的{chinese}为 {found},应为 {wanted},未作任何修改",
        f"the topic {name} has {english} = {found} where {wanted} is needed; nothing was changed",
    )
