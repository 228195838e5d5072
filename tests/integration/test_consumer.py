"""The consumer: whatever a bus and a disk do to it, the views are what a replay from zero makes of the facts."""

from __future__ import annotations

import contextlib
import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.epochs import ConsumerStopped, GivenUp
from services.chassis.bus.holes import Rereads
from services.chassis.bus.intake import QUIET_OFFSETS, Intake
from services.chassis.bus.port import Bus, Delivery, EmbeddedBus, Source
from services.chassis.bus.sorting import START
from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.event_store import Append, Appended, EventStore, NewEvent
from services.chassis.hosting.city import registry_of
from services.chassis.sinks.sink import Batch, ViewSink
from services.chassis.telemetry.metrics import METRICS
from services.chassis.time.instants import instant_of
from services.chassis.views.database import ViewDatabase
from services.chassis.views.view import Handler, Received, ViewSpec
from tests.faulty_bus import FaultyBus, ScriptedBus
from tests.full_disk import FullDisk
from tests.sample_service import (
    COUNTER_FACTS,
    CounterAdded,
    CounterHandedOver,
    CounterOpened,
    CounterRenamed,
    Faults,
    counters_view,
    new_id,
    sample_service,
)
from tests.stores import RECORDED_AT, make_store, version_of

DAY = date(2017, 3, 1)
REGISTRY = registry_of([sample_service()])
SERVICES = ("east", "west")
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A seed is not made simpler by being made smaller."""
OPENED = CounterOpened(occurred_on=DAY, unit="130602")


def added(amount: int) -> CounterAdded:
    return CounterAdded(occurred_on=DAY, amount=amount)


def renamed(title: str) -> CounterRenamed:
    return CounterRenamed(occurred_on=DAY, title=title)


def record(store: EventStore, stream: str, *events: Event | NewEvent) -> None:
    """Record facts as one command would, bad ones too."""
    news = [e if isinstance(e, NewEvent) else NewEvent(e.type, e.occurred_on, REGISTRY.encode(e)) for e in events]
    command_id = new_id()
    outcome = store.append_now(
        Append(
            stream=stream,
            expected_version=version_of(store, stream),
            command_id=command_id,
            command_hash=b"x",
            events=tuple(news),
            recorded_at=RECORDED_AT,
            actor="city_group:wang",
            correlation_id=command_id,
            causation_id=command_id,
        )
    )
    assert isinstance(outcome, Appended)


def record_lives(store: EventStore, seed: int, counters: int, events: int) -> None:
    """Lives of some counters, mixed; names of counters begin with the service's."""
    chance = random.Random(seed)
    names = [f"counter-{store.service}{n}" for n in range(counters)]
    for name in names:
        record(store, name, OPENED)
    for _ in range(events - counters):
        record(
            store, chance.choice(names), chance.choice([added(chance.randint(1, 9)), renamed(f"n{chance.random()}")])
        )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EventStore]]:
    """Two services with 60 facts each, for tests that only read them."""
    folder = tmp_path_factory.mktemp("stores")
    made = {name: make_store(folder / f"{name}.sqlite", name, partitions=4) for name in SERVICES}
    for number, store in enumerate(made.values()):
        record_lives(store, number, 7, 60)
    yield made
    for store in made.values():
        store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "east.sqlite", "east", partitions=4)) as made:
        yield made


def now() -> datetime:
    return datetime(2017, 3, 1, tzinfo=UTC)


class Reader:
    """A consumer of views in one file, which can be started again as after a crash."""

    def __init__(self, path: Path, bus: Bus, services: Sequence[str] = ("east",), **how: Any) -> None:
        self.path = path
        self._bus = bus
        self._services = services
        self._views: Sequence[ViewSpec] = how.get("views") or (
            counters_view(how.get("faults") or Faults()),
            COUNTER_FACTS,
        )
        self._park_limit = how.get("park_limit", 100)
        self._batch = how.get("batch", 500)
        self._ahead = how.get("ahead", False)
        self._on_open: Callable[[Engine], None] | None = how.get("on_open")
        self.database: ViewDatabase
        self._start()

    def _start(self) -> None:
        self.database = ViewDatabase(self.path, self._views, REGISTRY, durable=False)
        if self._on_open is not None:
            self._on_open(self.database.engine)
        self.intake = Intake(ViewSink("views", self.database), REGISTRY, now, self._park_limit)
        self.consumer = Consumer(
            "views", self._bus, self._services, [self.intake], batch=self._batch, ahead=self._ahead
        )

    def restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        self.consumer.stop()
        self.database.close()

    def row(self, counter: str) -> Any:
        return self.database.load("counters", [counter]).get(counter)

    def retry(self) -> None:
        """Ask for all parked streams to be tried again, and let the consumer look around."""
        self.database.request_retry()
        self.consumer._next_look = 0.0
        self.consumer.step()


def replayed(path: Path, stores: Mapping[str, EventStore], faults: Faults | None = None) -> dict[str, str]:
    """Checksums of the views that a replay from zero over the stores themselves makes."""
    database = ViewDatabase(path, (counters_view(faults or Faults()), COUNTER_FACTS), REGISTRY, durable=False)
    with closing(database):
        catch_up(EmbeddedBus(stores), list(stores), Intake(ViewSink("replay", database), REGISTRY, now, 100))
        return database.checksum()


def heads_of(stores: Mapping[str, EventStore]) -> dict[Source, int]:
    """The last position of each partition that has events."""
    return {(name, event.partition): event.position for name, store in stores.items() for event in store.scan()}


def reached(intake: Intake, heads: Mapping[Source, int]) -> bool:
    return all(intake.checkpoints.get(source, START).position == head for source, head in heads.items())


def deliveries(store: EventStore) -> list[Delivery]:
    """All events of a store as its bus delivers them."""
    with closing(EmbeddedBus({store.service: store}).subscribe("all", [store.service])) as subscription:
        return subscription.poll(0.0, 10_000)


# --- any delivery -------------------------------------------------------------------------------------------------


class Trouble:
    """A database in which statements fail now and then, by a seed; a write has then gone before its checkpoint."""

    def __init__(self, seed: int, rate: float) -> None:
        self._random = random.Random(seed)
        self._rate = rate

    def put_on(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._before)

    def _before(self, *arguments: Any) -> None:
        statement: str = arguments[2]
        if statement.startswith(("INSERT", "UPDATE", "DELETE")) and self._random.random() < self._rate:
            raise OperationalError(statement, None, sqlite3.OperationalError("database is locked"))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(seed=st.integers(0, 2**32), batch=st.sampled_from([1, 3, 20, 500]), ahead=st.booleans())
def test_any_delivery_and_any_crash_make_the_views_of_a_replay(
    stores: dict[str, EventStore], tmp_path_factory: pytest.TempPathFactory, seed: int, batch: int, ahead: bool
) -> None:
    folder = tmp_path_factory.mktemp("views")
    chance = random.Random(seed)
    heads = heads_of(stores)
    bus = FaultyBus(stores, seed)
    how = {"batch": batch, "ahead": ahead, "on_open": Trouble(seed, 0.1).put_on}
    with closing(Reader(folder / "views.sqlite", bus, SERVICES, **how)) as reader:
        for _ in range(5_000):
            if reached(reader.intake, heads):
                break
            if chance.random() < 0.02:
                reader.restart()
            with contextlib.suppress(OperationalError):
                reader.consumer.step()
        assert reached(reader.intake, heads)
        assert reader.database.checksum() == replayed(folder / "replay.sqlite", stores)
        facts = reader.database.facts("counter_facts")
        assert len(facts) == sum(store.last_position() for store in stores.values())
        for name, row in reader.database.rows("counters"):
            assert list(row.trail) == [fact.version for fact in facts if fact.key == name], "each once and in order"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_any_order_across_streams_makes_the_same_views(
    stores: dict[str, EventStore], tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Handlers rely on the order within one stream only."""
    chance = random.Random(seed)
    streams: dict[str, list[Received]] = {}
    for store in stores.values():
        for envelope in store.scan():
            fact = Received(envelope, REGISTRY.decode(envelope.type, envelope.data))
            streams.setdefault(envelope.stream, []).append(fact)
    shuffled: list[Received] = []
    while streams:
        stream = chance.choice(list(streams))
        shuffled.append(streams[stream].pop(0))
        if not streams[stream]:
            del streams[stream]
    folder = tmp_path_factory.mktemp("views")
    database = ViewDatabase(folder / "views.sqlite", (counters_view(Faults()), COUNTER_FACTS), REGISTRY, durable=False)
    with closing(database):
        sink = ViewSink("views", database)
        while shuffled:
            size = chance.randint(1, 40)
            sink.apply(Batch(shuffled[:size]))
            del shuffled[:size]
        assert database.checksum() == replayed(folder / "replay.sqlite", stores)


# --- holes --------------------------------------------------------------------------------------------------------


def test_a_hole_is_read_again_from_the_checkpoint_and_nothing_behind_it_is_applied(
    store: EventStore, tmp_path: Path
) -> None:
    record(store, "counter-a", OPENED, added(1), added(2), added(3))
    first, second, third, fourth = deliveries(store)
    source = ("east", first.envelope.partition)
    bus = ScriptedBus([[first, third], [third, fourth], [second, third], [third, fourth]])
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        bus.seeks.clear()
        reader.consumer.step()
        assert bus.seeks == [(source, first.offset)]
        assert reader.row("a").trail == (1,)
        reader.consumer.step()
        assert bus.seeks == [(source, first.offset)], "it was read again from there already: reading goes on"
        reader.consumer.step()
        assert bus.seeks[1:] == [(source, third.offset)], "the fourth was seen and not applied"
        reader.consumer.step()
        assert reader.row("a").trail == (1, 2, 3, 4)
        assert not reader.intake.has_holes


def test_a_hole_at_the_end_is_read_again_when_nothing_more_comes_and_less_and_less_often(
    store: EventStore, tmp_path: Path
) -> None:
    record(store, "counter-a", OPENED, added(1), added(2))
    first, second, third = deliveries(store)
    source = ("east", first.envelope.partition)
    bus, clock = ScriptedBus([[first, third]]), [0.0]
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        reader.intake._holes.rereads = Rereads("views", lambda: clock[0])
        bus.seeks.clear()
        for clock[0] in (0.0, 0.1, 0.2, 0.9, 1.2, 2.0, 3.3, 5.0, 7.4):
            reader.consumer.step()
        assert bus.seeks == [(source, first.offset)] * 2 + [(source, 0)] * 3
        assert reader.intake.missing == {source}
        assert METRICS.consumer_missing.labels("views")._value.get() == 1
        bus.pages = [[first, second, third]]
        reader.consumer.step()
        assert not reader.intake.has_holes
        assert METRICS.consumer_missing.labels("views")._value.get() == 0


def test_a_hole_is_read_again_and_told_while_other_sources_deliver_all_the_time(
    store: EventStore, tmp_path: Path
) -> None:
    """And not before its last reading came as far as it was: it would never get there."""
    record(store, "counter-a", OPENED, added(1), added(2))
    record(store, "counter-b", OPENED, *(added(1) for _ in range(1200)))
    first, _, third, *others = deliveries(store)
    source = ("east", first.envelope.partition)
    bus, clock = ScriptedBus([[first, third], *([other] for other in others)]), [0.0]
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        reader.intake._holes.rereads = Rereads("views", lambda: clock[0])
        bus.seeks.clear()
        for clock[0] in range(300):
            reader.consumer.step()
        assert bus.seeks.count((source, 0)) == 8, "after 1, 2, 4 … seconds"
        assert reader.intake.missing == {source}
        assert METRICS.consumer_missing.labels("views")._value.get() == 1
        bus.seeks.clear()
        bus.delivered[source] = first.offset  # as a bus that was sent back: it has not come to the hole again
        for clock[0] in range(300, 1200):
            reader.consumer.step()
        assert bus.seeks == []


def test_a_catch_up_ends_without_what_the_bus_does_not_have(
    store: EventStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record far ahead in its partition: all facts are applied, and the rest can't be waited for."""
    record(store, "counter-a", OPENED, added(1))
    *_, last = facts = deliveries(store)
    far = Delivery(msgspec.structs.replace(last.envelope, position=10**6, version=99), 10**5, last.offset + 1)
    bus = FaultyBus({}, 0)
    bus.logs["east", last.envelope.partition] = [*facts, far]
    clock = itertools.count()
    database = ViewDatabase(tmp_path / "views.sqlite", (COUNTER_FACTS,), REGISTRY, durable=False)
    with closing(database):
        intake = Intake(ViewSink("replay", database), REGISTRY, now, 100)
        intake._holes.rereads = Rereads("replay", lambda: float(next(clock)))
        catch_up(bus, ["east"], intake)
        assert intake.checkpoints["east", last.envelope.partition].position == last.envelope.position
        assert intake.missing == {("east", last.envelope.partition)}
    assert f"east/{last.envelope.partition}" in capsys.readouterr().out


def test_what_was_sent_late_may_lie_further_on_than_a_batch_reaches(store: EventStore, tmp_path: Path) -> None:
    """A log 1, 3 … 9, 2, 3 … 9 read in pages of two: going back each time would never reach 2."""
    record(store, "counter-a", OPENED, *(added(n) for n in range(8)))
    first, second, *rest = deliveries(store)
    bus = FaultyBus({}, 0)
    source = ("east", first.envelope.partition)
    bus.logs[source] = [
        Delivery(d.envelope, d.previous, offset) for offset, d in enumerate([first, *rest, second, *rest], 1)
    ]
    with closing(Reader(tmp_path / "views.sqlite", bus, batch=2)) as reader:
        for _ in range(200):
            reader.consumer.step()
        assert reader.row("a").trail == tuple(range(1, 10))


def test_no_checkpoint_leads_past_a_hole(store: EventStore, tmp_path: Path) -> None:
    """Nor does that of another source, which a restart reads on from."""
    record(store, "counter-a", OPENED, added(1), added(2))
    record(store, "counter-b", OPENED)
    first, second, third, other = deliveries(store)
    source = ("east", first.envelope.partition)
    assert source != ("east", other.envelope.partition)
    bus = ScriptedBus([[first, third], [other], [second, third]])
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        for _ in range(2):
            reader.consumer.step()
            assert reader.database.read_checkpoints()[source].offset == first.offset
        reader.consumer.step()
        assert reader.database.read_checkpoints()[source].offset == third.offset


def test_repeats_and_older_records_change_nothing(store: EventStore, tmp_path: Path) -> None:
    record(store, "counter-a", OPENED, added(1), added(2))
    first, second, third = deliveries(store)
    bus = ScriptedBus([[first, first, second], [first, second], [second, third, third], [first, second, third]])
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        for _ in range(4):
            reader.consumer.step()
        assert reader.row("a").trail == (1, 2, 3)
        assert len(reader.database.facts("counter_facts")) == 3
        assert bus.seeks == []


# --- poison -------------------------------------------------------------------------------------------------------


def bad(type_string: str, data: bytes) -> NewEvent:
    return NewEvent(type_string, DAY, data)


POISON: dict[str, Event | NewEvent] = {
    "no JSON": bad(CounterAdded.type, b'{"amount": '),
    "wrong type": bad(CounterAdded.type, b'{"amount": "many", "occurred_on": "2017-03-01"}'),
    "missing field": bad(CounterAdded.type, b'{"occurred_on": "2017-03-01"}'),
    "unknown type": bad("bizenv.counter.sung.v1", b"{}"),
    "handler raises": renamed("boom"),
}


@pytest.mark.parametrize("poison", POISON)
@pytest.mark.parametrize("batch", [1, 500])
def test_a_poisoned_stream_is_parked_with_all_behind_it_and_the_rest_flows(
    store: EventStore, tmp_path: Path, poison: str, batch: int
) -> None:
    faults = Faults()
    faults.titles.add("boom")
    record(store, "counter-bad", OPENED, added(1))
    record(store, "counter-good", OPENED)
    record(store, "counter-bad", POISON[poison])
    record(store, "counter-good", added(5))
    record(store, "counter-bad", added(7), added(8))
    record(store, "counter-good", added(6))
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), faults=faults, batch=batch)) as reader:
        reader.consumer.drain()
        assert reader.row("bad").trail == (1, 2)
        assert reader.row("good").total == 11
        parked = reader.database.read_parked()
        assert [(fact.stream, fact.version) for fact in parked] == [("counter-bad", version) for version in (3, 4, 5)]
        assert [bool(fact.error) for fact in parked] == [True, False, False]
        assert reader.intake.parked == {"counter-bad"}
        reader.restart()
        record(store, "counter-bad", added(9))
        record(store, "counter-good", added(1))
        reader.consumer.drain()
        assert reader.row("good").total == 12
        assert reader.row("bad").trail == (1, 2)
        assert [fact.version for fact in reader.database.read_parked("counter-bad")] == [3, 4, 5, 6]
        assert reader.consumer.failure is None


def test_parked_facts_are_taken_up_again_on_request_once_they_can_be(store: EventStore, tmp_path: Path) -> None:
    faults = Faults()
    faults.titles.add("boom")
    record(store, "counter-bad", OPENED, renamed("boom"), added(7))
    record(store, "counter-good", OPENED)
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), faults=faults)) as reader:
        reader.consumer.drain()
        reader.retry()
        assert [fact.version for fact in reader.database.read_parked()] == [2, 3], "it cannot be taken yet"
        assert reader.database.wanted_retries() == [], "it is not tried again and again"
        reader.restart()
        faults.titles.clear()
        record(store, "counter-bad", added(8))
        reader.consumer.drain()
        reader.retry()
        assert reader.database.read_parked() == []
        assert reader.intake.parked == set()
        record(store, "counter-bad", added(9))
        reader.consumer.drain()
        assert reader.row("bad").trail == (1, 2, 3, 4, 5)
        assert reader.database.checksum() == replayed(tmp_path / "replay.sqlite", {"east": store})


def test_a_parked_stream_is_tried_again_by_the_member_that_holds_its_source(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()
    faults.titles.add("boom")
    record(store, "counter-bad", OPENED, renamed("boom"), added(7))
    (partition,) = {event.partition for event in store.scan()}
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), faults=faults)) as reader:
        reader.consumer.drain()
        faults.titles.clear()
        with monkeypatch.context() as elsewhere:
            others = {
                source: at for source, at in reader.consumer.subscription.progress().items() if source[1] != partition
            }
            elsewhere.setattr(reader.consumer.subscription, "progress", lambda: others)
            reader.retry()
            assert reader.database.wanted_retries() == ["counter-bad"], "it is left to whoever holds it"
            reader.retry()
        reader.consumer.go_back()  # as when its source is assigned
        reader.retry()
        assert reader.database.read_parked() == []
        assert reader.row("bad").trail == (1, 2, 3)


def test_a_request_to_try_again_outlives_a_passing_trouble(store: EventStore, tmp_path: Path) -> None:
    faults = Faults()
    faults.titles.add("boom")
    record(store, "counter-bad", OPENED, renamed("boom"))
    views = tmp_path / "views.sqlite"
    with closing(Reader(views, EmbeddedBus({"east": store}), faults=faults)) as reader:
        reader.consumer.drain()
        faults.titles.clear()
        reader.database.request_retry()
        lock = sqlite3.connect(views, isolation_level=None)
        with impatient(reader.database.engine):
            lock.execute("BEGIN IMMEDIATE")
            reader.consumer._next_look = 0.0
            with pytest.raises(OperationalError):
                reader.consumer.step()
            lock.execute("ROLLBACK")
            lock.close()
            reader.consumer._next_look = 0.0
            reader.consumer.step()
        assert reader.row("bad").title == "boom"
        assert reader.database.read_parked() == []


@contextlib.contextmanager
def impatient(engine: Engine) -> Iterator[None]:
    """Connections of the engine do not wait for a lock."""

    def hurry(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")

    event.listen(engine, "checkout", hurry)
    yield
    event.remove(engine, "checkout", hurry)


def test_too_many_parked_streams_stop_the_consumer_with_a_sentence(store: EventStore, tmp_path: Path) -> None:
    for number in range(4):
        record(store, f"counter-{number}", OPENED, POISON["no JSON"])
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), park_limit=3)) as reader:
        reader.consumer.turn(0.0)
        assert isinstance(reader.consumer.failure, ConsumerStopped)
        assert "4 parked streams are over the limit of 3" in str(reader.consumer.failure)
        assert reader.consumer.stopped
        record(store, "counter-5", OPENED)
        reader.consumer.turn(0.0)
        assert reader.row("5") is None, "it does not go on"
        assert len(reader.database.read_parked()) == 4


def lag() -> tuple[float | None, float | None]:
    """What somebody who reads the metrics sees now: records, seconds."""
    names = ("bizenv_consumer_lag_records", "bizenv_consumer_lag_seconds")
    records, seconds = (METRICS.registry.get_sample_value(name, {"group": "views"}) for name in names)
    return records, seconds


def test_the_lag_of_a_stopped_consumer_goes_on_growing(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}))) as reader:
        record(store, "counter-1", OPENED)
        reader.consumer.turn(0.0)
        assert lag() == (0, 0)
        with monkeypatch.context() as patch:
            patch.setattr(reader.intake.sink, "apply", lambda *_: 1 / 0)
            record(store, "counter-2", OPENED)
            reader.consumer.turn(0.0)
        assert reader.consumer.failure is not None
        records, seconds = lag()
        assert records == 1, "what was read but could not be applied counts"
        assert seconds == (now() - instant_of(RECORDED_AT)).total_seconds()
        for number in range(3, 8):
            record(store, f"counter-{number}", OPENED)
            reader.consumer.turn(0.0)
        assert lag() == (6, seconds)
    assert lag() == (None, None), "nobody reads for this group any more"


# --- checkpoints and troubles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failing",
    [("INSERT INTO counters",), ("INSERT INTO counter_facts",), ("INSERT INTO checkpoints", "UPDATE checkpoints")],
)
def test_a_view_and_its_checkpoint_are_written_together_or_not_at_all(
    store: EventStore, tmp_path: Path, failing: tuple[str, ...]
) -> None:
    record(store, "counter-a", OPENED, added(1))
    broken = [True]

    def fail(*arguments: Any) -> None:
        if broken[0] and arguments[2].startswith(failing):
            raise OperationalError(failing[0], None, sqlite3.OperationalError("disk I/O error"))

    def put_on(engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", fail)

    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), on_open=put_on)) as reader:
        with pytest.raises(OperationalError):
            reader.consumer.step()
        assert reader.row("a") is None
        assert reader.database.facts("counter_facts") == []
        assert reader.database.read_checkpoints() == {}
        assert reader.database.get("counters", "a") is None, "nor does a reader see it"
        broken.clear()
        broken.append(False)
        reader.consumer.step()
        assert reader.row("a").trail == (1, 2)
        record(store, "counter-a", added(2))
        broken[0] = True
        with pytest.raises(OperationalError):
            reader.consumer.step()
        assert reader.database.get("counters", "a").trail == (1, 2)
        broken[0] = False
        reader.consumer.step()
        assert reader.database.get("counters", "a").trail == (1, 2, 3)
        assert reader.database.checksum() == replayed(tmp_path / "replay.sqlite", {"east": store})


def test_a_locked_database_is_waited_out(store: EventStore, tmp_path: Path) -> None:
    record(store, "counter-a", OPENED, added(1))
    views = tmp_path / "views.sqlite"
    with closing(Reader(views, EmbeddedBus({"east": store}))) as reader, impatient(reader.database.engine):
        lock = sqlite3.connect(views, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        assert reader.consumer.turn(0.0) is None
        assert reader.consumer.failure is None
        lock.execute("ROLLBACK")
        lock.close()
        assert reader.consumer.turn(0.0) == 2
        assert reader.row("a").total == 1


def test_a_full_disk_is_waited_out(store: EventStore, tmp_path: Path) -> None:
    disks: list[FullDisk] = []
    record(store, "counter-a", OPENED)
    bus = EmbeddedBus({"east": store})
    with closing(Reader(tmp_path / "views.sqlite", bus, on_open=lambda e: disks.append(FullDisk(e)))) as reader:
        disks[0].fill()
        record(store, "counter-a", *(renamed("名" * 3000 + str(n)) for n in range(5)))
        assert reader.consumer.turn(0.0) is None
        assert reader.consumer.failure is None
        assert reader.row("a") is None
        disks[0].free()
        assert reader.consumer.turn(0.0) == 6
        assert reader.row("a").trail == (1, 2, 3, 4, 5, 6)


def test_a_store_that_was_restored_stops_the_consumer_with_a_sentence(tmp_path: Path) -> None:
    """Its positions after the restore may be other facts than those applied before."""
    with closing(make_store(tmp_path / "before" / "east.sqlite", "east")) as before:
        record(before, "counter-a", OPENED, added(1), added(2))
        with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": before}))) as reader:
            reader.consumer.drain()
    with closing(make_store(tmp_path / "after" / "east.sqlite", "east", epoch=2)) as after:
        record(after, "counter-a", OPENED, added(1), renamed("another"), added(9))
        with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": after}))) as reader:
            reader.consumer.turn(0.0)
            assert isinstance(reader.consumer.failure, ConsumerStopped)
            assert "run bizenv rebuild" in str(reader.consumer.failure)
            assert reader.row("a").total == 3, "nothing of the restored store was applied"
        with closing(Reader(tmp_path / "rebuilt.sqlite", EmbeddedBus({"east": after}))) as reader:
            reader.consumer.drain()
            assert reader.row("a").total == 10


def of_epochs(*facts: tuple[Delivery, int, int]) -> list[Delivery]:
    """Deliveries as a bus brings them that names the epoch each came in: (event, its epoch, the position before it)."""
    return [
        Delivery(replace_epoch(delivery.envelope, epoch), previous, offset, own_epoch=True)
        for offset, (delivery, epoch, previous) in enumerate(facts, 1)
    ]


def replace_epoch(envelope: Envelope, epoch: int) -> Envelope:
    return msgspec.structs.replace(envelope, epoch=epoch)


def test_a_newer_epoch_that_stands_behind_all_that_was_applied_goes_on(store: EventStore, tmp_path: Path) -> None:
    """The store was put back and what it had lost was brought back to it."""
    record(store, "counter-a", OPENED, added(1), added(2), added(3))
    first, second, third, fourth = deliveries(store)
    page = of_epochs((first, 1, 0), (second, 1, 1), (third, 2, 2), (fourth, 2, 3))
    with closing(Reader(tmp_path / "views.sqlite", ScriptedBus([page[:2], page[2:]]))) as reader:
        reader.consumer.step()
        reader.consumer.step()
        assert reader.row("a").trail == (1, 2, 3, 4)
        assert reader.database.read_checkpoints()["east", first.envelope.partition].epoch == 2


def test_a_newer_epoch_is_held_back_by_a_hole_like_any_other(store: EventStore, tmp_path: Path) -> None:
    record(store, "counter-a", OPENED, added(1), added(2))
    first, second, third = deliveries(store)
    page = of_epochs((first, 1, 0), (third, 2, 2), (second, 1, 1), (third, 2, 2))
    with closing(Reader(tmp_path / "views.sqlite", ScriptedBus([page[:2], page[2:]]))) as reader:
        reader.consumer.step()
        assert reader.row("a").trail == (1,)
        reader.consumer.step()
        assert reader.row("a").trail == (1, 2, 3)


def test_a_newer_epoch_that_gives_up_what_was_applied_stops_the_consumer(store: EventStore, tmp_path: Path) -> None:
    record(store, "counter-a", OPENED, added(1), added(2))
    first, second, third = deliveries(store)
    bus = ScriptedBus([of_epochs((first, 1, 0), (second, 1, 1), (third, 2, 1))])
    with closing(Reader(tmp_path / "views.sqlite", bus)) as reader:
        reader.consumer.turn(0.0)
        assert isinstance(reader.consumer.failure, GivenUp)
        assert "run bizenv rebuild" in str(reader.consumer.failure)


def test_without_a_new_epoch_a_position_used_again_is_taken_for_a_repeat(store: EventStore, tmp_path: Path) -> None:
    """Why an epoch is raised: position 3 was acknowledged, applied and lost, and another fact has it now."""
    record(store, "counter-a", OPENED, added(1), added(2))
    first, second, lost = deliveries(store)
    with closing(make_store(tmp_path / "again" / "east.sqlite", "east", partitions=4)) as again:
        record(again, "counter-a", OPENED, added(1), added(100))
        other = deliveries(again)[2]
    seen = [(first, 1, 0), (second, 1, 1), (lost, 1, 2)]
    with closing(Reader(tmp_path / "same.sqlite", ScriptedBus([of_epochs(*seen, (other, 1, 2))]))) as reader:
        reader.consumer.turn(0.0)
        assert reader.consumer.failure is None
        assert reader.row("a").total == 3, "the fact is lost and nobody is told"
    with closing(Reader(tmp_path / "raised.sqlite", ScriptedBus([of_epochs(*seen, (other, 2, 2))]))) as reader:
        reader.consumer.turn(0.0)
        assert isinstance(reader.consumer.failure, GivenUp)


def test_a_replay_leaves_out_what_a_later_epoch_gave_up(store: EventStore, tmp_path: Path) -> None:
    """Also in a partition to which the later epoch has brought nothing yet."""
    record(store, "counter-a", OPENED, added(1), added(50))
    record(store, "counter-b", OPENED)
    first, second, given_up, elsewhere = deliveries(store)
    assert first.envelope.partition != elsewhere.envelope.partition
    other = Delivery(msgspec.structs.replace(second.envelope, position=3, version=3), 0, 0)
    page = of_epochs((first, 1, 0), (second, 1, 1), (given_up, 1, 2), (elsewhere, 1, 0), (other, 2, 2))
    with closing(Reader(tmp_path / "views.sqlite", ScriptedBus([page, page]))) as reader:
        reader.intake.beginnings = {"east": {1: 1, 2: 3}}
        reader.consumer.step()
        assert reader.row("a").trail == (1, 2, 3)
        assert reader.row("a").total == 2
        assert reader.row("b") is None
        source = ("east", elsewhere.envelope.partition)
        assert reader.database.read_checkpoints()[source].offset == 4, "whoever goes on from there never sees it"


def test_the_first_batch_of_all_is_read_again_when_it_could_not_be_applied(store: EventStore, tmp_path: Path) -> None:
    """There is no checkpoint to go back to then."""
    record(store, "counter-a", OPENED)
    record(store, "counter-b", OPENED)
    views = tmp_path / "views.sqlite"
    with closing(Reader(views, EmbeddedBus({"east": store}))) as reader, impatient(reader.database.engine):
        lock = sqlite3.connect(views, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError):
            reader.consumer.step()
        lock.execute("ROLLBACK")
        lock.close()
        reader.consumer.drain()
        assert reader.row("a") is not None
        assert reader.row("b") is not None


def test_a_restart_reads_little_again_and_applies_nothing_twice(store: EventStore, tmp_path: Path) -> None:
    """Partitions without facts too go on near to where reading had got."""
    record(store, "counter-a", OPENED, *[added(1)] * (2 * QUIET_OFFSETS))
    record(store, "counter-b", OPENED)
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}))) as reader:
        assert reader.consumer.drain() == 2 * QUIET_OFFSETS + 2
        applied = reader.database.checksum()
        reader.restart()
        assert reader.consumer.drain() <= QUIET_OFFSETS
        assert reader.database.checksum() == applied
        record(store, "counter-c", OPENED)
        assert reader.consumer.step() == 1


def test_two_sinks_go_on_each_from_its_own_checkpoint(store: EventStore, tmp_path: Path) -> None:
    bus = EmbeddedBus({"east": store})
    record(store, "counter-a", OPENED, added(1))
    ahead, behind = Reader(tmp_path / "ahead.sqlite", bus), Reader(tmp_path / "behind.sqlite", bus)
    with closing(ahead), closing(behind):
        ahead.consumer.drain()
        record(store, "counter-a", added(2))
        consumer = Consumer("both", bus, ["east"], [ahead.intake, behind.intake])
        consumer.drain()
        consumer.stop()
        assert ahead.row("a").trail == behind.row("a").trail == (1, 2, 3)


# --- rows that go and readers -------------------------------------------------------------------------------------


def test_a_row_that_a_handler_drops_is_gone_for_every_reader(store: EventStore, tmp_path: Path) -> None:
    record(store, "counter-a", OPENED, added(1))
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}))) as reader:
        reader.consumer.drain()
        assert reader.database.get("counters", "a").total == 1
        record(store, "counter-a", CounterHandedOver(occurred_on=DAY, unit="none"))
        reader.consumer.drain()
        assert reader.database.get("counters", "a") is None
        assert list(reader.database.rows("counters")) == []
        record(store, "counter-a", OPENED)
        reader.consumer.drain()
        assert reader.database.get("counters", "a").trail == (4,)
        record(store, "counter-b", OPENED, CounterHandedOver(occurred_on=DAY, unit="none"))
        reader.consumer.drain()
        assert [key for key, _ in reader.database.rows("counters")] == ["a"]
        assert reader.database.checksum() == replayed(tmp_path / "replay.sqlite", {"east": store})


def test_a_wrong_key_or_row_parks_the_stream_and_not_the_consumer(store: EventStore, tmp_path: Path) -> None:
    view = counters_view(Faults())

    def key(envelope: Any) -> str | None:
        if envelope.entity == "keyless":
            raise LookupError("no key")
        return view.key(envelope)

    def no_json(row: Any, _fact: Any) -> Any:
        return msgspec.structs.replace(row, total=object())

    record(store, "counter-keyless", OPENED)
    record(store, "counter-a", OPENED, renamed("boom"))
    record(store, "counter-b", OPENED)
    handlers: dict[type[Event], Handler] = {**view.handlers, CounterRenamed: no_json}
    views = (replace(view, key=key, handlers=handlers), COUNTER_FACTS)
    with closing(Reader(tmp_path / "views.sqlite", EmbeddedBus({"east": store}), views=views)) as reader:
        reader.consumer.drain()
        assert reader.intake.parked == {"counter-keyless", "counter-a"}
        assert reader.row("a").trail == (1,)
        assert reader.row("b").trail == (1,)
