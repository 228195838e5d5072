"""The library's consumer, held so that nothing is read of a partition before its owner has said from where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.cluster import Cluster, Partition
from services.chassis.kafka.connection import lost, open_client
from services.chassis.kafka.network import leave
from services.chassis.kafka.records import Record
from services.chassis.kafka.topics import missing
from services.chassis.telemetry.logs import logger

log = logger(__name__)

READING: dict[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # an offset that is not there is our affair
    "allow_auto_create_topics": False,
    "session_timeout_ms": 10_000,  # after which others take over from one that was killed
    "heartbeat_interval_ms": 2_000,
    "request_timeout_ms": 15_000,
    "metadata_max_age_ms": 30_000,
    "fetch_max_wait_ms": 250,  # a seek while nothing comes waits for the fetch in hand
    "fetch_max_bytes": 1024 * 1024,  # in memory it is many times that, and two consumers catch up side by side
    "max_partition_fetch_bytes": 256 * 1024,
    "metrics_enabled": False,
}
LEAVE_MILLISECONDS = 2000


class Reader:
    """One connection to some topics: as member of a group, or (None) of all their partitions. Used by one thread.

    Partitions that were newly assigned stand still until `seek`. Every method raises Unavailable where the brokers
    don't answer; the reader is then of no further use but for `close`.
    """

    def __init__(self, cluster: Cluster, group: str | None, topics: Mapping[str, int]) -> None:
        """`topics`: the number of partitions of each."""
        self.assignments = 0
        """How often partitions were assigned."""
        self._access: KafkaAccess = cluster.access
        self._cluster = cluster
        self._group = group
        self._assigned: frozenset[Partition] = frozenset()
        self._client = open_client(KafkaConsumer, self._access, group_id=group, **READING)
        self._know(topics)
        if group is None:
            everything = [TopicPartition(topic, number) for topic, count in topics.items() for number in range(count)]
            self._client.assign(everything)
            self.take_over(everything)
        else:
            self._client.subscribe(list(topics), listener=_Handover(self))
            self._know(topics)

    def _know(self, topics: Iterable[str]) -> None:
        """Wait until the client knows these topics. One that subscribes while it still asks for others misses them for
        as long as it keeps what it was told, and as leader of the group assigns none of their partitions; one that
        joins before it has asked for them joins a second time."""
        try:
            there = self._client.topics()
        except (KafkaError, RuntimeError) as error:
            self.close()
            raise lost(self._access, error) from error
        for topic in topics:
            if topic not in there:
                self.close()
                raise missing(topic)

    @property
    def assigned(self) -> frozenset[Partition]:
        return self._assigned

    def take_over(self, partitions: Collection[TopicPartition]) -> None:
        """These are ours now, and no others. Called by the library on its own thread, within `read`."""
        for partition in partitions:
            self._client.pause(partition)
            self._client.seek(partition, 0)  # else the library would ask for committed offsets
        self._assigned = frozenset((partition.topic, partition.partition) for partition in partitions)
        self.assignments += 1

    def let_go(self) -> None:
        """None are ours until `take_over`: the library answers no question about what it gave back."""
        self._assigned = frozenset()

    def seek(self, partition: Partition, offset: int) -> None:
        """Read this assigned partition from here on."""
        where = TopicPartition(*partition)
        if where in self._client.assignment():  # it may have been taken away since
            self._client.seek(where, offset)
            self._client.resume(where)

    def read(self, seconds: float, limit: int) -> dict[Partition, list[Record]]:
        """What comes within this time, at most `limit` records; from the oldest on where an offset is not there."""
        try:
            found = self._client.poll(timeout_ms=max(0, round(seconds * 1000)), max_records=limit)
        except OffsetOutOfRangeError as error:
            return self._begin_again(error.args[0])
        except LogTruncationError as error:
            return self._begin_again(error.divergent_offsets)
        except (KafkaError, RuntimeError) as error:
            raise lost(self._access, error) from error
        return {(partition.topic, partition.partition): records for partition, records in found.items()}

    def _begin_again(self, places: Iterable[TopicPartition]) -> dict[Partition, list[Record]]:
        partitions: list[Partition] = [(place.topic, place.partition) for place in places]
        for (topic, number), start in self._cluster.starts(partitions).items():
            log.warning("topic was cut or made anew, reading it from its beginning", topic=topic, partition=number)
            self.seek((topic, number), start)
        return {}

    def positions(self) -> dict[Partition, int]:
        """Per assigned partition, the offset read next; what is no record (marks of transactions) is passed over."""
        try:
            return {place: self._client.position(TopicPartition(*place), timeout_ms=0) for place in self._assigned}
        except KafkaError as error:
            raise lost(self._access, error) from error

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Let Kafka keep these offsets, for the tools that watch groups. Returns at once; a failure is only logged."""
        told = {
            TopicPartition(*partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
            if partition in self._assigned
        }
        if self._group is not None and told:
            self._client.commit_async(told, callback=_note_commit)

    def close(self) -> None:
        """Leave the group, so that others take over at once; within some seconds, whether brokers answer or not."""
        try:
            leave(self._client, LEAVE_MILLISECONDS)
        except (KafkaError, RuntimeError) as error:
            log.info("left Kafka without a word", reason=str(error))


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc]
    """Told by the library which partitions are ours."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """What was read of them and not applied yet is refused by the checkpoint."""
        self._reader.let_go()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._reader.take_over(assigned)

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """They will be assigned again, to us or others."""
        self._reader.let_go()


def _note_commit(_offsets: object, response: object) -> None:
    if isinstance(response, Exception):
        log.info("offsets not committed", reason=str(response) or type(response).__name__)
