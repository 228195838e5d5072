"""A consumer whose checkpoint is no event of its partition is found, and set right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.holes import Rereads
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Source
from services.chassis.event_store import EventStore
from services.chassis.sinks.astray import astray, mend_checkpoints
from services.chassis.sinks.checkpoints import Checkpoint, LostPlace
from services.chassis.sinks.database import SinkDatabase
from services.chassis.sinks.sink import Batch
from tests.faulty_bus import FaultyBus
from tests.followers import REGISTRY, record
from tests.stores import make_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        record(made, 40)
        yield made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SinkDatabase]:
    with closing(SinkDatabase(tmp_path / "reactions.sqlite", durable=False)) as made:
        yield made


class Place(NamedTuple):
    """A position that lies between two of a partition's."""

    source: Source
    before: int
    wrong: int
    after: int


def place_in(store: EventStore) -> Place:
    positions: dict[int, int] = {}
    for envelope in store.scan():
        before = positions.get(envelope.partition, 0)
        if before and envelope.position > before + 1:
            return Place((store.service, envelope.partition), before, before + 1, envelope.position)
        positions[envelope.partition] = envelope.position
    raise AssertionError("no partition has a gap")


def put(database: SinkDatabase, checkpoints: dict[Source, Checkpoint]) -> None:
    with database.engine.begin() as connection:
        database.checkpoints.put(connection, checkpoints)


def test_only_what_is_no_event_of_its_partition_is_astray(store: EventStore) -> None:
    place = place_in(store)
    right = {
        (store.service, number): Checkpoint(1, store.previous_in_partition(number, 10**6), 7) for number in range(8)
    }
    assert astray(store, right) == {}
    assert astray(store, {("another", 0): Checkpoint(1, place.wrong)}) == {}
    assert astray(store, {place.source: Checkpoint(1, 10**6)}) == {}, "the store may have lost it: told elsewhere"
    wrong = {place.source: Checkpoint(1, place.wrong)}
    assert astray(store, {**right, **wrong}) == wrong


def test_a_checkpoint_is_set_back_to_the_event_before_it_and_no_other_is_moved(
    store: EventStore, database: SinkDatabase
) -> None:
    place = place_in(store)
    assert mend_checkpoints(database, {store.service: store}) == {}
    others = {("sample", 99): Checkpoint(1, 0, 3), ("another", 1): Checkpoint(2, 10, 3)}
    put(database, {place.source: Checkpoint(1, place.wrong, 44), **others})
    assert mend_checkpoints(database, {store.service: store}) == {place.source: (place.wrong, place.before)}
    assert database.read_checkpoints() == {place.source: Checkpoint(0, place.before), **others}
    assert mend_checkpoints(database, {store.service: store}) == {}


class Noting:
    """A sink that notes what it is given."""

    name = "noting"

    def __init__(self, database: SinkDatabase) -> None:
        self.database = database
        self.seen: list[int] = []

    def apply(self, batch: Batch) -> None:
        with self.database.engine.begin() as connection:
            batch.write_progress(connection, self.database)
        self.seen += [fact.envelope.position for fact in batch.facts]

    def forget(self) -> None:
        """Nothing is at hand."""


def test_a_consumer_at_work_takes_it_up_and_misses_nothing(store: EventStore, database: SinkDatabase) -> None:
    place = place_in(store)
    put(database, {place.source: Checkpoint(1, place.wrong, 0)})
    sink, bus, seconds = Noting(database), FaultyBus({store.service: store}, 1), [0.0]
    intake = Intake(sink, REGISTRY, lambda: store.read(0, 1)[0].recorded_at, 100)
    intake._holes.rereads = Rereads("noting", lambda: seconds[0])
    consumer = Consumer("noting", bus, [store.service], [intake])
    for _ in range(100):
        seconds[0] += 0.1
        consumer.turn(0)
    assert place.source in intake.missing
    mend_checkpoints(database, {store.service: store})
    head = max(envelope.position for envelope in store.scan() if envelope.partition == place.source[1])
    for _ in range(3000):
        seconds[0] += 1.0
        consumer.turn(0)
        if intake.checkpoints[place.source].position == head:
            break
    consumer.stop()
    mine = [event.position for event in store.scan() if event.partition == place.source[1]]
    assert [at for at in sink.seen if at in mine] == [at for at in mine if at > place.before]
    assert consumer.failure is None


def test_a_checkpoint_that_was_moved_meanwhile_is_left(store: EventStore, database: SinkDatabase) -> None:
    place = place_in(store)
    at = Checkpoint(1, place.wrong, 44)
    put(database, {place.source: at})
    read = database.read_checkpoints

    def moved_after() -> dict[Source, Checkpoint]:
        found = read()
        put(database, {place.source: msgspec.structs.replace(at, offset=45)})
        return found

    database.read_checkpoints = moved_after  # type: ignore[method-assign]
    with pytest.raises(LostPlace):
        mend_checkpoints(database, {store.service: store})
