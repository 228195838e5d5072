"""The bus as a consumer sees it: topics of services, partitions, positions.

Two adapters stand under one contract suite: `EmbeddedBus` reads the event tables themselves (no second copy,
no relay); the Kafka adapter carries the same envelopes as CloudEvents.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore

Source = tuple[str, int]
"""(service, partition): within one source, deliveries come in position order."""


NOT_RECORDED = -1
"""In the place of the previous position: the store does not have the event, or not yet again."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One event as delivered. `previous` is the position before it in its partition (0: it is the first), or
    NOT_RECORDED; `offset` is where the adapter can go on reading after it. `own_epoch`: the envelope names the epoch in
    which the event came to the bus; else the one that its store is in now."""

    envelope: Envelope
    previous: int
    offset: int
    own_epoch: bool = False


class Subscription(Protocol):
    """One consumer's place in a group. Used by one thread only; `wake`, `close` and what measures (`lag`, `size`,
    `behind`, `oldest_unread`) may be called from any.

    Deliveries may repeat and, in faulty networks, be missing or late; the consumer's checkpoints decide. A bus that
    can't be reached raises Unavailable; asked again it goes on where it was.
    """

    @property
    def assignment(self) -> int:
        """A number that changes when sources were assigned anew; 0: none were yet. From then on polls bring nothing of
        a source until `seek` was called for it, each time anew: another member may have moved its checkpoint."""
        ...

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        """Up to `limit` deliveries; waits at most `timeout` seconds for the first. May return fewer or none."""
        ...

    def seek(self, source: Source, offset: int) -> None:
        """Deliver this source again from after `offset` (0: from its beginning). One that isn't assigned is left."""
        ...

    def progress(self) -> Mapping[Source, int]:
        """Per assigned source, the offset up to which everything was delivered: where a restart may go on reading."""
        ...

    def commit(self, progress: Mapping[Source, int]) -> None:
        """Tell the tools that watch the bus how far the consumer got. Returns at once; nothing rests on it."""
        ...

    def lag(self) -> Mapping[str, int]:
        """Per service, how many records of the assigned sources were not delivered yet."""
        ...

    def unheld(self) -> Mapping[Source, int]:
        """The sources that no member of the group reads, and how many records wait in each; none while they are being
        handed out."""
        ...

    def size(self) -> int:
        """How many records there are to read, of all sources of the services."""
        ...

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        """Per service, how many records of all its sources lie behind these offsets."""
        ...

    def oldest_unread(self) -> datetime | None:
        """When the oldest event that was not delivered yet was recorded; None: there is none."""
        ...

    def wake(self) -> None:
        """Let a poll in hand, or else the next one, bring at once what there is now (from any thread)."""
        ...

    def close(self) -> None: ...


class Bus(Protocol):
    """Where a service's consumers subscribe."""

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> Subscription:
        """Read these services' topics, `shared` with the other members of the group, each some of the sources; else
        all of them, as a member of none. Doesn't wait for the bus: polls do."""
        ...

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        """Per service and store epoch, its first position on the bus: of an earlier epoch, what has this position or a
        later one was given up. None where the bus holds only what the stores hold. It may read all there is."""
        ...


class EmbeddedBus:
    """The bus of one machine: it reads the stores' event tables in position order."""

    def __init__(self, stores: Mapping[str, EventStore], gather_seconds: float = 0.0) -> None:
        self._stores = stores
        self._gather_seconds = gather_seconds

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> EmbeddedSubscription:
        return EmbeddedSubscription({name: self._stores[name] for name in services}, self._gather_seconds)

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        """The event tables hold nothing that was given up."""
        return {}


class EmbeddedSubscription:
    """Reads several stores, a page from each in turn. An append in this process wakes it; appends of other
    processes are found by polling.

    A poll after a quiet time brings the first event at once. While events come, a poll that may wait lets them
    gather for `gather_seconds`, unless somebody waits for them (`wake`): a consumer's turn costs the same for one
    event as for many, and turns that follow each other without a pause take the processor from the commands.
    """

    def __init__(self, stores: Mapping[str, EventStore], gather_seconds: float = 0.0) -> None:
        self._stores = dict(stores)
        self._gather_seconds = gather_seconds
        self._coming = False
        self._recent = {name: store.recent for name, store in self._stores.items()}
        self._cursors = dict.fromkeys(stores, 0)
        self._order = list(stores)
        self._last: dict[Source, int] = {}
        self._wanted: dict[str, int] = {}
        self._closed = False
        self._news = threading.Event()
        self._wanted_now = threading.Event()
        for store in self._stores.values():
            store.on_append(self._news.set)

    @property
    def assignment(self) -> int:
        """Always the same: every process reads everything, each source from its beginning until `seek`."""
        return 1

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        self._rewind()
        if self._coming and timeout > 0:
            self._wanted_now.wait(self._gather_seconds)
        found = self._read(limit, whole=timeout <= 0 or self._wanted_now.is_set())
        if not found and timeout > 0 and not self._closed:
            self._news.wait(timeout)
            found = self._read(limit)
        self._coming = 0 < len(found) < limit
        return found

    def seek(self, source: Source, offset: int) -> None:
        service = source[0]
        self._wanted[service] = min(offset, self._wanted.get(service, offset))

    def progress(self) -> Mapping[Source, int]:
        return {
            (service, partition): self._cursors[service]
            for service, store in self._stores.items()
            for partition in range(store.info.partitions)
        }

    def commit(self, progress: Mapping[Source, int]) -> None:
        """Nobody watches but this process."""

    def unheld(self) -> Mapping[Source, int]:
        """Every process reads everything."""
        return {}

    def size(self) -> int:
        return sum(self._heads().values())

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        """One cursor serves all partitions of a service: what lies before the highest offset was read."""
        highest = dict.fromkeys(self._stores, 0)
        for (service, _), offset in offsets.items():
            if service in highest:
                highest[service] = max(highest[service], offset)
        return {name: head - highest[name] for name, head in self._heads().items()}

    def lag(self) -> Mapping[str, int]:
        return {name: head - self._reached(name) for name, head in self._heads().items()}

    def oldest_unread(self) -> datetime | None:
        behind = [name for name, lag in self.lag().items() if lag > 0]
        pages = [self._stores[name].read(self._reached(name), 1) for name in behind]
        return min((page[0].recorded_at for page in pages if page), default=None)

    def _heads(self) -> Mapping[str, int]:
        return {name: store.last_position() for name, store in self._stores.items()}

    def _reached(self, service: str) -> int:
        """Where the next poll goes on: a seek counts from the moment it was asked for."""
        return self._wanted.get(service, self._cursors[service])

    def wake(self) -> None:
        self._wanted_now.set()
        self._news.set()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            for store in self._stores.values():
                store.forget(self._news.set)
        self.wake()

    def _rewind(self) -> None:
        """Carry out the seeks: one cursor serves all partitions of a service, so the lowest wins."""
        for service, offset in self._wanted.items():
            self._cursors[service] = offset
            for source in [known for known in self._last if known[0] == service]:
                del self._last[source]
        self._wanted.clear()

    def _read(self, limit: int, *, whole: bool = True) -> list[Delivery]:
        """`whole`: all there is now; else what others have recorded behind the newest of our own may stay for later."""
        if whole:
            self._wanted_now.clear()
        self._news.clear()
        found: list[Delivery] = []
        for service in tuple(self._order):
            store = self._stores[service]
            page = self._page(service, limit - len(found), whole=whole)
            found.extend(self._delivery(store, envelope) for envelope in page)
            if page:
                self._cursors[service] = page[-1].position
            if len(found) >= limit:
                self._next_first(service)
                break
        return found

    def _page(self, service: str, limit: int, *, whole: bool) -> list[Envelope]:
        """What this process has recorded itself is at hand; the rest is in the database."""
        after = self._cursors[service]
        found = self._recent[service].read(after, limit)
        if found and (len(found) == limit or not whole):
            return found
        return found + self._stores[service].read(after + len(found), limit - len(found))

    def _next_first(self, service: str) -> None:
        """Begin the next page behind this service, so that a busy one does not keep the others waiting."""
        turn = self._order.index(service) + 1
        self._order = self._order[turn:] + self._order[:turn]

    def _delivery(self, store: EventStore, envelope: Envelope) -> Delivery:
        source = (envelope.service, envelope.partition)
        previous = self._last.get(source)
        if previous is None:
            previous = store.previous_in_partition(envelope.partition, envelope.position)
        self._last[source] = envelope.position
        return Delivery(envelope, previous, envelope.position)
