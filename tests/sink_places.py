"""The places that a sink can keep its tables in, each as a factory for contract tests, and facts to feed them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Protocol

import msgspec

from services.chassis.bus.port import Source
from services.chassis.domain import Event
from services.chassis.envelope import Envelope, partition_of
from services.chassis.hosting.city import registry_of
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.sinks.database import Checkpoint
from services.chassis.sinks.place import SinkPlace
from services.chassis.sinks.sink import Batch
from services.chassis.views.file import ViewFile
from services.chassis.views.generation_schemas import GenerationSchemas
from services.chassis.views.generations import GenerationFiles, Generations
from services.chassis.views.view import FoldedView, Received, ViewSpec
from tests.sample_service import (
    COUNTER_FACTS,
    CounterAdded,
    CounterHandedOver,
    CounterOpened,
    CounterRenamed,
    Faults,
    counters_view,
    sample_service,
)

PARTITIONS = 4
DAY = date(2017, 3, 1)
REGISTRY = registry_of([sample_service()])


class Places(Protocol):
    """One sink's place, to be opened as often as a test likes, and one service's generations."""

    def open(self) -> SinkPlace: ...

    def generations(self) -> Generations: ...


class Files:
    """In a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> ViewFile:
        return ViewFile(self._folder / "sink.sqlite", durable=False)

    def generations(self) -> GenerationFiles:
        return GenerationFiles(self._folder, durable=False)


class Schemas:
    """In a database of the test."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self) -> PostgresSchema:
        return PostgresSchema(self.url, "sample_sink")

    def generations(self) -> GenerationSchemas:
        return GenerationSchemas(self.url, "sample")


class Totals(msgspec.Struct, frozen=True):
    """What all counters hold, and how many facts made it."""

    by_counter: dict[str, int] = {}
    facts: int = 0


def _total(row: Totals | None, fact: Received) -> Totals:
    before, key = row or Totals(), fact.envelope.entity
    amount = fact.event.amount if isinstance(fact.event, CounterAdded) else 0
    by_counter = {**before.by_counter, key: before.by_counter.get(key, 0) + amount}
    return Totals(dict(sorted(by_counter.items())), before.facts + 1)


TOTALS = FoldedView(
    name="totals",
    row=Totals,
    key=lambda _envelope: "city",
    handlers=dict.fromkeys((CounterOpened, CounterAdded, CounterRenamed), _total),
    shared=True,
)


def sample_views(faults: Faults | None = None) -> tuple[ViewSpec, ...]:
    """One row a stream, the facts themselves, and one row of all streams."""
    return (counters_view(faults or Faults()), COUNTER_FACTS, TOTALS)


class History:
    """Facts of one service in the order of their positions."""

    def __init__(self, service: str = "sample") -> None:
        self.service = service
        self.facts: list[Received] = []
        self._positions = count(1)
        self._versions: dict[str, int] = {}

    def add(self, counter: str, event: Event) -> Received:
        stream = f"counter-{counter}"
        self._versions[stream] = version = self._versions.get(stream, 0) + 1
        envelope = Envelope(
            service=self.service,
            epoch=1,
            position=next(self._positions),
            partition=partition_of(stream, PARTITIONS),
            stream=stream,
            version=version,
            type=event.type,
            occurred_on=event.occurred_on,
            recorded_at=datetime(2017, 3, 1, tzinfo=UTC),
            actor="city_group:wang",
            command_id=f"command-{stream}/{version}",
            command_hash=b"x",
            correlation_id="c",
            causation_id="c",
            traceparent=None,
            data=REGISTRY.encode(event),
        )
        self.facts.append(Received(envelope, event))
        return self.facts[-1]

    def live(self, counters: int, facts: int, seed: int = 1) -> History:
        """Lives of some counters, mixed; now and then one is handed away for good."""
        chance = random.Random(seed)
        names = [f"c{number}" for number in range(counters)]
        for name in names:
            self.add(name, CounterOpened(occurred_on=DAY, unit="130602"))
        for number in range(facts - counters):
            name = chance.choice(names)
            self.add(
                name,
                chance.choice(
                    [
                        CounterAdded(occurred_on=DAY, amount=chance.randint(1, 9)),
                        CounterRenamed(occurred_on=DAY, title=f"第{number}名"),
                    ]
                ),
            )
        self.add(names[0], CounterHandedOver(occurred_on=DAY, unit="none"))
        return self


def batch_of(facts: Iterable[Received], before: Mapping[Source, Checkpoint] | None = None) -> Batch:
    """These facts as a consumer hands them to its sink that stood at `before`."""
    facts = list(facts)
    return Batch(facts, moved_by(facts), before=before or {})


def moved_by(facts: Sequence[Received]) -> dict[Source, Checkpoint]:
    """Where facts lead to."""
    return {
        (at.service, at.partition): Checkpoint(at.epoch, at.position, at.position)
        for at in (fact.envelope for fact in facts)
    }
