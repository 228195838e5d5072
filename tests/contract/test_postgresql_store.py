"""What only a store on PostgreSQL has to keep: its schema, its rights, its connections, its answers when they break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import msgspec
import psycopg
import pytest
from psycopg.pq import DiagnosticField
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from services.chassis.errors import Unavailable
from services.chassis.event_store import (
    Alteration,
    Append,
    Appended,
    Change,
    EventStore,
    Refusal,
    StoreUnusable,
    committing,
)
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import Failure, Outcome
from services.chassis.event_store.opening import create_store, open_store, require_unaltered, store_exists
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.event_store.postgresql_function import LOCK_CLASS
from services.chassis.event_store.store_info import begin_epoch
from tests.contract.test_event_store import is_new, submit, to
from tests.databases import SCHEMA, Counting, Postgresql, execute
from tests.servers import Postgres
from tests.stores import append_events, store_info
from tests.waiting import eventually


@pytest.fixture
def database(postgres: Postgres) -> Postgresql:
    url = postgres.database()
    made = Postgresql(url, postgres.as_superuser(url))
    create_store(made.dialect(), store_info("sample"))
    return made


@pytest.fixture
def store(database: Postgresql) -> Iterator[EventStore]:
    with closing(EventStore(database.dialect(), "sample")) as opened:
        yield opened


# --- the schema ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE VIEW v AS SELECT 1", Alteration("view", "v", Change.ADDED)),
        ("CREATE INDEX i ON events (actor)", Alteration("index", "i", Change.ADDED)),
        ("CREATE TABLE notes (text text)", Alteration("table", "notes", Change.ADDED)),
        ("CREATE SEQUENCE s", Alteration("sequence", "s", Change.ADDED)),
        ("CREATE DOMAIN d AS text", Alteration("type", "d", Change.ADDED)),
        ("CREATE RULE r AS ON DELETE TO events DO INSTEAD NOTHING", Alteration("rule", "r", Change.ADDED)),
        ("CREATE POLICY p ON events", Alteration("policy", "p", Change.ADDED)),
        ("ALTER TABLE streams ADD COLUMN note text", Alteration("table", "streams", Change.ALTERED)),
        ("ALTER TABLE events ALTER actor SET DEFAULT 'x'", Alteration("table", "events", Change.ALTERED)),
        ("ALTER TABLE events ALTER type TYPE varchar(9)", Alteration("table", "events", Change.ALTERED)),
        ("ALTER TABLE events ALTER actor DROP NOT NULL", Alteration("table", "events", Change.ALTERED)),
        ("ALTER TABLE events ADD CHECK (version < 9)", Alteration("table", "events", Change.ALTERED)),
        ("ALTER TABLE events ENABLE ROW LEVEL SECURITY", Alteration("table", "events", Change.ALTERED)),
        ("DROP TABLE merkle_nodes", Alteration("table", "merkle_nodes", Change.REMOVED)),
        ("DROP FUNCTION append_batch", Alteration("function", "append_batch", Change.REMOVED)),
        ("ALTER FUNCTION append_batch SECURITY DEFINER", Alteration("function", "append_batch", Change.ALTERED)),
        ("ALTER FUNCTION append_batch SET jit = off", Alteration("function", "append_batch", Change.ALTERED)),
        (
            "CREATE FUNCTION append_batch(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            Alteration("function", "append_batch", Change.ALTERED),
        ),
    ],
)
def test_an_altered_schema_is_named_and_refused(
    database: Postgresql, store: EventStore, statement: str, found: Alteration
) -> None:
    database.execute(statement)
    with store.engine.connect() as connection:
        assert store.dialect.alterations(connection) == [found]
    with pytest.raises(StoreUnusable, match="its schema was altered"):
        require_unaltered(store)


def test_a_trigger_and_its_function_are_both_named(database: Postgresql, store: EventStore) -> None:
    forging = "CREATE FUNCTION forge() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.actor = 'x'; RETURN NEW; END$$"
    database.execute(forging)
    database.execute("CREATE TRIGGER forge BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION forge()")
    with store.engine.connect() as connection:
        assert store.dialect.alterations(connection) == [
            Alteration("function", "forge", Change.ADDED),
            Alteration("trigger", "forge", Change.ADDED),
        ]


def test_a_table_that_a_crash_would_empty_is_named(database: Postgresql, store: EventStore) -> None:
    database.execute("ALTER TABLE commands SET UNLOGGED")
    with store.engine.connect() as connection:
        assert Alteration("table", "commands", Change.ALTERED) in store.dialect.alterations(connection)


def test_a_table_that_inherits_from_the_events_is_named(database: Postgresql, store: EventStore) -> None:
    """Its rows would be read as events."""
    database.execute("CREATE TABLE more () INHERITS (events)")
    with store.engine.connect() as connection:
        assert {each.name for each in store.dialect.alterations(connection)} == {"events", "more"}


def test_other_schemas_of_the_database_are_nobodys_business(database: Postgresql, store: EventStore) -> None:
    database.execute("CREATE SCHEMA other")
    database.execute("CREATE TABLE other.events (x int)")
    require_unaltered(store)


@pytest.mark.parametrize("schema", ["s", "c", "streams", "looked", "_x1"])
def test_any_plain_name_will_do_for_a_schema(postgres: Postgres, schema: str) -> None:
    dialect = PostgresDialect(postgres.database(), schema)
    create_store(dialect, store_info("sample"))
    with closing(open_store(dialect, "sample")) as store:
        require_unaltered(store)
        assert is_new(store.append_now(to("s-1", 0)))


@pytest.mark.parametrize("schema", ["", "Sample", "a b", "x;y", 'x"', "x" * 64])
def test_any_other_name_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="not a schema's name"):
        PostgresDialect("postgresql://127.0.0.1/x", schema)


# --- making, opening, rights --------------------------------------------------------------------------------------


def test_a_store_is_made_once(postgres: Postgres) -> None:
    dialect = PostgresDialect(postgres.database(), "sample")
    assert not store_exists(dialect)
    create_store(dialect, store_info("sample"))
    assert store_exists(dialect)
    with pytest.raises(StoreUnusable, match="already holds a store"):
        create_store(dialect, store_info("sample", partitions=9))


def test_a_role_without_rights_is_told_which_it_lacks(database: Postgresql, postgres: Postgres) -> None:
    name = database.url.rpartition("/")[2]
    postgres.execute(f"CREATE ROLE {name}_clerk LOGIN PASSWORD 'secret'")
    host = database.url.rpartition("@")[2]
    clerk = PostgresDialect(f"postgresql://{name}_clerk:secret@{host}", SCHEMA)
    with pytest.raises(StoreUnusable, match=r"no right to use the schema sample \(GRANT USAGE\)"):
        open_store(clerk, "sample")
    with pytest.raises(StoreUnusable, match="permission denied for database"):
        create_store(PostgresDialect(f"postgresql://{name}_clerk:secret@{host}", "other"), store_info("other"))


def test_an_auditor_needs_to_read_only(database: Postgresql, postgres: Postgres, store: EventStore) -> None:
    append_events(store, 3)
    name = database.url.rpartition("/")[2]
    postgres.execute(f"CREATE ROLE {name}_auditor LOGIN PASSWORD 'secret'")
    database.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}_auditor")
    database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name}_auditor")
    host = database.url.rpartition("@")[2]
    with closing(open_store(PostgresDialect(f"postgresql://{name}_auditor:secret@{host}", SCHEMA), "sample")) as read:
        assert len(read.read(0, 10)) == 3
        require_unaltered(read)
        with pytest.raises(Unavailable, match="takes no writes; nothing was recorded"):
            read.append_now(to("s-1", 0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("@127.0.0.1:", "@127.0.0.1:1"), "connection"),
        (lambda url: url.rpartition("/")[0] + "/nowhere", 'database "nowhere" does not exist'),
        (lambda url: url.replace("://bizenv:", "://bizenv:not"), "password authentication failed"),
        (lambda url: url + "?sslmode=require", "server does not support SSL"),
    ],
)
def test_a_wrong_address_is_told_without_the_password(
    database: Postgresql, change: Callable[[str], str], says: str
) -> None:
    password = psycopg.conninfo.conninfo_to_dict(database.url)["password"]
    with pytest.raises(StoreUnusable, match=says) as raised:
        open_store(PostgresDialect(change(database.url), SCHEMA), "sample")
    assert str(password) not in str(raised.value)
    assert "/" in str(raised.value)
    assert "模式 sample" in str(raised.value)


def test_a_database_that_is_read_only_says_so(database: Postgresql, store: EventStore) -> None:
    name = database.url.rpartition("/")[2]
    store.append_now(to("s-1", 0))
    database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    reconnect(store)
    with pytest.raises(Unavailable, match=r"read-only \(a standby\?\); nothing was recorded"):
        store.append_now(to("s-1", 1))
    execute(postgres_of(database), f"ALTER DATABASE {name} RESET ALL")
    reconnect(store)
    assert is_new(store.append_now(to("s-1", 1)))


# --- the lock -----------------------------------------------------------------------------------------------------


def test_two_services_of_one_database_do_not_wait_for_each_other(database: Postgresql, store: EventStore) -> None:
    dialect = PostgresDialect(database.url, "other")
    create_store(dialect, store_info("other"))
    with closing(open_store(dialect, "other")) as other, holding_the_lock(database):
        waiting = submit(store, to("s-1", 0))
        assert is_new(other.append_now(to("s-1", 0)))
        assert not waiting.done()
    assert is_new(waiting.result(10))


@contextmanager
def holding_the_lock(database: Postgresql) -> Iterator[None]:
    """As another process that appends does."""
    with psycopg.connect(database.url, options=f"-c search_path={SCHEMA}") as connection:
        lock = f"SELECT pg_advisory_xact_lock({LOCK_CLASS}::bigint << 32 | 'events'::regclass::oid::bigint)"
        connection.execute(lock.encode())
        yield


def test_the_server_lets_go_of_a_client_that_stands_still_or_is_gone(store: EventStore) -> None:
    """Else its locks stay for as long as it stands still, or for the two hours of TCP."""
    wanted = {
        "idle_in_transaction_session_timeout": "15s",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }
    with store.engine.connect() as connection:
        assert {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in wanted} == wanted


# --- connections that break ---------------------------------------------------------------------------------------


def cut(name: str) -> str:
    """The statement that ends all other connections to this database."""
    return (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )


LOST = psycopg.OperationalError("the connection was lost while the answer was on its way")


class Breaking(Counting):
    """Breaks the connection off before or after each of the next appends."""

    def __init__(self, inner: Dialect, before: int = 0, after: int = 0, error: psycopg.OperationalError = LOST) -> None:
        super().__init__(inner)
        self.before, self.after, self.error = before, after, error

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, psycopg.Connection)
        if self.before:
            self.before -= 1
            raw.close()
        outcomes = super().append(connection, batch, partitions)
        if self.after:
            self.after -= 1
            raise self.error
        return outcomes


@pytest.mark.parametrize(("before", "after"), [(1, 0), (3, 0), (0, 1), (2, 2)])
def test_a_batch_whose_fate_is_not_known_is_tried_again(database: Postgresql, before: int, after: int) -> None:
    dialect = Breaking(database.dialect(), before, after)
    with closing(EventStore(dialect, "sample")) as store:
        outcome = store.append_now(to("s-1", 0, "one", events=2))
        assert is_new(outcome), "it was recorded by this call, if not by its last attempt"
        assert isinstance(outcome, Appended)
        assert (outcome.record.last_version, outcome.record.position) == (2, 2)
        assert store.last_position() == 2
        again = store.append_now(to("s-1", 0, "one", events=2))
        assert isinstance(again, Appended)
        assert again.repeated


@pytest.mark.parametrize("severity", [b"FATAL", b"PANIC"])
@pytest.mark.parametrize("kind", [psycopg.errors.DiskFull, psycopg.errors.IoError])
def test_a_server_that_ends_in_the_midst_of_a_commit_may_have_recorded_it(
    database: Postgresql, kind: type[psycopg.OperationalError], severity: bytes
) -> None:
    """Whatever its last words are: what was in the log by then outlives its recovery."""
    words = kind("could not write to the log", info={DiagnosticField.SEVERITY_NONLOCALIZED: severity})
    with closing(EventStore(Breaking(database.dialect(), after=1, error=words), "sample")) as store:
        assert is_new(store.append_now(to("s-1", 0, "one")))
        assert store.last_position() == 1


def test_a_statement_alone_that_fails_for_a_full_disk_recorded_nothing() -> None:
    words = psycopg.errors.DiskFull("no space", info={DiagnosticField.SEVERITY_NONLOCALIZED: b"ERROR"})
    assert PostgresDialect.failure(words) is Failure.FULL


def test_what_an_earlier_call_recorded_is_still_a_repetition(database: Postgresql, store: EventStore) -> None:
    first = to("s-1", 0, "one")
    store.append_now(first)
    later = msgspec.structs.replace(first, recorded_at=first.recorded_at + 1)
    dialect = Breaking(database.dialect(), after=1)
    with closing(EventStore(dialect, "sample")) as other:
        outcome = other.append_now(later)
        assert isinstance(outcome, Appended)
        assert outcome.repeated
        dialect.after = 1
        assert other.append_now(to("s-2", 0, "one", body="x")) == Refusal("one")


def test_one_that_can_never_be_known_says_so(database: Postgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "RETRY_SECONDS", 0.2)
    dialect = Breaking(database.dialect(), after=1000)
    with closing(EventStore(dialect, "sample")) as store:
        with pytest.raises(Unavailable, match="MAY have been recorded: repeat it with the same command id"):
            store.append_now(to("s-1", 0, "one"))
        dialect.after = 0
        outcome = store.append_now(to("s-1", 0, "one"))
        assert isinstance(outcome, Appended)
        assert store.last_position() == 1


def test_a_server_that_can_not_be_reached_says_that_nothing_was_recorded(database: Postgresql) -> None:
    name = database.url.rpartition("/")[2]
    with closing(EventStore(database.dialect(), "sample")) as store:
        execute(postgres_of(database), f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        store.engine.dispose()
        with pytest.raises(Unavailable, match="takes no writes; nothing was recorded"):
            store.append_now(to("s-1", 0))
        execute(postgres_of(database), f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert is_new(store.append_now(to("s-1", 0)))


def postgres_of(database: Postgresql) -> str:
    """The server's own database, for the superuser."""
    assert database._superuser is not None
    return database._superuser.rpartition("/")[0] + "/postgres"


def test_reads_and_appends_go_on_after_all_connections_were_cut(database: Postgresql, store: EventStore) -> None:
    name = database.url.rpartition("/")[2]
    for version in range(3):
        assert is_new(store.append_now(to("s-1", version)))
        assert len(store.read(0, 10)) == version + 1
        execute(postgres_of(database), cut(name))
        assert len(store.read(0, 10)) == version + 1


def test_a_statement_that_the_connection_has_forgotten_is_prepared_again(store: EventStore) -> None:
    store.append_now(to("s-1", 0))
    assert store._committer._connection is not None
    store._committer._connection.exec_driver_sql("DEALLOCATE ALL")
    assert is_new(store.append_now(to("s-1", 1)))


# --- another database, or one that went back ------------------------------------------------------------------------


def reconnect(store: EventStore) -> None:
    """Let all that it does from now on need new connections."""
    store._committer.close()
    store.engine.dispose()


def test_a_store_that_went_back_takes_no_more_appends(database: Postgresql, store: EventStore) -> None:
    append_events(store, 3)
    database.execute("DELETE FROM events WHERE position = 3")
    assert store.trouble is None, "who does so in place is found out by the audit"
    reconnect(store)
    with pytest.raises(Unavailable, match="lacks events that were acknowledged"):
        store.append_now(to("s-1", 0))
    assert store.refuses
    with pytest.raises(DBAPIError, match="lacks events"):
        store.read(0, 10)


def lose_last(database: Postgresql, position: int) -> None:
    """As a standby that took over without the newest commit."""
    database.execute(f"DELETE FROM streams WHERE stream = (SELECT stream FROM events WHERE position = {position})")
    for table in ("commands", "events"):
        database.execute(f"DELETE FROM {table} WHERE position = {position}")


def look_anew(store: EventStore) -> None:
    reconnect(store)
    store.engine.connect().close()


SEEN: dict[str, Callable[[EventStore], object]] = {
    "the newest position": EventStore.last_position,
    "a page": lambda store: store.read(2, 10),
    "a new connection": look_anew,
}


@pytest.mark.parametrize("seen", SEEN)
def test_what_another_process_was_told_of_is_missed_too(database: Postgresql, store: EventStore, seen: str) -> None:
    """It never acknowledged the event itself, and would use its position again."""
    append_events(store, 2)
    with closing(EventStore(database.dialect(), "sample")) as other:
        append_events(store, 1)
        SEEN[seen](other)
        lose_last(database, 3)
        reconnect(other)
        with pytest.raises(Unavailable, match="run bizenv recover"):
            other.append_now(to("s-again", 0))
        assert other.refuses
        assert other.trouble is not None


@pytest.mark.parametrize("value", ["store_id", "epoch"])
def test_another_store_at_the_same_address_takes_no_appends(
    database: Postgresql, store: EventStore, value: str
) -> None:
    append_events(store, 1)
    database.execute(f"UPDATE store SET value = '77' WHERE key = '{value}'")
    reconnect(store)
    with pytest.raises(Unavailable, match="is not the one that was opened"):
        store.append_now(to("s-1", 0))
    assert store.trouble is not None


def test_a_store_whose_tables_are_gone_takes_no_more_appends(database: Postgresql, store: EventStore) -> None:
    append_events(store, 1)
    database.execute("DROP TABLE commands")
    with pytest.raises(Unavailable, match="damaged or gone"):
        store.append_now(to("s-1", 0))
    assert store.refuses


# --- why the epoch is raised --------------------------------------------------------------------------------------


def test_after_a_restore_positions_are_used_again_and_only_the_epoch_tells(database: Postgresql) -> None:
    """A follower that had read position 3 would take the new event 3 for one it knows."""
    with closing(EventStore(database.dialect(), "sample")) as store:
        append_events(store, 3)
        before = store.read(2, 1)[0]
    for statement in (
        "DELETE FROM events WHERE position = 3",
        f"DELETE FROM commands WHERE command_id = '{before.command_id}'",
        f"UPDATE streams SET version = version - 1 WHERE stream = '{before.stream}'",
    ):
        database.execute(statement)  # as a copy from before it is
    begin_epoch(database.dialect(), 2)
    with closing(EventStore(database.dialect(), "sample")) as store:
        store.append_now(to("s-other", 0))
        after = store.read(2, 1)[0]
    assert after.position == before.position == 3
    assert after.id != before.id
    assert (before.epoch, after.epoch) == (1, 2), "(epoch, position) names one event for ever"


def test_a_batch_under_way_when_its_connection_is_cut_is_recorded_once(database: Postgresql) -> None:
    """The backend is ended while it waits for the lock; the batch is tried again behind it."""
    name = database.url.rpartition("/")[2]
    with closing(EventStore(database.dialect(), "sample")) as store:
        store.append_now(to("s-1", 0))
        outcomes: list[Outcome] = []
        with holding_the_lock(database):
            thread = threading.Thread(target=lambda: outcomes.append(store.append_now(to("s-1", 1))))
            thread.start()
            waiting = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
            eventually(lambda: database.ask(waiting))
            (pid,) = database.ask(waiting)[0]
            execute(postgres_of(database), f"SELECT pg_terminate_backend({pid})")
            eventually(lambda: database.ask(f"{waiting} AND pid <> {pid}"), what="another try")
        thread.join(30)
    assert [is_new(outcome) for outcome in outcomes] == [True]
    assert database.ask("SELECT count(*) FROM events") == [(2,)]
