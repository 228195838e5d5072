"""What there is on the brokers: topics, how far they reach, when a record was recorded. Shared by a whole process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError, SaslAuthenticationFailedError, UnknownTopicOrPartitionError, for_code

from services.chassis.errors import Unavailable
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.connection import lost, open_client
from services.chassis.kafka.network import leave

REQUEST_MILLISECONDS = 5000
LOOK_SECONDS = 2.0
ABSENT_SECONDS = 0.2
"""How long what was seen of a topic counts, also that no broker answered; and that there is none."""

PEEK_SECONDS = 1.0

CITY_LETTERS = 8
"""So much of a city's id tells its groups from those of another one with the same prefix."""

A = TypeVar("A")
Partition = tuple[str, int]
"""(topic, number)"""


class TopicState(msgspec.Struct, frozen=True):
    """A topic as it is now. Its id changes when it is deleted and made anew."""

    id: str
    partitions: int
    replication: int


class Cluster:
    """Asks the brokers from any thread; opens its connections at the first question. Everything raises Unavailable
    when they don't answer within some seconds."""

    def __init__(self, access: KafkaAccess, topic_prefix: str = "bizenv.") -> None:
        self.access = access
        self._prefix = topic_prefix
        self._admin: KafkaAdminClient | None = None
        self._opening = threading.Lock()
        self._looking = threading.Lock()
        self._watched: set[str] = set()
        self._seen: Mapping[str, TopicState] | Unavailable = {}
        self._seen_at = -LOOK_SECONDS
        self._peeking = threading.Lock()
        self._peeker: KafkaConsumer | None = None

    def topic_of(self, service: str) -> str:
        return f"{self._prefix}{service}.events"

    def heads_topic_of(self, service: str) -> str:
        """Where the signed heads of the service's store are published."""
        return f"{self._prefix}{service}.heads"

    def group_of(self, group: str, store_id: str | None) -> str:
        """As Kafka knows the group of the city that bears the `store_id` (None: of whichever reads these topics): were
        two cities in one group, each would read only some of the partitions."""
        city = "" if store_id is None else f"{store_id[:CITY_LETTERS]}."
        return f"{self._prefix}{city}{group}"

    def watch(self, topic: str) -> TopicState | None:
        """The topic as it was seen at most some seconds ago; None: there is none. One request tells all watched."""
        with self._looking:
            if time.monotonic() >= self._seen_at + self._counts_for(topic):
                self._watched.add(topic)
                self._look_again()
            if isinstance(self._seen, Unavailable):
                raise Unavailable(self._seen.message, self._seen.english)
            return self._seen.get(topic)

    def _counts_for(self, topic: str) -> float:
        if topic not in self._watched:
            return -math.inf
        absent = not isinstance(self._seen, Unavailable) and topic not in self._seen
        return ABSENT_SECONDS if absent else LOOK_SECONDS

    def _look_again(self) -> None:
        try:
            self._seen = self._states(sorted(self._watched))
        except Unavailable as error:
            self._seen = error
        self._seen_at = time.monotonic()

    def look(self, topic: str) -> TopicState | None:
        """The topic as it is now; None: there is none."""
        return self._states([topic]).get(topic)

    def _states(self, topics: list[str]) -> dict[str, TopicState]:
        described = self.ask(lambda admin: admin.describe_topics(topics))
        return {topic["name"]: _state(topic) for topic in described if _is_there(topic)}

    def settings_of(self, topic: str) -> dict[str, str]:
        """The topic's settings by Kafka's names, those that were never set as well; Unavailable where the user may not
        see them."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        found = self.ask(lambda admin: admin.describe_configs([resource], config_filter="all"))
        settings = {name: setting["value"] for name, setting in found["topic"][topic].items()}
        if not settings:  # the library leaves out the reason
            raise Unavailable(
                f"看不到主题 {topic} 的设置,用户缺少 DescribeConfigs 权限",
                f"the settings of the topic {topic} are hidden: the user needs the right DescribeConfigs on it",
            )
        return settings

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Per partition, the offset that the next record will have; nothing of a topic that is not there."""
        states = self._states(list(topics))
        wanted = [TopicPartition(name, number) for name, at in states.items() for number in range(at.partitions)]
        return self._offsets(dict.fromkeys(wanted, OffsetSpec.LATEST)) if wanted else {}

    def starts(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Per partition, the offset of the oldest record kept."""
        return self._offsets({TopicPartition(*partition): OffsetSpec.EARLIEST for partition in partitions})

    def _offsets(self, wanted: Mapping[TopicPartition, Any]) -> dict[Partition, int]:
        try:
            found = self.ask(lambda admin: admin.list_partition_offsets(wanted))
        except Unavailable as error:
            if isinstance(error.__cause__, UnknownTopicOrPartitionError):
                return {}
            raise
        return {(partition.topic, partition.partition): at.offset for partition, at in found.items()}

    def recorded_at(self, places: Mapping[Partition, int]) -> datetime | None:
        """When the oldest record at these offsets was recorded; None when none came within a second."""
        with self._peeking:
            try:
                stamps = self._peek({TopicPartition(*partition): at for partition, at in places.items()})
            except KafkaError as error:
                self._close_peeker()
                raise lost(self.access, error) from error
        return min(stamps, default=None)

    def _peek(self, places: Mapping[TopicPartition, int]) -> list[datetime]:
        if self._peeker is None:
            self._peeker = open_client(KafkaConsumer, self.access, group_id=None, **_PEEKING)
        self._peeker.assign(list(places))
        for partition, offset in places.items():
            self._peeker.seek(partition, offset)
        missing, stamps = set(places), []
        deadline = time.monotonic() + PEEK_SECONDS
        while missing and time.monotonic() < deadline:
            for partition, records in self._peeker.poll(timeout_ms=100, max_records=1).items():
                missing.discard(partition)
                self._peeker.pause(partition)
                stamps.append(datetime.fromtimestamp(records[0].timestamp / 1000, UTC))
        self._peeker.unsubscribe()
        return stamps

    def ask(self, question: Callable[[KafkaAdminClient], A]) -> A:
        """Put a question to the brokers; Unavailable (its cause the library's error) when they don't answer it."""
        admin = self._open()
        try:
            return question(admin)
        except SaslAuthenticationFailedError as error:
            self._close_admin(admin)  # it would raise this for ever, also when the password counts again
            raise lost(self.access, error) from error
        except (KafkaError, RuntimeError) as error:  # it raises RuntimeError when closed from another thread
            raise lost(self.access, error) from error

    def _close_admin(self, admin: KafkaAdminClient) -> None:
        with self._opening:
            if self._admin is admin:
                self._admin = None
        admin.close()

    def _open(self) -> KafkaAdminClient:
        with self._opening:
            if self._admin is None:
                self._admin = open_client(KafkaAdminClient, self.access, request_timeout_ms=REQUEST_MILLISECONDS)
            return self._admin

    def close(self) -> None:
        """Leave the brokers; a later question opens it again."""
        if self._admin is not None:
            self._close_admin(self._admin)
        with self._peeking:
            self._close_peeker()

    def _close_peeker(self) -> None:
        if self._peeker is not None:
            leave(self._peeker, 1000)
        self._peeker = None


_PEEKING: dict[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "max_partition_fetch_bytes": 1024,
    "fetch_max_wait_ms": 50,
    "metrics_enabled": False,
    "allow_auto_create_topics": False,
}


def _is_there(topic: Mapping[str, Any]) -> bool:
    """Raises the broker's error where it doesn't let us look."""
    error = for_code(topic["error_code"])
    if error is UnknownTopicOrPartitionError:
        return False
    if topic["error_code"]:
        raise Unavailable(f"无法读取主题 {topic['name']}", f"can't look at the topic {topic['name']}: {error.__name__}")
    return True


def _state(topic: Mapping[str, Any]) -> TopicState:
    partitions = topic["partitions"]
    replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    return TopicState(str(topic["topic_id"]), len(partitions), replication)
