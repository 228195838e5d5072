"""Views that several processes answer from and feed together: whatever becomes of the processes, the views are what a
replay from zero makes, and no reader ever takes a step back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus, Delivery, EmbeddedBus, EmbeddedSubscription, Source
from services.chassis.deadline import Deadline
from services.chassis.envelope import partition_of
from services.chassis.errors import DeadlineExceeded, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.positions.position import PositionToken
from services.chassis.positions.waiters import Waiters
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.sinks.checkpoints import Checkpoint, LostPlace
from services.chassis.sinks.sink import Sink, ViewSink
from services.chassis.views.database import ViewDatabase
from services.chassis.views.generation_schemas import GenerationSchemas
from services.chassis.views.live import LiveSink
from services.chassis.views.shared import Pace, SharedViews
from services.chassis.views.shared_renewal import SharedRenewal
from services.chassis.views.view import Received
from tests.integration.test_consumer import OPENED, added, record, record_lives, renamed
from tests.sample_service import COUNTER_FACTS, Faults, counters_view, sample_service
from tests.servers import Postgres
from tests.sink_places import PARTITIONS, REGISTRY, TOTALS, History, batch_of, moved_by, sample_views
from tests.stores import make_store
from tests.waiting import eventually

SCHEMA = "sample_views_1"
QUICK = Pace(look=0.005, beat=0.05, gone=0.5, drop=1.0)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
def members(url: str) -> Iterator[Callable[[], ViewDatabase]]:
    """Each call opens the same generation as a further process would, with connections of its own."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(ViewDatabase(PostgresSchema(url, SCHEMA), sample_views(), REGISTRY)))


def replayed(path: Path, facts: Sequence[Received]) -> dict[str, str]:
    """Checksums of what a replay from zero makes, in a file."""
    with closing(ViewDatabase(path, sample_views(), REGISTRY, durable=False)) as database:
        ViewSink("replay", database).apply(batch_of(facts))
        return database.checksum()


def by_partition(facts: Sequence[Received]) -> dict[int, list[Received]]:
    parts: dict[int, list[Received]] = {partition: [] for partition in range(PARTITIONS)}
    for fact in facts:
        parts[fact.envelope.partition].append(fact)
    return parts


# --- several writers of one generation ----------------------------------------------------------------------------


class Member:
    """A process's sink, and how far it believes each partition was applied."""

    def __init__(self, database: ViewDatabase) -> None:
        self.database = database
        self.sink = ViewSink("views", database)
        self.before: Mapping[Source, Checkpoint] = {}
        self.lost = 0
        self.read_again()

    def read_again(self) -> None:
        self.sink.forget()
        self.before = self.database.read_checkpoints()

    def apply(self, facts: Sequence[Received], most: int) -> None:
        """The next facts of some partitions, as far as it knows; reads again where it was overtaken."""
        fresh = [fact for fact in facts if fact.envelope.position > self._at(fact)][:most]
        try:
            self.sink.apply(batch_of(fresh, self.before))
            self.before = {**self.before, **moved_by(fresh)}
        except LostPlace:
            self.lost += 1
            self.read_again()

    def _at(self, fact: Received) -> int:
        return self.before.get((fact.envelope.service, fact.envelope.partition), Checkpoint()).position


@pytest.mark.parametrize("seed", range(4))
def test_partitions_that_change_hands_under_sleepers_make_the_views_of_a_replay(
    members: Callable[[], ViewDatabase], tmp_path: Path, seed: int
) -> None:
    """Each turn any member applies any partitions, whether they are still its own or not."""
    chance = random.Random(seed)
    facts = History().live(9, 250, seed).facts
    team = [Member(members()) for _ in range(3)]
    heads = moved_by(facts)
    for _ in range(3_000):
        mine = set(chance.sample(range(PARTITIONS), chance.randint(1, PARTITIONS)))
        wanted = [fact for fact in facts if fact.envelope.partition in mine]
        member = chance.choice(team)
        member.apply(wanted, chance.randint(1, 30))
        if chance.random() < 0.1:
            member.read_again()
        if team[0].database.read_checkpoints() == heads:
            break
    assert sum(member.lost for member in team) > 0, "somebody was overtaken"
    sums = replayed(tmp_path / "replay.sqlite", facts)
    assert {tuple(member.database.checksum().items()) for member in team} == {tuple(sums.items())}
    for member in team:
        eventually(lambda member=member: member.database.get("totals", "city").facts == 250)  # type: ignore[misc]


def test_processes_that_write_at_the_same_time_lose_nothing_of_shared_rows(
    members: Callable[[], ViewDatabase], tmp_path: Path
) -> None:
    facts = History().live(12, 400).facts
    errors: list[Exception] = []

    def feed(member: Member, own: list[Received]) -> None:
        try:
            while own and member._at(own[-1]) < own[-1].envelope.position:
                member.apply(own, 3)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [
        threading.Thread(target=feed, args=(Member(members()), own)) for own in by_partition(facts).values() if own
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert members().checksum() == replayed(tmp_path / "replay.sqlite", facts)


SLEEPER = """
import sys
from services.chassis.sinks.checkpoints import LostPlace
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.sinks.sink import ViewSink
from services.chassis.views.database import ViewDatabase
from tests.sink_places import REGISTRY, History, batch_of, sample_views

database = ViewDatabase(PostgresSchema(sys.argv[1], sys.argv[2]), sample_views(), REGISTRY)
facts = History().live(6, 80).facts
before = database.read_checkpoints()
print("read", flush=True)
sys.stdin.readline()
try:
    ViewSink("views", database).apply(batch_of(facts[40:60], before))
    print("applied", flush=True)
except LostPlace:
    print("lost its place", flush=True)
"""


def test_a_process_that_was_stopped_and_overtaken_changes_nothing(
    members: Callable[[], ViewDatabase], url: str, tmp_path: Path
) -> None:
    facts = History().live(6, 80).facts
    database = members()
    sink = ViewSink("views", database)
    sink.apply(batch_of(facts[:40]))
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, url, SCHEMA], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdin is not None
        assert sleeper.stdout.readline() == "read\n"
        os.kill(sleeper.pid, signal.SIGSTOP)
        sink.apply(batch_of(facts[40:], database.read_checkpoints()))
        sums = database.checksum()
        sleeper.stdin.write("go on\n")
        sleeper.stdin.flush()
        os.kill(sleeper.pid, signal.SIGCONT)
        assert sleeper.stdout.readline() == "lost its place\n"
    assert database.checksum() == sums == replayed(tmp_path / "replay.sqlite", facts)


STANDS_STILL = """
import os, signal, sys

from services.chassis.postgres import engine
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.sinks import sink
from services.chassis.views.database import ViewDatabase
from tests.sink_places import REGISTRY, History, batch_of, sample_views

engine.IDLE_MILLISECONDS = 300
sink.fault_point = lambda name: name == "consumer.written" and os.kill(os.getpid(), signal.SIGSTOP)
database = ViewDatabase(PostgresSchema(sys.argv[1], sys.argv[2]), sample_views(), REGISTRY)
try:
    sink.ViewSink("views", database).apply(batch_of(History().live(6, 80).facts[:40]))
except sink.PASSING as error:
    print(error, flush=True)
sink.fault_point = lambda name: None
print(len(database.read_checkpoints()), flush=True)
"""


def test_a_process_that_stands_still_in_its_transaction_is_cut_off(
    members: Callable[[], ViewDatabase], url: str, tmp_path: Path
) -> None:
    """Whoever waits for its locks goes on; it takes no harm itself, and tries again with another connection."""
    facts = History().live(6, 80).facts
    sink = ViewSink("views", members())
    sleeper = subprocess.Popen([sys.executable, "-c", STANDS_STILL, url, SCHEMA], stdout=subprocess.PIPE, text=True)
    with sleeper:
        assert sleeper.stdout is not None
        try:
            os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED | os.WNOWAIT)
            sink.apply(batch_of(facts))
        finally:
            os.kill(sleeper.pid, signal.SIGCONT)
        assert "idle-in-transaction timeout" in sleeper.stdout.readline()
        assert int(sleeper.stdout.readline()) == len(sink.database.read_checkpoints())
    assert sink.database.checksum() == replayed(tmp_path / "replay.sqlite", facts)


def test_a_batch_waits_for_the_transaction_that_moves_its_checkpoints(members: Callable[[], ViewDatabase]) -> None:
    """The other one stands still in the middle of its transaction; when it goes on, this one has lost its place."""
    history = History()
    opened, more = history.add("a", OPENED), history.add("a", added(5))
    slow, quick = members(), members()
    ViewSink("views", slow).apply(batch_of([opened]))
    outcome: list[str] = []

    def apply() -> None:
        try:
            ViewSink("views", quick).apply(batch_of([more], moved_by([opened])))
            outcome.append("applied")
        except LostPlace:
            outcome.append("lost its place")

    with slow.engine.begin() as connection:
        slow.checkpoints.move(connection, moved_by([more]), moved_by([opened]))
        thread = threading.Thread(target=apply)
        thread.start()
        thread.join(0.2)
        assert outcome == []
    thread.join(10)
    assert outcome == ["lost its place"]


# --- readers ------------------------------------------------------------------------------------------------------


def test_a_reader_soon_sees_what_another_process_wrote(members: Callable[[], ViewDatabase]) -> None:
    history = History()
    writer, reader = members(), members()
    sink = ViewSink("views", writer)
    before: Mapping[Source, Checkpoint] = {}
    for event in (OPENED, added(1), added(2), added(3)):
        fact = history.add("a", event)
        sink.apply(batch_of([fact], before))
        before = writer.read_checkpoints()
        eventually(lambda: reader.get("counters", "a") == writer.get("counters", "a"))
        eventually(lambda: reader.get("totals", "city") == writer.get("totals", "city"))
        assert reader.get("counters", "a").trail[-1] == fact.envelope.version


def test_once_a_reader_has_looked_no_older_row_is_at_hand(members: Callable[[], ViewDatabase]) -> None:
    history = History()
    first, second = members(), members()
    opened = history.add("a", OPENED)
    ViewSink("views", first).apply(batch_of([opened]))
    second.look()
    assert second.get("counters", "a").total == 0
    more = history.add("a", added(7))
    ViewSink("views", first).apply(batch_of([more], moved_by([opened])))
    assert second.look() == moved_by([more])
    assert second.get("counters", "a").total == 7
    age = second.age
    second.look()
    assert second.age == age, "nothing came since"


def test_rows_folded_before_another_process_wrote_are_not_shown(members: Callable[[], ViewDatabase]) -> None:
    """A consumer that stood still between its commit and telling its readers."""
    history = History()
    first, second = members(), members()
    opened = history.add("a", OPENED)
    ViewSink("views", first).apply(batch_of([opened]))
    first.look()
    age, stale = first.age, first.get("counters", "a")
    more = history.add("a", added(7))
    ViewSink("views", second).apply(batch_of([more], moved_by([opened])))
    first.look()
    first.publish({("counters", "a"): stale}, age, {})
    assert first.get("counters", "a").total == 7


# --- the whole of a process: views, consumer, renewal -------------------------------------------------------------


class HalfSubscription(EmbeddedSubscription):
    """Some partitions of the stores, as a member of a group has them."""

    def __init__(self, stores: Mapping[str, EventStore], partitions: Callable[[], set[int]]) -> None:
        super().__init__(stores)
        self._mine = partitions

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        mine = self._mine()
        return [delivery for delivery in super().poll(timeout, limit) if delivery.envelope.partition in mine]

    def progress(self) -> Mapping[Source, int]:
        mine = self._mine()
        return {source: offset for source, offset in super().progress().items() if source[1] in mine}


class HalfBus(EmbeddedBus):
    """Gives a group's member its partitions, and everything to whoever reads alone."""

    def __init__(self, stores: Mapping[str, EventStore]) -> None:
        super().__init__(stores)
        self.partitions: set[int] = set()

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> EmbeddedSubscription:
        if not shared:
            return super().subscribe(group, services)
        return HalfSubscription({name: self._stores[name] for name in services}, lambda: self.partitions)


def now() -> datetime:
    return datetime(2017, 3, 1, tzinfo=UTC)


class Process:
    """What a process of the service has of its views; its consumer takes turns on a thread, where it has one."""

    def __init__(self, url: str, bus: Bus | None, faults: Faults | None = None, **how: Any) -> None:
        schemas, views = GenerationSchemas(url, "sample"), how.get("views") or sample_views(faults)
        self.views = SharedViews(schemas, "city", views, REGISTRY, how.get("pace") or QUICK)
        self.bus = bus
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        if bus is not None:
            first = self.intake(LiveSink("sample", self.views, self.views.current))
            self.consumer = Consumer("sample", bus, ["sample"], [first])
            self.renewal = SharedRenewal(sample_service(), self.views, bus, self.consumer, self.intake)
            self._thread.start()

    def intake(self, sink: Sink) -> Intake:
        return Intake(sink, REGISTRY, now, 3)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.consumer.turn(0.005)
            self.renewal.step()

    def stop(self) -> None:
        """Take no further turn."""
        self._stop.set()
        if self.bus is not None:
            self._thread.join(10)
            assert not self._thread.is_alive()

    def close(self) -> None:
        self.stop()
        if self.bus is not None:
            self.consumer.stop()
        self.views.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite", "sample", partitions=PARTITIONS)) as made:
        yield made


class Team:
    """Two processes that feed half of the partitions each, and one that only answers."""

    def __init__(self, url: str, store: EventStore, faults: Faults | None = None, pace: Pace | None = None) -> None:
        self.url = url
        self.store = store
        self._pace = pace
        self._open = ExitStack()
        self.feeders = [self.start(halves, faults) for halves in ({0, 1}, {2, 3})]
        self.replica = self.start(None, faults)

    def start(self, partitions: set[int] | None, faults: Faults | None = None, **how: Any) -> Process:
        bus = HalfBus({"sample": self.store})
        bus.partitions = partitions or set()
        process = Process(self.url, bus if partitions is not None else None, faults, pace=self._pace, **how)
        return self._open.enter_context(closing(process))

    @property
    def all(self) -> list[Process]:
        return [*self.feeders, self.replica]

    def shown_everywhere(self) -> bool:
        heads = {(e.service, e.partition): e.position for e in self.store.scan()}
        return all(
            process.views.current.look().get(source, Checkpoint()).position == head
            for process in self.all
            for source, head in heads.items()
        )

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def team(url: str, store: EventStore) -> Iterator[Team]:
    with closing(Team(url, store)) as made:
        yield made


def facts_of(store: EventStore) -> list[Received]:
    return [Received(e, REGISTRY.decode(e.type, e.data)) for e in store.scan()]


def token_of(store: EventStore) -> PositionToken:
    """Of the newest fact."""
    last = list(store.scan())[-1]
    return PositionToken(last.service, last.epoch, last.partition, last.position)


def test_processes_that_share_the_partitions_make_the_views_of_a_replay(
    team: Team, store: EventStore, tmp_path: Path
) -> None:
    record_lives(store, 1, 8, 120)
    eventually(team.shown_everywhere)
    sums = replayed(tmp_path / "replay.sqlite", facts_of(store))
    assert [process.views.current.checksum() for process in team.all] == [sums] * 3
    assert {process.views.number for process in team.all} == {1}


def test_a_query_waits_for_what_another_process_applies(team: Team, store: EventStore) -> None:
    async def ask(process: Process, seconds: float) -> Any:
        waiters = Waiters(4)
        process.views.on_progress(waiters.wake)
        token = token_of(store)
        process.views.want()
        await waiters.reached(process.views, token, Deadline.after(seconds))
        return process.views.get("counters", "a")

    record(store, "counter-a", OPENED)
    for total in range(1, 6):
        record(store, "counter-a", added(1))
        for process in team.all:
            row = asyncio.run(ask(process, 10.0))
            assert row.total == total
    for feeder in team.feeders:
        feeder.close()
    record(store, "counter-a", added(1))
    with pytest.raises(DeadlineExceeded):
        asyncio.run(ask(team.replica, 0.1))


def test_nobody_looks_while_nobody_waits(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    database = team.replica.views.current
    real = database.look

    def counted() -> Mapping[Source, Checkpoint]:
        looks.append(1)
        return real()

    monkeypatch.setattr(database, "look", counted)
    with team.replica.views.awaited():
        eventually(lambda: len(looks) > 2)
    looks.clear()
    steps = team.replica.views._steps
    eventually(lambda: team.replica.views._steps > steps + 2, what="its thread goes round")
    assert len(looks) <= 1, "the one that was under way"


# --- another generation -------------------------------------------------------------------------------------------


@pytest.fixture
def unhurried(url: str, store: EventStore) -> Iterator[Team]:
    """On a machine with much else to do a process may say nothing for seconds about the generation that it uses, which
    must not be dropped below it."""
    with closing(Team(url, store, pace=replace(QUICK, drop=5.0))) as made:
        yield made


def test_all_go_over_to_a_rebuilt_generation_and_nobody_takes_a_step_back(
    unhurried: Team, store: EventStore, tmp_path: Path
) -> None:
    """Facts come all the time. What a reader saw once in any process it sees ever after in every process that it asks
    with its token, and in one process without."""
    team, names = unhurried, [f"c{number}" for number in range(4)]
    for name in names:
        record(store, f"counter-{name}", OPENED)
    done = threading.Event()
    faults: list[str] = []

    def write() -> None:
        chance = random.Random(3)
        while not done.is_set():
            record(store, f"counter-{chance.choice(names)}", added(1))

    def read(process: Process, name: str) -> None:
        seen = 0
        while not done.is_set():
            row = process.views.current.load("counters", [name]).get(name)
            version = row.trail[-1] if row else 0
            if version < seen:
                faults.append(f"{name}: {version} after {seen}")
            seen = max(seen, version)

    threads = [threading.Thread(target=write)]
    threads += [threading.Thread(target=read, args=(process, names[n])) for n, process in enumerate(team.all)]
    for thread in threads:
        thread.start()
    try:
        for number in (2, 3):
            assert team.feeders[0].renewal.rebuild() == number
            eventually(lambda number=number: {p.views.number for p in team.all} == {number}, 30)  # type: ignore[misc]
    finally:
        done.set()
        for thread in threads:
            thread.join(10)
    assert faults == []
    eventually(team.shown_everywhere, 30)
    sums = replayed(tmp_path / "replay.sqlite", facts_of(store))
    assert [process.views.current.checksum() for process in team.all] == [sums] * 3
    assert [process.consumer.failure for process in team.feeders] == [None, None]
    schemas = team.replica.views._schemas
    eventually(lambda: schemas.numbers() == [3], 30, "what nobody uses is dropped")


def test_nobody_answers_from_a_generation_that_one_of_the_feeders_does_not_feed_yet(
    url: str, store: EventStore
) -> None:
    with closing(Team(url, store, pace=replace(QUICK, gone=600.0, drop=600.0))) as team:
        record_lives(store, 1, 8, 40)
        eventually(team.shown_everywhere)
        first, slow = team.feeders
        with slow.views._lock:  # its thread takes no step, its consumer goes on
            first.renewal.rebuild()
            eventually(lambda: 2 in first.views.fed())
            record_lives(store, 2, 4, 12)
            steps = first.views._steps
            eventually(lambda: first.views._steps > steps + 2)
            assert first.views.number == 1
        eventually(lambda: {process.views.number for process in team.all} == {2}, 20)
        eventually(team.shown_everywhere)


def test_a_feeder_that_counted_as_gone_and_wakes_during_the_swap_takes_nobody_back(
    url: str, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It feeds the old generation alone, which its readers leave just then."""
    stream = next(f"counter-{n}" for n in range(99) if partition_of(f"counter-{n}", PARTITIONS) in {2, 3})
    with closing(Team(url, store, pace=replace(QUICK, gone=0.3, drop=600.0))) as team:
        record(store, stream, OPENED)
        eventually(team.shown_everywhere)
        first, asleep = team.feeders
        monkeypatch.setattr(asleep.views, "step", lambda: None)
        swap, seen = first.views._swap, list[int]()

        def version() -> int:
            name = stream.removeprefix("counter-")
            return int(first.views.current.load("counters", [name])[name].trail[-1])

        def at_the_last_moment(number: int, successor: ViewDatabase) -> None:
            record(store, stream, added(1))
            eventually(lambda: version() == 2 or wait_for_checkpoints(url), 10)
            seen.append(version())
            swap(number, successor)

        monkeypatch.setattr(first.views, "_swap", at_the_last_moment)
        first.renewal.rebuild()
        eventually(lambda: first.views.number == 2, 20)
        seen.append(version())
        monkeypatch.undo()
        assert seen == sorted(seen)
        eventually(team.shown_everywhere, 20)


def wait_for_checkpoints(url: str) -> int:
    """How many transactions wait to move those of the first generation."""
    asked = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{SCHEMA}.checkpoints'::regclass"
    with psycopg.connect(url) as connection:
        row = connection.execute(asked.encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_a_feeder_that_died_holds_nobody_up(team: Team, store: EventStore, tmp_path: Path) -> None:
    """Its partitions are another one's from then on."""
    record_lives(store, 1, 8, 40)
    eventually(team.shown_everywhere)
    first, dying = team.feeders
    dying.stop()
    dying.views._closed = True  # nor does its thread say anything any more
    first.renewal.rebuild()
    assert isinstance(first.bus, HalfBus)
    first.bus.partitions = set(range(PARTITIONS))
    first.consumer._lost_place = True
    eventually(lambda: (first.views.number, team.replica.views.number) == (2, 2), 20)
    record_lives(store, 2, 8, 40)
    sums = replayed(tmp_path / "replay.sqlite", facts_of(store))
    eventually(lambda: first.views.current.checksum() == sums)


def test_a_process_that_slept_until_its_generation_was_dropped_takes_the_next_one(
    team: Team, store: EventStore, tmp_path: Path
) -> None:
    record_lives(store, 1, 8, 40)
    eventually(team.shown_everywhere)
    first, sleeper = team.feeders
    with sleeper.views._lock:
        first.renewal.rebuild()
        eventually(lambda: first.views.number == team.replica.views.number == 2, 20)
        eventually(lambda: first.views._schemas.numbers() == [2], 20)
    record(store, "counter-late", OPENED)
    eventually(lambda: sleeper.views.number == 2, 20)
    eventually(team.shown_everywhere, 20)
    assert sleeper.views.current.checksum() == replayed(tmp_path / "replay.sqlite", facts_of(store))


def test_processes_that_start_together_on_an_empty_database_have_one_generation(url: str) -> None:
    opened: list[Process] = []
    threads = [threading.Thread(target=lambda: opened.append(Process(url, None))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [process.views.number for process in opened] == [1] * 4
    for process in opened:
        process.close()


def test_builds_with_other_views_each_have_a_generation_of_their_own(url: str, store: EventStore) -> None:
    """While both run neither is dropped; each is fed by the processes of its build, as a group of their own."""
    everything = set(range(PARTITIONS))
    newer = (counters_view(Faults(), revision=2), COUNTER_FACTS, TOTALS)
    with closing(Team(url, store)) as team:
        for feeder in team.feeders:
            feeder.close()
        old = team.start(everything)
        record_lives(store, 1, 8, 40)
        new = team.start(everything, views=newer)
        assert (old.views.number, new.views.number) == (1, 2)
        head = token_of(store)
        for process in (old, new, team.replica):
            with process.views.awaited():
                eventually(lambda process=process: process.views.covers(head))  # type: ignore[misc]
        steps = new.views._steps
        eventually(lambda: new.views._steps > steps + 20 * QUICK.drop)
        assert new.views._schemas.numbers() == [1, 2]
        assert (old.views.number, team.replica.views.number) == (1, 1)
        old.close()
        team.replica.close()
        eventually(lambda: new.views._schemas.numbers() == [2], 20)


def test_a_process_that_starts_in_the_middle_takes_the_generation_that_is_pointed_to(
    team: Team, store: EventStore, tmp_path: Path
) -> None:
    record_lives(store, 1, 8, 40)
    eventually(team.shown_everywhere)
    team.feeders[0].renewal.rebuild()
    late = team.start(None)
    assert late.views.number == 2
    eventually(lambda: {process.views.number for process in team.all} == {2}, 20)
    record(store, "counter-sample0", added(4))
    eventually(team.shown_everywhere)
    assert late.views.current.checksum() == replayed(tmp_path / "replay.sqlite", facts_of(store))


def test_a_generation_whose_tables_are_gone_is_built_anew(team: Team, store: EventStore, tmp_path: Path) -> None:
    record_lives(store, 1, 8, 40)
    eventually(team.shown_everywhere)
    team.replica.views._schemas.remove(1)
    for process in team.all:
        with pytest.raises(Unavailable):
            process.views.rows("counters")
    eventually(lambda: {process.views.number for process in team.all} == {2}, 30)
    record(store, "counter-late", OPENED)
    eventually(team.shown_everywhere, 20)
    assert team.replica.views.current.checksum() == replayed(tmp_path / "replay.sqlite", facts_of(store))


def test_a_rebuild_takes_up_consumers_that_had_stopped(url: str, store: EventStore) -> None:
    """The mended handlers park nothing: the new generation is fed, the old one is left."""
    faults = Faults()
    faults.titles.add("boom")
    with closing(Team(url, store, faults)) as team:
        for number in range(16):
            record(store, f"counter-b{number}", OPENED, renamed("boom"))
        eventually(lambda: all(process.consumer.failure is not None for process in team.feeders))
        faults.titles.clear()
        team.feeders[0].renewal.rebuild()
        eventually(lambda: {process.views.number for process in team.all} == {2}, 20)
        eventually(team.shown_everywhere)
        eventually(lambda: [process.consumer.failure for process in team.feeders] == [None, None])
        assert team.replica.views.get("counters", "b0").title == "boom"


# --- the server goes away -----------------------------------------------------------------------------------------


def test_views_go_on_after_the_database_was_killed(
    own_postgres: Callable[..., Postgres], store: EventStore, tmp_path: Path
) -> None:
    server = own_postgres()
    with closing(Team(server.database(), store)) as team:
        record_lives(store, 1, 8, 40)
        eventually(team.shown_everywhere)
        server.kill()
        with pytest.raises(Unavailable, match="is not available"):
            team.replica.views.rows("counters")
        record_lives(store, 2, 4, 30)
        server.start()
        eventually(lambda: _quiet(team.shown_everywhere), 30)
        sums = replayed(tmp_path / "replay.sqlite", facts_of(store))
        assert [process.views.current.checksum() for process in team.all] == [sums] * 3
        assert [process.views.current.damage for process in team.all] == [None] * 3


def _quiet(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except Unavailable:
        return False
