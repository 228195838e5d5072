"""Order and durability of a store on PostgreSQL under hostile load: several processes write, commits are slow or rolled
back, connections are cut, the server is killed. A follower that reads in position order misses nothing."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from hashlib import sha256
from typing import Any

import msgspec
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.event_store import Append, Appended, EventStore, NewEvent, StoreUnusable, schema
from services.chassis.event_store import postgresql_append as statement
from services.chassis.event_store.opening import create_store
from tests.databases import SCHEMA, Postgresql, execute
from tests.servers import Postgres
from tests.stores import RECORDED_AT, store_info
from tests.waiting import eventually

PROCESSES, THREADS = 4, 3
HELD, ROLLED_BACK, ELSEWHERE = 0.03, 0.03, 0.1
"""Parts of the hostile transactions that stay open for 20 ms, that are rolled back, and that write elsewhere first:
they have their number long before they come to append."""

Done = tuple[str, str, int, int]
"""Command id, stream, the version and position that were acknowledged."""


def command(stream: str, version: int, events: int = 1) -> Append:
    command_id = f"{stream}/{version}"
    fact = NewEvent("bizenv.sample.noted.v1", date(2017, 3, 1), msgspec.json.encode({"text": command_id}))
    return Append(
        stream=stream,
        expected_version=version,
        command_id=command_id,
        command_hash=sha256(command_id.encode()).digest(),
        events=(fact,) * events,
        recorded_at=RECORDED_AT,
        actor="tester",
        correlation_id=command_id,
        causation_id=command_id,
    )


def insist(store: EventStore, append: Append) -> Done:
    """Repeat a command until it is acknowledged, as a client does."""
    while True:
        try:
            outcome = store.append_now(append)
        except Unavailable:
            continue
        assert isinstance(outcome, Appended), outcome
        record = outcome.record
        return record.command_id, record.stream, record.last_version, record.position


def write(store: EventStore, stream: str, commands: int) -> list[Done]:
    done: list[Done] = []
    version = 0
    for step in range(commands):
        done.append(insist(store, command(stream, version, 1 + step % 3)))
        version += 1 + step % 3
    return done


def disturb(url: str, stream: str, commands: int, seed: int) -> list[Done]:
    """Append in transactions that stay open for a while or are rolled back, as no store of ours does."""
    chance, done, version = random.Random(seed), list[Done](), 0
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={SCHEMA}") as raw:
        statement.prepare(raw)
        for _ in range(commands):
            raw.execute("BEGIN")
            if chance.random() < ELSEWHERE:
                raw.execute("INSERT INTO public.elsewhere SELECT pg_current_xact_id()::text FROM pg_sleep(0.01)")
            (outcome,) = statement.append_batch(raw, [command(stream, version)], 8)
            assert isinstance(outcome, Appended), outcome
            if chance.random() < HELD:
                raw.execute("SELECT pg_sleep(0.02)")
            if chance.random() < ROLLED_BACK:
                raw.execute("ROLLBACK")
                continue
            raw.execute("COMMIT")
            version += 1
            done.append((outcome.record.command_id, stream, version, outcome.record.position))
    return done


def _process(database: Postgresql, number: int, commands: int, hostile: bool, done: Any) -> None:
    """One process of the load: threads on one store, and beside them one that disturbs."""
    with closing(opened(database)) as store, ThreadPoolExecutor(THREADS + 1) as pool:
        works = [pool.submit(write, store, f"s-{number}-{thread}", commands) for thread in range(THREADS)]
        if hostile:
            works.append(pool.submit(disturb, database.url, f"s-{number}-hostile", commands, number))
        done.put([each for work in works for each in work.result()])


def opened(database: Postgresql) -> EventStore:
    """The store, as soon as its server is there."""
    stores: list[EventStore] = []

    def is_open() -> bool:
        try:
            stores.append(EventStore(database.dialect(), "sample"))
        except StoreUnusable:
            return False
        return True

    eventually(is_open, 60)
    return stores[0]


class Follower:
    """Reads in position order from the first event on, while others write."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.seen: list[Envelope] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pages = random.Random(7)
        while True:
            last = self._end.is_set()
            try:
                page = self._store.read(self.seen[-1].position if self.seen else 0, pages.choice((1, 7, 500)))
            except SQLAlchemyError:
                page = []
            self.seen.extend(page)
            if last and not page:
                return

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)

    def finish(self) -> list[Envelope]:
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.seen


@contextmanager
def load(database: Postgresql, commands: int, *, hostile: bool = False) -> Iterator[Callable[[], list[Done]]]:
    """Processes that write; the call waits for them and gives what was acknowledged."""
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    arguments = [(database, number, commands, hostile, answers) for number in range(PROCESSES)]
    processes = [spawn.Process(target=_process, args=given) for given in arguments]
    for process in processes:
        process.start()

    def wait() -> list[Done]:
        done: list[Done] = []
        for _ in processes:
            eventually(lambda: not answers.empty() or any(process.exitcode for process in processes), 110)
            assert not any(process.exitcode for process in processes)
            done += answers.get(timeout=10)
        return done

    try:
        yield wait
    finally:
        for process in processes:
            process.kill()
        answers.close()


def check(store: EventStore, seen: list[Envelope], done: list[Done]) -> None:
    """The follower missed nothing, positions have no gap, streams are in order, each command is there once and as it
    was acknowledged."""
    assert [event.position for event in seen] == list(range(1, len(seen) + 1))
    assert seen == list(store.scan())
    versions: Counter[str] = Counter()
    for event in seen:
        versions[event.stream] += 1
        assert event.version == versions[event.stream]
    last = {event.command_id: (event.command_id, event.stream, event.version, event.position) for event in seen}
    assert len(done) == len({command_id for command_id, *_ in done})
    assert last == {each[0]: each for each in done}
    first_of = Counter(event.command_id for event in seen if event.command_id == f"{event.stream}/{event.version - 1}")
    assert set(first_of.values()) == {1}, "no command was recorded twice"


def test_a_follower_misses_nothing_of_what_many_processes_write(postgres: Postgres) -> None:
    database = Postgresql(postgres.database())
    create_store(database.dialect(), store_info("sample"))
    execute(database.url, "CREATE TABLE public.elsewhere (transaction text NOT NULL)")
    with closing(opened(database)) as store, load(database, 80, hostile=True) as wait, Follower(store) as follower:
        done = wait()
        check(store, follower.finish(), done)
    assert database.ask("SELECT count(*) FROM public.elsewhere")[0][0] > 0


def test_the_same_follower_misses_events_of_appends_that_do_not_take_turns(postgres: Postgres) -> None:
    """The control: positions from a sequence, as the guarded append has none, committed in the other order."""
    database = Postgresql(postgres.database())
    create_store(database.dialect(), store_info("sample"))
    with closing(opened(database)) as store, Follower(store) as follower, ExitStack() as transactions:
        write(store, "s-guarded", 2)
        execute(database.url, "CREATE SEQUENCE numbers START 4")
        early, late = (transactions.enter_context(unguarded(database, name)) for name in ("s-early", "s-late"))
        late.commit()
        eventually(lambda: follower.seen[-1:] and follower.seen[-1].stream == "s-late")
        early.commit()
        seen = follower.finish()
        assert [event.stream for event in store.scan()][3:] == ["s-early", "s-late"]
    assert [event.position for event in seen] == [1, 2, 3, 5]


@contextmanager
def unguarded(database: Postgresql, stream: str) -> Iterator[psycopg.Connection]:
    """A transaction with one event at the sequence's next position, not committed yet."""
    other = {"position": "nextval('numbers')", "stream": f"'{stream}'", "command_id": f"'{stream}/0'", "version": "1"}
    names = [column.name for column in schema.events.c]
    values = ", ".join(other.get(name, f'"{name}"') for name in names)
    with psycopg.connect(database.url, options=f"-c search_path={SCHEMA}") as connection:
        connection.execute(
            f"INSERT INTO events ({', '.join(names)}) SELECT {values} FROM events WHERE position = 1".encode()
        )
        yield connection


def test_backends_ended_under_load_lose_and_double_nothing(postgres: Postgres) -> None:
    url = postgres.database()
    database = Postgresql(url)
    create_store(database.dialect(), store_info("sample"))
    name = url.rpartition("/")[2]
    others = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    with closing(opened(database)) as store, load(database, 500) as wait, Follower(store) as follower:
        for _ in range(12):
            before = len(follower.seen)
            eventually(lambda before=before: len(follower.seen) > before + 20, 60)  # type: ignore[misc]
            execute(postgres.as_superuser(url), others)
        done = wait()
        check(store, follower.finish(), done)


def test_a_server_killed_under_load_loses_and_doubles_nothing(own_postgres: Callable[..., Postgres]) -> None:
    server = own_postgres()
    database = Postgresql(server.database())
    create_store(database.dialect(), store_info("sample"))
    with closing(opened(database)) as store, load(database, 250) as wait, Follower(store) as follower:
        for _ in range(3):
            before = len(follower.seen)
            eventually(lambda before=before: len(follower.seen) > before + 60, 60)  # type: ignore[misc]
            server.kill()
            server.start()
        done = wait()
        check(store, follower.finish(), done)
