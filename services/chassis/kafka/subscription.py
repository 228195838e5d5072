"""What one consumer reads of the topics: its partitions, where it stands in them, and the records made deliveries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from services.chassis.bus.port import Delivery, Source
from services.chassis.errors import Unavailable
from services.chassis.kafka.cluster import Cluster, Partition
from services.chassis.kafka.group import unheld
from services.chassis.kafka.reader import Reader
from services.chassis.kafka.recorded_events import RecordedEvents
from services.chassis.kafka.records import Foreigners, Record, RecordAt
from services.chassis.kafka.topics import made_anew, missing
from services.chassis.registry import MalformedEvent
from services.chassis.telemetry.logs import logger

log = logger(__name__)

SLICE_SECONDS = 0.2
"""For how long a poll keeps others from closing the subscription."""

LEAST_SECONDS = 0.02
"""A poll that shall not wait waits so long: what was asked of the brokers is under way for some milliseconds."""

GATHERED = 4
"""A poll that brought one in so many of what it may bring has enough: more lies ready at the brokers, and a fetch
seldom brings a whole batch."""

COMMIT_SECONDS = 1.0
QUIET_SECONDS = 1.0


class KafkaSubscription:
    """Connects at its first poll, and anew at the next one after it lost the brokers.

    A poll after a quiet time brings the first events at once. While few come at a time, a poll that may wait lets them
    gather for `gather_seconds`, unless somebody waits for them (`wake`), as on the bus of one machine.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str | None,
        services: Sequence[str],
        check: Callable[[Record, str], Delivery],
        foreigners: Foreigners,
        gather_seconds: float = 0.0,
        require_city: Callable[[str], None] = lambda _: None,
        *,
        recorded: RecordedEvents | None = None,
    ) -> None:
        """`check` makes a record a delivery; it raises MalformedEvent for one to be skipped. `recorded` knows what the
        stores have (None: that is not asked). `require_city` raises Unavailable for a service
        whose topic is not ours: then no group is joined."""
        self._cluster = cluster
        self._group = group
        self._check = check
        self._topics = {cluster.topic_of(service): service for service in services}
        self._ids: dict[str, str] = {}
        self._foreigners = foreigners
        self._require_city = require_city
        self._gather_seconds = gather_seconds
        self._recorded = recorded
        self._reader: Reader | None = None
        self._using = threading.Lock()
        self._taken = 0
        self._assignment = 0
        self._positions: dict[Source, int] = {}
        self._held: set[Source] = set()
        self._anew: set[Source] = set()
        self._to_commit: Mapping[Source, int] = {}
        self._next_commit = self._next_quiet = 0.0
        self._coming = False
        self._closed = False
        self._wanted_now = threading.Event()

    @property
    def assignment(self) -> int:
        return self._assignment

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        if self._coming and timeout > 0:
            self._wanted_now.wait(self._gather_seconds)
        self._wanted_now.clear()
        deadline = time.monotonic() + max(timeout, LEAST_SECONDS)
        found: list[Delivery] = []
        while not found and not self._closed and (left := deadline - time.monotonic()) > 0:
            with self._using:
                found = self._read(min(left, SLICE_SECONDS), limit)
            if self._held:
                break
        if self._closed:
            self._leave()
        self._coming = 0 < len(found) < limit / GATHERED
        return found

    def _read(self, seconds: float, limit: int) -> list[Delivery]:
        if self._closed:
            return []
        reader = self._open()
        self._require_topics()
        try:
            found = reader.read(seconds, limit)
        except Unavailable:
            self._drop()
            raise
        if reader.assignments != self._taken:
            self._take_over(reader)
            return []
        self._tell(reader)
        if not found:
            self._pass_over(reader)
        return self._kept([each for place, records in found.items() for each in self._deliveries(place, records)])

    def _kept(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Without what its stores have not recorded."""
        if self._recorded is None or not deliveries:
            return deliveries
        return self._recorded.keep(deliveries, self._refuse)

    def _refuse(self, delivery: Delivery, reason: MalformedEvent) -> None:
        source = (delivery.envelope.service, delivery.envelope.partition)
        self._foreigners.note(RecordAt(*self._place(source), delivery.offset - 1), source[0], reason)

    def _open(self) -> Reader:
        if self._reader is None:
            states = {topic: self._cluster.watch(topic) for topic in self._topics}
            found = {topic: state for topic, state in states.items() if state is not None}
            for topic in self._topics:
                if topic not in found:
                    raise missing(topic)
            for service in self._topics.values():
                self._require_city(service)
            partitions = {topic: state.partitions for topic, state in found.items()}
            self._reader = Reader(self._cluster, self._group, partitions)
            self._taken = 0
        return self._reader

    def _require_topics(self) -> None:
        """Raise Unavailable for a topic that is gone. One that was made anew is begun at its beginning: positions tell
        what was there before."""
        for topic, service in self._topics.items():
            state = self._cluster.watch(topic)
            if state is None:
                raise missing(topic)
            if self._ids.setdefault(topic, state.id) != state.id:
                self._ids[topic] = state.id
                self._anew |= {(service, number) for number in range(state.partitions)}
                self._drop()
                raise made_anew(topic)

    def _take_over(self, reader: Reader) -> None:
        self._taken = reader.assignments
        self._positions = {self._source(place): 0 for place in reader.assigned}
        self._held = set(self._positions)
        self._assignment += 1
        log.info("partitions assigned", group=self._group, partitions=len(self._positions))

    def _source(self, place: Partition) -> Source:
        return self._topics[place[0]], place[1]

    def _place(self, source: Source) -> Partition:
        return self._cluster.topic_of(source[0]), source[1]

    def _deliveries(self, place: Partition, records: Sequence[Record]) -> list[Delivery]:
        source = self._source(place)
        found: list[Delivery] = []
        for record in records:
            try:
                found.append(self._check(record, source[0]))
            except MalformedEvent as error:
                self._foreigners.note(record, source[0], error)
        self._positions[source] = records[-1].offset + 1
        return found

    def _pass_over(self, reader: Reader) -> None:
        """Now and then while nothing comes: the end of a partition may be no record."""
        if time.monotonic() >= self._next_quiet and not self._held:
            self._next_quiet = time.monotonic() + QUIET_SECONDS
            self._positions |= {self._source(place): at for place, at in reader.positions().items()}

    def seek(self, source: Source, offset: int) -> None:
        with self._using:
            if self._reader is not None and source in self._positions:
                at = 0 if source in self._anew else offset
                self._anew.discard(source)
                self._reader.seek(self._place(source), at)
                self._positions[source] = at
                self._held.discard(source)

    def progress(self) -> Mapping[Source, int]:
        return dict(self._positions)

    def commit(self, progress: Mapping[Source, int]) -> None:
        self._to_commit = dict(progress)

    def _tell(self, reader: Reader) -> None:
        if self._to_commit and time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + COMMIT_SECONDS
            reader.commit({self._place(source): offset for source, offset in self._to_commit.items()})
            self._to_commit = {}

    def lag(self) -> Mapping[str, int]:
        behind = dict.fromkeys(self._topics.values(), 0)
        for (service, _), left in self._unread().items():
            behind[service] += left
        return behind

    def _unread(self) -> dict[Source, int]:
        """Per assigned source, how many records were not delivered; a source that waits for its seek is unread."""
        ends = self._cluster.ends(self._topics)
        places = self.progress()
        return {source: max(0, ends.get(self._place(source), at) - at) for source, at in places.items()}

    def unheld(self) -> Mapping[Source, int]:
        found = {} if self._group is None else unheld(self._cluster, self._group, self._topics)
        return {self._source(place): left for place, left in found.items()}

    def oldest_unread(self) -> datetime | None:
        places = self.progress()
        unread = {self._place(source): places[source] for source, left in self._unread().items() if left}
        return self._cluster.recorded_at(unread) if unread else None

    def size(self) -> int:
        return sum(self._cluster.ends(self._topics).values())

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        behind = dict.fromkeys(self._topics.values(), 0)
        for place, end in self._cluster.ends(self._topics).items():
            source = self._source(place)
            behind[source[0]] += max(0, end - offsets.get(source, 0))
        return behind

    def wake(self) -> None:
        self._wanted_now.set()

    def close(self) -> None:
        """Leave the group; a poll in hand that can't be waited for does it at its end."""
        self._closed = True
        self.wake()
        self._leave()

    def _leave(self) -> None:
        if self._using.acquire(timeout=2 * SLICE_SECONDS):
            try:
                self._drop()
            finally:
                self._using.release()

    def _drop(self) -> None:
        reader, self._reader = self._reader, None
        self._positions = {}
        self._held = set()
        if reader is not None:
            reader.close()
