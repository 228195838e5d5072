"""What every event store keeps, whatever database it stands on."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import pytest
from alembic import command as alembic
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import DatabaseError, OperationalError

from services.chassis.envelope import Envelope
from services.chassis.errors import Overloaded, Unavailable
from services.chassis.event_store import (
    Alteration,
    Append,
    Appended,
    Change,
    EventStore,
    NewEvent,
    Refusal,
    StoreUnusable,
    WrongVersion,
    schema,
    writer,
)
from services.chassis.event_store.migrations import config, current, migrate, newest
from services.chassis.event_store.model import Outcome
from services.chassis.event_store.opening import create_store, require_unaltered
from tests.damage import spoil_table
from tests.databases import DATABASES, Counting, Database, Sqlite
from tests.stores import RECORDED_AT, make_store, open_store, store_info
from tests.waiting import eventually

CALLERS = 64


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database with an empty store in it."""
    made = DATABASES[request.param](request)
    create_store(made.dialect(), store_info("sample"))
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> Iterator[EventStore]:
    with closing(EventStore(database.dialect(), "sample")) as opened:
        yield opened


def to(
    stream: str, expected: int, command_id: str | None = None, *, events: int = 1, body: str = "", size: int = 10
) -> Append:
    """An append of so many events; without a command id one that is its own."""
    command_id = command_id or str(uuid5(NAMESPACE_URL, f"{stream}/{expected}/{threading.get_ident()}"))
    facts = tuple(
        NewEvent("bizenv.sample.noted.v1", date(2017, 3, 1), msgspec.json.encode({"text": "好" * size, "n": n}))
        for n in range(events)
    )
    return Append(
        stream=stream,
        expected_version=expected,
        command_id=command_id,
        command_hash=sha256(f"{stream}{body}".encode()).digest(),
        events=facts,
        recorded_at=RECORDED_AT,
        actor="city_group:wang",
        correlation_id=command_id,
        causation_id=command_id,
    )


def together(store: EventStore, appends: Sequence[Append]) -> list[Outcome | BaseException]:
    """All at once from one event loop; each one's outcome or error."""

    async def run() -> list[Outcome | BaseException]:
        return await asyncio.gather(*map(store.append, appends), return_exceptions=True)

    return asyncio.run(run())


def contents(store: EventStore) -> list[tuple[int, str, int]]:
    """(position, stream, version) of all events."""
    return [(event.position, event.stream, event.version) for event in store.scan()]


def is_new(outcome: object) -> bool:
    return isinstance(outcome, Appended) and not outcome.repeated


# --- what is appended, and read back ------------------------------------------------------------------------------


def test_what_is_appended_is_read_back_to_the_byte(store: EventStore) -> None:
    append = msgspec.structs.replace(to("s-1", 0), traceparent="00-1-1-01", correlation_id="why", causation_id="x/1")
    store.append_now(append)
    (event,) = store.read(0, 10)
    assert event == Envelope(
        service="sample",
        epoch=1,
        position=1,
        partition=event.partition,
        stream="s-1",
        version=1,
        type="bizenv.sample.noted.v1",
        occurred_on=date(2017, 3, 1),
        recorded_at=event.recorded_at,
        actor="city_group:wang",
        command_id=append.command_id,
        command_hash=append.command_hash,
        correlation_id="why",
        causation_id="x/1",
        traceparent="00-1-1-01",
        data=append.events[0].data,
        store_id=store.info.store_id,
    )
    assert event.recorded_at.isoformat() == "2017-01-01T00:00:00+00:00"
    assert event.id == "s-1/1"
    assert event.entity == "1"


def test_a_command_of_many_events_takes_versions_and_positions_in_a_row(store: EventStore) -> None:
    store.append_now(to("s-1", 0, events=3))
    outcome = store.append_now(to("s-2", 0, events=2500))
    assert isinstance(outcome, Appended)
    record = outcome.record
    assert (record.first_version, record.last_version, record.position) == (1, 2500, 2503)
    assert [event.version for event in store.read_stream("s-2")] == list(range(1, 2501))
    assert [event.version for event in store.read_stream("s-2", after_version=2498)] == [2499, 2500]
    assert [position for position, _, _ in contents(store)] == list(range(1, 2504))


def test_a_newer_version_is_seen_while_a_store_is_open(database: Database, store: EventStore) -> None:
    store.require_revision()
    database.execute("UPDATE alembic_version SET version_num = '9001'")
    with pytest.raises(StoreUnusable, match=r"9001.*made by a newer bizenv: upgrade"):
        store.require_revision()


def test_a_page_ends_where_its_bytes_do(store: EventStore) -> None:
    for number in range(6):
        store.append_now(to(f"s-{number}", 0, size=400))
    size = len(store.read(0, 1)[0].data)
    assert size >= 1000

    def read(after: int, limit: int, room: int) -> list[int]:
        found = store.read_within(after, limit, room)
        assert found == store.read(after, len(found))
        return [event.position for event in found]

    assert read(0, 10, 10 * size) == [1, 2, 3, 4, 5, 6]
    assert read(0, 4, 10 * size) == [1, 2, 3, 4]
    assert read(1, 10, 2 * size) == [2, 3]
    assert read(1, 10, 2 * size + 1) == [2, 3, 4]
    assert read(5, 10, 0) == [6]
    assert read(6, 10, size) == []


def test_reading_pages_and_previous_positions(store: EventStore) -> None:
    for stream in ("a", "b", "a", "c"):
        store.append_now(to(stream, len(store.read_stream(stream))))
    assert store.last_position() == 4
    assert [event.position for event in store.read(1, 2)] == [2, 3]
    assert store.read(4, 10) == []
    assert store.read_stream("never") == []
    partition = store.read(0, 1)[0].partition
    before = store.previous_in_partition(partition, 3)
    assert before in (1, 2), "stream a was at 1; b may share its partition"
    assert store.previous_in_partition(partition, 1) == 0


@pytest.mark.parametrize("expected", [0, 1, 3, 7])
def test_any_but_the_exact_version_writes_nothing(store: EventStore, expected: int) -> None:
    store.append_now(to("s-1", 0, events=2))
    assert store.append_now(to("s-1", expected, "late")) == WrongVersion("s-1", expected, 2)
    assert store.last_position() == 2
    assert store.find_command("late") is None
    assert is_new(store.append_now(to("s-1", 2, "late"))), "an id whose command was not recorded is free"
    assert [position for position, _, _ in contents(store)] == [1, 2, 3], "the loser burned no position"


# --- one command, once --------------------------------------------------------------------------------------------


def test_the_same_command_again_answers_the_first_result(store: EventStore) -> None:
    first = store.append_now(to("s-1", 0, "one", events=2))
    store.append_now(to("s-1", 2))
    again = store.append_now(to("s-1", 0, "one", events=2))
    assert isinstance(first, Appended)
    assert again == Appended(first.record, True)
    assert store.find_command("one") == first.record
    assert store.last_position() == 3


def test_the_same_id_for_another_command_is_refused(store: EventStore) -> None:
    store.append_now(to("s-1", 0, "one"))
    assert store.append_now(to("s-1", 1, "one", body="other")) == Refusal("one")
    assert store.append_now(to("s-2", 0, "one")) == Refusal("one")
    assert store.last_position() == 1


def test_a_command_sent_by_many_at_once_is_recorded_once(store: EventStore) -> None:
    outcomes = together(store, [to("s-1", 0, "one", events=2)] * CALLERS)
    assert Counter(map(is_new, outcomes)) == {True: 1, False: CALLERS - 1}
    assert len({outcome.record for outcome in outcomes if isinstance(outcome, Appended)}) == 1
    assert store.last_position() == 2


# --- many writers -------------------------------------------------------------------------------------------------


def test_of_many_writers_at_one_version_exactly_one_wins(store: EventStore) -> None:
    outcomes = together(store, [to("s-1", 0, f"writer {n}") for n in range(CALLERS)])
    assert Counter(map(is_new, outcomes)) == {True: 1, False: CALLERS - 1}
    losers = [outcome for outcome in outcomes if not is_new(outcome)]
    assert losers == [WrongVersion("s-1", 0, 1)] * (CALLERS - 1)
    assert contents(store) == [(1, "s-1", 1)]


def test_members_of_one_batch_fail_and_win_each_for_itself(database: Database) -> None:
    counting = Counting(database.dialect())
    with closing(EventStore(counting, "sample")) as store:
        store.append_now(to("known", 0, "first"))
        store.append_now(to("known", 1, "second"))
        batch = [
            to("a", 0, "a", events=2),
            to("b", 5, "b"),
            to("known", 0, "first"),
            to("c", 0, "c"),
            to("d", 0, "second", body="other"),
            to("e", 0, "e", events=3),
        ]
        gate = hold(store)
        waiting = [submit(store, append) for append in batch]
        gate.set()
        outcomes = [future.result(10) for future in waiting]
        assert counting.batches == [1, 1, 1, len(batch)]
        assert [is_new(outcome) for outcome in outcomes] == [True, False, False, True, False, True]
        assert outcomes[1] == WrongVersion("b", 5, 0)
        assert isinstance(outcomes[2], Appended)
        assert outcomes[2].repeated
        assert outcomes[4] == Refusal("second")
        assert contents(store)[3:] == [(4, "a", 1), (5, "a", 2), (6, "c", 1), (7, "e", 1), (8, "e", 2), (9, "e", 3)]


@pytest.mark.parametrize("openings", [1, 2, 3])
def test_a_follower_sees_every_event_once_and_in_order_while_many_write(database: Database, openings: int) -> None:
    """Each opening is what another process would be: an own writer on the same database."""
    stores = [EventStore(database.dialect(), "sample") for _ in range(openings)]
    follower = EventStore(database.dialect(), "sample")
    writers, events = 6, 40
    done = threading.Event()
    seen: list[Envelope] = []

    def follow() -> None:
        while True:
            last = done.is_set()
            page = follower.read(seen[-1].position if seen else 0, 7)
            seen.extend(page)
            if last and not page:
                return

    def write(number: int) -> int:
        store, won = stores[number % openings], 0
        for step in range(events):
            stream = f"s-{step % 5}"
            while not is_new(store.append_now(to(stream, (now := len(store.read_stream(stream))), f"{number}/{step}"))):
                assert len(store.read_stream(stream)) > now, "only another's append is a reason to lose"
            won += 1
        return won

    with ThreadPoolExecutor(writers + 1) as pool:
        following = pool.submit(follow)
        assert sum(pool.map(write, range(writers))) == writers * events
        done.set()
        following.result(30)
    assert [event.position for event in seen] == list(range(1, writers * events + 1))
    versions = Counter(event.stream for event in seen)
    for stream, count in versions.items():
        assert [event.version for event in seen if event.stream == stream] == list(range(1, count + 1))
    assert len({event.command_id for event in seen}) == writers * events
    for opened in (*stores, follower):
        opened.close()


def _race(database: Database, number: int, rounds: int, wins: Any) -> None:
    """One process of the race: tries each version once."""
    with closing(EventStore(database.dialect(), "sample")) as store:
        for version in range(rounds):
            eventually(lambda v=version: len(store.read_stream("race")) >= v)  # type: ignore[misc]
            if is_new(store.append_now(to("race", version, f"{number}/{version}"))):
                wins.put((number, version))


def test_of_two_processes_at_one_version_exactly_one_wins(database: Database) -> None:
    rounds = 30
    spawn = multiprocessing.get_context("spawn")
    wins = spawn.SimpleQueue()
    racers = [spawn.Process(target=_race, args=(database, number, rounds, wins)) for number in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    won = []
    while not wins.empty():
        won.append(wins.get())
    wins.close()
    with closing(EventStore(database.dialect(), "sample")) as store:
        recorded = [(event.position, event.version, event.command_id) for event in store.scan()]
    winners = {version: number for number, version in won}
    assert recorded == [(n + 1, n + 1, f"{winners[n]}/{n}") for n in range(rounds)]
    assert len(won) == rounds


# --- group commit -------------------------------------------------------------------------------------------------


def hold(store: EventStore) -> threading.Event:
    """Append one event (to stream `gate`) and hold the store's writer behind that commit until the event is set."""
    gate, reached = threading.Event(), threading.Event()

    def wait() -> None:
        store.forget(wait)
        reached.set()
        gate.wait(10)

    store.on_append(wait)
    submit(store, to("gate", 0))
    assert reached.wait(10)
    return gate


def submit(store: EventStore, append: Append) -> Future[Outcome]:
    """Queue an append and go on."""
    future = store._writer.submit(append, None)
    assert not isinstance(future, asyncio.Future)
    return future


def test_concurrent_appends_share_commits(database: Database) -> None:
    counting = Counting(database.dialect())
    with closing(EventStore(counting, "sample")) as store:

        async def caller(number: int) -> None:
            for version in range(10):
                assert is_new(await store.append(to(f"s-{number}", version, f"{number}/{version}")))

        async def run() -> None:
            await asyncio.gather(*map(caller, range(CALLERS)))

        asyncio.run(run())
        assert store.last_position() == CALLERS * 10
    assert sum(counting.batches) == CALLERS * 10
    assert len(counting.batches) < CALLERS * 10 / 4
    assert max(counting.batches) <= writer.BATCH


def test_a_lone_caller_is_served_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the writer would wait for company: it waits only where the last commit had some."""
    monkeypatch.setattr(writer, "LINGER_SECONDS", 3600.0)
    monkeypatch.setattr(writer, "BATCH", 2)
    counting = Counting(database.dialect())
    with closing(EventStore(counting, "sample")) as store:
        for version in range(5):
            assert is_new(submit(store, to("s-1", version)).result(10))
        assert counting.batches == [1] * 5
        gate = hold(store)
        crowd = [submit(store, to(f"crowd-{n}", 0)) for n in range(2)]
        gate.set()
        assert all(is_new(future.result(10)) for future in crowd)
        assert counting.batches == [1] * 6 + [2]
        lingering = submit(store, to("s-2", 0))
        assert is_new(submit(store, to("s-3", 0)).result(10))
        assert is_new(lingering.result(10))
        assert counting.batches == [1] * 6 + [2, 2], "after company it waited for more"


def test_appends_of_one_stream_or_one_command_never_share_a_commit(database: Database) -> None:
    counting = Counting(database.dialect())
    with closing(EventStore(counting, "sample")) as store:
        gate = hold(store)
        appends = [to("s-1", 0, "a"), to("s-1", 1, "b"), to("s-1", 2, "c"), to("s-2", 0, "a", body="b"), to("s-3", 0)]
        futures = [submit(store, append) for append in appends]
        gate.set()
        outcomes = [future.result(10) for future in futures]
    assert [is_new(outcome) for outcome in outcomes] == [True, True, True, False, True]
    assert counting.batches == [1, 2, 2, 1], "s-1 and s-3; s-1 and s-2, which repeats the id; s-1"


def test_a_full_queue_refuses_more(database: Database) -> None:
    with closing(EventStore(database.dialect(), "sample", queue_limit=3)) as store:
        gate = hold(store)
        waiting = [submit(store, to(f"s-{n}", 0)) for n in range(3)]
        with pytest.raises(Overloaded):
            store.append_now(to("s-4", 0))
        assert all(isinstance(outcome, Overloaded) for outcome in together(store, [to("s-5", 0)] * 3))
        gate.set()
        assert all(is_new(future.result(10)) for future in waiting)
        assert is_new(store.append_now(to("s-4", 0)))


def test_closing_finishes_what_is_queued_and_takes_nothing_more(database: Database) -> None:
    store = EventStore(database.dialect(), "sample")
    gate = hold(store)
    waiting = [submit(store, to("s-1", version)) for version in range(4)]
    closing_thread = threading.Thread(target=store.close)
    closing_thread.start()
    gate.set()
    closing_thread.join(10)
    assert all(is_new(future.result(0)) for future in waiting)
    with pytest.raises(Unavailable):
        store.append_now(to("s-2", 0))
    store.close()


def test_no_append_is_forgotten_between_taking_and_closing(database: Database) -> None:
    """Each is either recorded or refused; none waits for ever."""
    for turn in range(20):
        store = EventStore(database.dialect(), "sample")
        settled: list[bool] = []

        def send(store: EventStore = store, turn: int = turn, settled: list[bool] = settled) -> None:
            for n in range(1000):
                try:
                    settled.append(is_new(store.append_now(to(f"t-{turn}", n, f"{turn}/{n}"))))
                except Unavailable:
                    return

        sender = threading.Thread(target=send)
        sender.start()
        eventually(settled.__len__)
        store.close()
        sender.join(10)
        assert not sender.is_alive()
        assert all(settled)


def test_a_waiter_whose_loop_is_gone_harms_nobody(store: EventStore) -> None:
    gate = hold(store)

    async def give_up() -> None:
        await asyncio.wait_for(store.append(to("s-1", 0)), 0.001)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    gate.set()
    eventually(lambda: store.last_position() == 2)
    assert is_new(store.append_now(to("s-1", 1)))


def test_each_commit_wakes_the_listeners_once_until_they_leave(store: EventStore) -> None:
    woken: list[int] = []

    def wake() -> None:
        woken.append(store.last_position())

    store.on_append(wake)
    store.append_now(to("s-1", 0, events=2))
    store.append_now(to("s-1", 2))
    store.forget(wake)
    store.append_now(to("s-1", 3))
    assert woken == [2, 3], "it is told after the commit is visible"


# --- trouble ------------------------------------------------------------------------------------------------------


def test_a_full_disk_refuses_the_whole_batch_and_works_again_once_freed(database: Database) -> None:
    with closing(EventStore(database.dialect(), "sample")) as store:
        disk = database.fill(store)
        huge = [to(f"s-{n}", 0, f"c{n}", size=5000) for n in range(8)]
        outcomes = together(store, huge)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 8
        assert {str(outcome) for outcome in outcomes} == {
            "存储空间已满,本次未保存 · the disk is full; nothing was recorded"
        }
        assert contents(store) == []
        assert store.find_command("c0") is None
        disk.free()
        assert all(is_new(outcome) for outcome in together(store, huge))
        assert store.last_position() == 8


def test_what_was_recorded_is_there_when_the_store_is_opened_again(database: Database) -> None:
    with closing(EventStore(database.dialect(), "sample")) as store:
        store.append_now(to("s-1", 0, "one", events=2))
        before = list(store.scan())
    with closing(EventStore(database.dialect(), "sample")) as store:
        assert list(store.scan()) == before
        assert store.info == store_info("sample")
        assert store.append_now(to("s-1", 1, "late")) == WrongVersion("s-1", 1, 2)
        repeated = store.append_now(to("s-1", 0, "one", events=2))
        assert isinstance(repeated, Appended)
        assert repeated.repeated


def test_the_epoch_is_part_of_every_event(database: Database) -> None:
    with closing(EventStore(database.dialect(), "sample")) as store:
        store.append_now(to("s-1", 0))
    database.execute("UPDATE store SET value = '2' WHERE key = 'epoch'")
    with closing(EventStore(database.dialect(), "sample")) as store:
        assert [event.epoch for event in store.scan()] == [2]


def _of_a_newer_build(database: Database) -> str:
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    return "made by a newer bizenv"


def _of_an_older_build(database: Database) -> str:
    database.execute("UPDATE alembic_version SET version_num = '0000'")
    return "run bizenv migrate"


def _of_another_program(database: Database) -> str:
    database.execute("DROP TABLE alembic_version")
    return "is not a bizenv database"


def _of_another_service(database: Database) -> str:
    database.execute("UPDATE store SET value = 'other' WHERE key = 'service'")
    return "belongs to another service"


def _half_made(database: Database) -> str:
    database.execute("DELETE FROM store WHERE key = 'store_id'")
    return "its own info is missing or damaged"


def _without_its_tables(database: Database) -> str:
    database.execute("DROP TABLE store")
    return "cannot open the database"


@pytest.mark.parametrize(
    "spoil",
    [
        _of_a_newer_build,
        _of_an_older_build,
        _of_another_program,
        _of_another_service,
        _half_made,
        _without_its_tables,
    ],
)
def test_an_unusable_store_says_why_in_one_sentence(database: Database, spoil: Callable[[Database], str]) -> None:
    sentence = spoil(database)
    with pytest.raises(StoreUnusable, match=sentence) as raised:
        EventStore(database.dialect(), "sample")
    assert database.dialect().place in str(raised.value)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    sqlite = Sqlite(tmp_path)
    sqlite.path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreUnusable, match="cannot open the database"):
        EventStore(sqlite.dialect(), "sample")


# --- a database that is altered, moved or damaged under an open store ------------------------------------------------


def test_a_migrated_database_is_as_the_migrations_make_it(database: Database, store: EventStore) -> None:
    store.append_now(to("s-1", 0))
    database.execute("ANALYZE")
    with store.engine.connect() as connection:
        assert store.dialect.alterations(connection) == []
    require_unaltered(store)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "CREATE TRIGGER forge AFTER INSERT ON events BEGIN UPDATE events SET actor = 'x'; END",
            Alteration("trigger", "forge", Change.ADDED),
        ),
        ("CREATE VIEW v AS SELECT 1", Alteration("view", "v", Change.ADDED)),
        ("CREATE INDEX i ON events (actor)", Alteration("index", "i", Change.ADDED)),
        ("ALTER TABLE streams ADD COLUMN note TEXT", Alteration("table", "streams", Change.ALTERED)),
        ("DROP TABLE merkle_nodes", Alteration("table", "merkle_nodes", Change.REMOVED)),
    ],
)
def test_an_altered_schema_is_named_and_refused(tmp_path: Path, statement: str, found: Alteration) -> None:
    with closing(make_store(tmp_path / "events.sqlite")) as store:
        with store.engine.connect() as connection:
            connection.exec_driver_sql(statement)
            assert store.dialect.alterations(connection) == [found]
        with pytest.raises(StoreUnusable, match=f"its schema was altered.*{found.kind} {found.name} .*{found.english}"):
            require_unaltered(store)


def test_definitions_written_otherwise_are_the_same(tmp_path: Path) -> None:
    """Another version of a library may write the same table with other white space and quotes."""
    with closing(make_store(tmp_path / "events.sqlite")) as store, store.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE streams")
        connection.exec_driver_sql(
            'CREATE TABLE "streams" ("stream" TEXT NOT NULL,version INTEGER NOT NULL,PRIMARY KEY ("stream"))'
            " WITHOUT ROWID"
        )
        assert store.dialect.alterations(connection) == []


def _moved(path: Path) -> None:
    path.rename(path.with_suffix(".old"))


def _replaced(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)


@pytest.mark.parametrize("act", [_moved, _replaced])
def test_a_file_that_is_moved_or_replaced_takes_no_more_appends(tmp_path: Path, act: Callable[[Path], None]) -> None:
    path = tmp_path / "events.sqlite"
    with closing(make_store(path)) as store:
        store.append_now(to("s-1", 0))
        assert store.trouble is None
        act(path)
        with pytest.raises(Unavailable, match="moved away or replaced"):
            store.append_now(to("s-1", 1))
        assert store.trouble is not None
        assert store.refuses
        store.engine.dispose()  # no connection from before is left in the pool
        for asked in (lambda: store.read_stream("s-1"), lambda: store.find_command("c")):
            with pytest.raises(Unavailable, match="moved away or replaced"):
                asked()
        with pytest.raises(OperationalError, match="moved away or replaced"):
            store.read(0, 10)
        assert path.exists() is (act is _replaced), "no empty file is made in its place"


def test_a_move_is_noticed_without_any_append(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with closing(make_store(path)) as store:
        _moved(path)
        assert store.trouble is not None
        path.with_suffix(".old").rename(path)
        assert store.refuses, "until it is opened again"


def test_a_store_that_turns_out_to_be_damaged_takes_no_more_appends(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    with closing(make_store(path)) as store:
        store.append_now(to("s-1", 0, events=100))
    spoil_table(path, "events")
    with closing(open_store(path)) as store:
        assert store.trouble is None
        with pytest.raises(DatabaseError, match=r"events\.sqlite"):
            store.read(0, 10)
        assert store.trouble is not None
        with pytest.raises(Unavailable, match="is damaged"):
            store.append_now(to("s-2", 0))


# --- migrations ---------------------------------------------------------------------------------------------------


def test_the_migrations_make_exactly_the_tables_of_the_schema(database: Database) -> None:
    engine = database.dialect().engine()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    assert current(engine) == newest(engine) == schema.REVISION
    engine.dispose()


def test_migrating_up_down_and_up_again(database: Database) -> None:
    engine = database.dialect().engine()
    alembic.downgrade(config(engine), "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    assert migrate(engine) == (None, schema.REVISION)
    assert set(schema.metadata.tables) <= set(inspect(engine).get_table_names())
    assert migrate(engine) == (schema.REVISION, schema.REVISION), "migrating a migrated database changes nothing"
    engine.dispose()


def test_a_store_of_the_first_revision_is_migrated_with_all_it_holds(database: Database) -> None:
    engine = database.dialect().engine()
    with closing(EventStore(database.dialect(), "sample")) as store:
        store.append_now(to("s-1", 0, "one", events=3))
        before = list(store.scan())
    alembic.downgrade(config(engine), "0001")
    with pytest.raises(StoreUnusable, match="run bizenv migrate"):
        EventStore(database.dialect(), "sample")
    assert migrate(engine) == ("0001", schema.REVISION)
    engine.dispose()
    with closing(EventStore(database.dialect(), "sample")) as store:
        require_unaltered(store)
        assert list(store.scan()) == before
        assert is_new(store.append_now(to("s-1", 3)))


def _make(database: Database, said: Any) -> None:
    """One process of several that make the store."""
    try:
        create_store(database.dialect(), store_info("sample"))
    except StoreUnusable as error:
        said.put(str(error))
    else:
        said.put("made")


def test_of_two_processes_that_make_a_store_one_is_told_that_it_was_late(request: pytest.FixtureRequest) -> None:
    made = DATABASES["postgresql"](request)
    spawn = multiprocessing.get_context("spawn")
    said = spawn.SimpleQueue()
    makers = [spawn.Process(target=_make, args=(made, said)) for _ in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
        assert maker.exitcode == 0
    answers = sorted(said.get() for _ in makers)
    said.close()
    assert "already holds a store" in answers[0]
    assert answers[1] == "made"
    with closing(EventStore(made.dialect(), "sample")) as store:
        require_unaltered(store)


# --- what a process has recorded itself ---------------------------------------------------------------------------


def test_what_was_recorded_here_is_at_hand_as_it_is_read(store: EventStore) -> None:
    store.append_now(to("a-1", 0))
    recent = store.recent
    assert recent.read(0, 10) == []
    callers = [to("a-1", 1, events=3), to("b-1", 0, events=2), to("c-1", 5), to("d-1", 0)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.append_now, callers))
    store.append_now(callers[0])
    assert recent.read(0, 100) == []
    for _ in range(2):
        assert recent.read(1, 100) == store.read(1, 100)
        assert recent.read(3, 2) == store.read(3, 2)
    assert len(recent.read(1, 100)) == 6
    assert recent.read(7, 100) == recent.read(100, 1) == []


def test_what_is_at_hand_begins_anew_behind_what_another_process_recorded(
    store: EventStore, database: Database
) -> None:
    recent = store.recent
    store.append_now(to("a-1", 0))
    with closing(EventStore(database.dialect(), "sample")) as other:
        other.append_now(to("b-1", 0))
    assert recent.read(0, 10) == store.read(0, 1)
    store.append_now(to("a-1", 1))
    assert recent.read(0, 10) == recent.read(1, 10) == []
    assert recent.read(2, 10) == store.read(2, 10) != []


@pytest.mark.parametrize("bound", ["MOST_EVENTS", "MOST_BYTES"])
def test_what_is_at_hand_is_bounded(store: EventStore, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    event = len(to("a-1", 0).events[0].data)
    monkeypatch.setattr(f"services.chassis.event_store.recent.{bound}", 10 if bound == "MOST_EVENTS" else 10 * event)
    recent = store.recent
    for version in range(30):
        store.append_now(to("a-1", version))
        newest = next(after for after in range(version + 1) if recent.read(after, 1))
        assert version - newest < 10
        assert recent.read(newest, 100) == store.read(newest, 100)
