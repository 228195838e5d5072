"""Buses that misbehave as networks do, by a seed, over the real event stores.

`FaultyBus` writes one log per source as a relay over a bad network would: with repeats, late records, and everything
sent again from the relay's checkpoint after a failed send. It delivers the logs in any mixture of sources, loses
records on the way and brings them late, and jumps back as after a rebalance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.chassis.bus.port import Delivery, Source
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore

Fact = tuple[Envelope, int]
"""An event and the position before it in its partition."""


class FaultyBus:
    """Any two subscriptions see the same logs, in mixtures of their own."""

    def __init__(self, stores: Mapping[str, EventStore], seed: int) -> None:
        self._stores = dict(stores)
        self._random = random.Random(seed)
        self._sent = dict.fromkeys(stores, 0)
        self._last: dict[Source, int] = {}
        self.logs: dict[Source, list[Delivery]] = {}
        for name, store in stores.items():
            for partition in range(store.info.partitions):
                self.logs[name, partition] = []

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> FaultySubscription:
        return FaultySubscription(self, services, self._random.randrange(2**32))

    def relay(self) -> None:
        """Send what was recorded since the last time."""
        fresh: dict[Source, list[Fact]] = {}
        for name, store in self._stores.items():
            for envelope in store.scan(self._sent[name]):
                source = (name, envelope.partition)
                fresh.setdefault(source, []).append((envelope, self._last.get(source, 0)))
                self._last[source] = self._sent[name] = envelope.position
        for source, facts in fresh.items():
            self._send(self.logs[source], facts)

    def _send(self, log: list[Delivery], facts: Sequence[Fact]) -> None:
        """Batch by batch; a batch in which one send failed is begun again at the first that failed."""
        chance = self._random
        at = 0
        while at < len(facts):
            batch = facts[at : at + chance.randint(1, 6)]
            failed: int | None = None
            late: list[Fact] = []
            for number, fact in enumerate(batch):
                dice = chance.random()
                if dice < 0.15:
                    failed = number if failed is None else failed
                    late += [fact] * chance.randint(0, 1)
                    continue
                self._put(log, fact)
                if dice < 0.3:
                    self._put(log, fact)
            for fact in late:
                self._put(log, fact)
            at += len(batch) if failed is None else failed
            if chance.random() < 0.1:
                for fact in facts[max(0, at - 4) : at]:
                    self._put(log, fact)

    @staticmethod
    def _put(log: list[Delivery], fact: Fact) -> None:
        log.append(Delivery(fact[0], fact[1], len(log) + 1))

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        return {}

    def heads(self) -> dict[str, int]:
        return {name: store.last_position() for name, store in self._stores.items()}


class FaultySubscription:
    """Reads the logs; what it loses comes late."""

    def __init__(self, bus: FaultyBus, services: Sequence[str], seed: int) -> None:
        self._bus = bus
        self._services = set(services)
        self._random = random.Random(seed)
        self._cursors = {source: 0 for source in bus.logs if source[0] in self._services}
        self._lost: dict[Source, list[Delivery]] = {}
        self.seeks = 0

    @property
    def assignment(self) -> int:
        return 1

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        if not self._open():
            self._bus.relay()
        if self._random.random() < 0.1:
            self._jump_back()
        found: list[Delivery] = []
        while len(found) < limit and (open_sources := self._open()):
            source = self._random.choice(open_sources)
            found += self._read(source, min(self._random.randint(1, 5), limit - len(found)))
        if not found or self._random.random() < 0.2:
            found += self._late()
        return found[:limit] if len(found) <= limit else self._cut(found, limit)

    def _open(self) -> list[Source]:
        return [source for source, at in self._cursors.items() if at < len(self._bus.logs[source])]

    def _read(self, source: Source, count: int) -> list[Delivery]:
        at = self._cursors[source]
        self._cursors[source] = at + count
        found = []
        for delivery in self._bus.logs[source][at : at + count]:
            if self._random.random() < 0.1:
                self._lost.setdefault(source, []).append(delivery)
            else:
                found.append(delivery)
        return found

    def _late(self) -> list[Delivery]:
        late = [delivery for lost in self._lost.values() for delivery in lost]
        self._lost.clear()
        self._random.shuffle(late)
        return late

    def _cut(self, found: list[Delivery], limit: int) -> list[Delivery]:
        for delivery in found[limit:]:
            source = (delivery.envelope.service, delivery.envelope.partition)
            self._lost.setdefault(source, []).append(delivery)
        return found[:limit]

    def _jump_back(self) -> None:
        source = self._random.choice(list(self._cursors))
        self._cursors[source] = max(0, self._cursors[source] - self._random.randint(0, 9))

    def seek(self, source: Source, offset: int) -> None:
        self.seeks += 1
        self._cursors[source] = offset
        self._lost.pop(source, None)

    def progress(self) -> Mapping[Source, int]:
        return {
            source: min([at, *(lost.offset - 1 for lost in self._lost.get(source, ()))])
            for source, at in ((source, min(at, len(self._bus.logs[source]))) for source, at in self._cursors.items())
        }

    def lag(self) -> Mapping[str, int]:
        behind = dict.fromkeys(self._services, 0)
        for source, at in self.progress().items():
            behind[source[0]] += len(self._bus.logs[source]) - at
        return behind

    def oldest_unread(self) -> datetime | None:
        unread = [self._bus.logs[source][at:] for source, at in self.progress().items()]
        return min((log[0].envelope.recorded_at for log in unread if log), default=None)

    def commit(self, progress: Mapping[Source, int]) -> None:
        """Nobody watches."""

    def unheld(self) -> Mapping[Source, int]:
        return {}

    def size(self) -> int:
        return sum(len(log) for source, log in self._bus.logs.items() if source[0] in self._services)

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        behind = dict.fromkeys(self._services, 0)
        for source, log in self._bus.logs.items():
            if source[0] in behind:
                behind[source[0]] += len(log) - offsets.get(source, 0)
        return behind

    def wake(self) -> None:
        """It never lets records gather."""

    def close(self) -> None:
        pass


class ScriptedBus:
    """Delivers exactly the pages it was given, and notes the seeks."""

    def __init__(self, pages: Sequence[Sequence[Delivery]]) -> None:
        self.pages = [list(page) for page in pages]
        self.seeks: list[tuple[Source, int]] = []
        self.delivered: dict[Source, int] = {}
        self.assignment = 1

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> ScriptedBus:
        return self

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        return {}

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        page = self.pages.pop(0) if self.pages else []
        for delivery in page:
            source = (delivery.envelope.service, delivery.envelope.partition)
            self.delivered[source] = max(delivery.offset, self.delivered.get(source, 0))
        return page

    def seek(self, source: Source, offset: int) -> None:
        self.seeks.append((source, offset))

    def progress(self) -> Mapping[Source, int]:
        return self.delivered

    def commit(self, progress: Mapping[Source, int]) -> None:
        """Nobody watches."""

    def lag(self) -> Mapping[str, int]:
        return {}

    def unheld(self) -> Mapping[Source, int]:
        return {}

    def size(self) -> int:
        return 0

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        return {}

    def oldest_unread(self) -> datetime | None:
        return None

    def wake(self) -> None:
        """It never lets records gather."""

    def close(self) -> None:
        pass
