"""What every sink may rely on, whichever place keeps its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.sinks.checkpoints import Checkpoint, LostPlace
from services.chassis.sinks.database import ParkedFact, SinkDatabase
from services.chassis.sinks.sink import Batch, Poisoned, ViewSink
from services.chassis.views.database import ViewDatabase
from services.chassis.views.generations import RebuildRunning
from services.chassis.views.live import LiveViews
from tests.sample_service import CounterAdded, CounterOpened, CounterRenamed, Faults
from tests.servers import Postgres
from tests.sink_places import DAY, REGISTRY, Files, History, Places, Schemas, batch_of, moved_by, sample_views

A, B = ("sample", 0), ("sample", 1)
ONE, TWO, THREE = Checkpoint(1, 1, 1), Checkpoint(1, 2, 7), Checkpoint(1, 3, 9)


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    if request.param == "sqlite":
        return Files(tmp_path)
    return Schemas(request.getfixturevalue("postgres").database())


@pytest.fixture
def sink(places: Places) -> Iterator[SinkDatabase]:
    with closing(SinkDatabase(places.open())) as opened:
        yield opened


@pytest.fixture
def views(places: Places) -> Iterator[ViewDatabase]:
    with closing(ViewDatabase(places.open(), sample_views(), REGISTRY)) as opened:
        yield opened


def move(
    sink: SinkDatabase, moved: dict[tuple[str, int], Checkpoint], before: dict[tuple[str, int], Checkpoint]
) -> None:
    with sink.engine.begin() as connection:
        sink.checkpoints.move(connection, moved, before)


def parked(position: int, error: str = "", stream: str = "counter-a") -> ParkedFact:
    return ParkedFact("sample", position, stream, position, "t", error, 5, b"\x00envelope")


# --- a question that is asked again and again ---------------------------------------------------------------------


def test_a_kept_connection_sees_what_was_committed_since(sink: SinkDatabase) -> None:
    assert sink.kept.rows("SELECT count(*) FROM checkpoints")[0][0] == 0
    move(sink, {A: ONE}, {})
    assert sink.kept.rows("SELECT count(*) FROM checkpoints")[0][0] == 1


def test_a_kept_connection_that_broke_off_is_replaced(sink: SinkDatabase) -> None:
    for _ in range(2):
        assert sink.kept.rows("SELECT 1")[0][0] == 1
        held = sink.kept._connection
        assert held is not None
        assert held.connection.dbapi_connection is not None
        held.connection.dbapi_connection.close()
    with pytest.raises(SQLAlchemyError):
        sink.kept.rows("SELECT nothing FROM checkpoints")
    assert sink.kept.rows("SELECT 1")[0][0] == 1


def test_a_closed_sink_keeps_no_connection(sink: SinkDatabase) -> None:
    sink.kept.rows("SELECT 1")
    sink.kept.close()
    assert sink.kept._connection is None
    assert sink.kept.rows("SELECT 1")[0][0] == 1
    assert sink.kept._connection is None


# --- checkpoints --------------------------------------------------------------------------------------------------


def test_checkpoints_move_on_from_what_was_read(sink: SinkDatabase) -> None:
    assert sink.read_checkpoints() == {}
    move(sink, {A: ONE}, {})
    move(sink, {A: TWO, B: ONE}, {A: ONE})
    assert sink.read_checkpoints() == {A: TWO, B: ONE}


@pytest.mark.parametrize(
    "before",
    [
        {A: ONE},
        {A: ONE, B: ONE},
        {A: TWO},
        {B: ONE},
        {},
        {A: Checkpoint(2, 2, 7), B: ONE},
        {A: Checkpoint(1, 2, 8), B: ONE},
        {A: TWO, B: ONE, ("other", 0): ONE},
    ],
)
def test_whoever_stands_elsewhere_has_lost_its_place_and_moves_nothing(
    sink: SinkDatabase, before: dict[tuple[str, int], Checkpoint]
) -> None:
    move(sink, {A: TWO, B: ONE}, {})
    with pytest.raises(LostPlace):
        move(sink, {A: THREE, B: THREE, ("other", 0): THREE, ("new", 0): ONE}, before)
    assert sink.read_checkpoints() == {A: TWO, B: ONE}


def test_many_checkpoints_move_at_once(sink: SinkDatabase) -> None:
    first = {(f"s{number}", number): Checkpoint(1, number, number) for number in range(300)}
    then = {source: Checkpoint(1, at.position + 1_000_000_000_000, 4) for source, at in first.items()}
    move(sink, first, {})
    move(sink, then, first)
    assert sink.read_checkpoints() == then


def test_after_a_restore_checkpoints_are_written_over_and_lost_facts_forgotten(sink: SinkDatabase) -> None:
    move(sink, {A: THREE}, {})
    with sink.engine.begin() as connection:
        sink.park(connection, [parked(2, "no"), parked(3)])
    sink.go_on_after_restore("sample", 2, {0: (2, 2), 1: (0, 0)}, 2)
    assert sink.read_checkpoints() == {A: Checkpoint(2, 2, 2), B: Checkpoint(2, 0, 0)}
    assert sink.read_parked() == [parked(2, "no")]


# --- parked facts -------------------------------------------------------------------------------------------------


def test_parked_facts_wait_until_they_are_taken_up(sink: SinkDatabase) -> None:
    facts = [parked(2, "no"), parked(3), parked(4, "never", "counter-b")]
    with sink.engine.begin() as connection:
        sink.park(connection, facts)
    assert sink.read_parked() == facts
    assert sink.read_parked("counter-a") == facts[:2]
    assert sink.wanted_retries() == []
    assert sink.request_retry("counter-a") == 2
    assert sink.wanted_retries() == ["counter-a"]
    sink.refuse_retry("counter-a")
    assert sink.wanted_retries() == []
    assert sink.request_retry() == 3
    with sink.engine.begin() as connection:
        sink.unpark(connection, facts[:2])
    assert sink.read_parked() == facts[2:]


def test_what_was_taken_up_is_not_taken_up_again_nor_parked_behind(sink: SinkDatabase) -> None:
    facts = [parked(2, "no"), parked(3)]
    with sink.engine.begin() as connection:
        sink.park(connection, facts)
    with sink.engine.begin() as connection:
        sink.unpark(connection, facts)
    with pytest.raises(LostPlace), sink.engine.begin() as connection:
        sink.unpark(connection, facts)
    with pytest.raises(LostPlace), sink.engine.begin() as connection:
        sink.park(connection, [parked(4)])
    assert sink.read_parked() == []


def test_any_error_can_be_told(sink: SinkDatabase) -> None:
    with sink.engine.begin() as connection:
        sink.park(connection, [parked(2, "不行 \0 \ud800 no")])
    assert sink.read_parked() == [parked(2, "不行 \ufffd ? no")]


# --- views --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 64, 700])
def test_batches_of_any_size_make_the_same_views_on_every_database(
    views: ViewDatabase, tmp_path: Path, size: int
) -> None:
    facts = History().live(12, 600).facts
    sink = ViewSink("views", views)
    for start in range(0, len(facts), size):
        sink.apply(batch_of(facts[start : start + size], views.read_checkpoints()))
    with closing(ViewDatabase(tmp_path / "other.sqlite", sample_views(), REGISTRY, durable=False)) as other:
        ViewSink("views", other).apply(batch_of(facts))
        assert views.checksum() == other.checksum()
        assert [row for _, row in views.rows("counters")] == [row for _, row in other.rows("counters")]
        assert views.facts("counter_facts") == other.facts("counter_facts")
        assert views.facts("counter_facts", "c3") == other.facts("counter_facts", "c3")
    assert views.get("counters", "c0") is None, "it was handed away"
    assert views.get("totals", "city").facts == 600
    assert views.read_checkpoints() == moved_by(facts)


def test_keys_come_in_the_order_of_their_bytes(views: ViewDatabase) -> None:
    names = ["a", "B", "b-1", "b1", "é", "保定", "Z", "_"]
    history = History()
    facts = [history.add(name, CounterOpened(occurred_on=DAY, unit="130602")) for name in names]
    ViewSink("views", views).apply(batch_of(facts))
    assert [key for key, _ in views.rows("counters")] == sorted(names)


def test_a_poisoned_batch_writes_nothing(places: Places) -> None:
    faults = Faults()
    faults.titles.add("boom")
    history = History()
    facts = [history.add("a", CounterOpened(occurred_on=DAY, unit="1"))]
    facts += [history.add("a", CounterRenamed(occurred_on=DAY, title="boom"))]
    with closing(ViewDatabase(places.open(), sample_views(faults), REGISTRY)) as views:
        with pytest.raises(Poisoned):
            ViewSink("views", views).apply(batch_of(facts))
        assert views.read_checkpoints() == {}
        assert views.get("counters", "a") is None
        assert views.facts("counter_facts") == []


def test_an_overtaken_batch_writes_nothing_and_shows_nothing(views: ViewDatabase) -> None:
    history = History()
    opened = history.add("a", CounterOpened(occurred_on=DAY, unit="1"))
    added = history.add("a", CounterAdded(occurred_on=DAY, amount=5))
    sink = ViewSink("views", views)
    sink.apply(batch_of([opened, added]))
    sums = views.checksum()
    for late in ([opened], [opened, added], [added]):
        with pytest.raises(LostPlace):
            sink.apply(batch_of(late))
    with pytest.raises(LostPlace):
        sink.apply(Batch([added], unparked=[parked(2)], before=moved_by([added])))
    assert views.checksum() == sums
    assert views.get("counters", "a").total == 5
    assert views.get("totals", "city").facts == 2


def test_what_was_written_is_there_after_opening_again(places: Places) -> None:
    facts = History().live(5, 60).facts
    with closing(ViewDatabase(places.open(), sample_views(), REGISTRY)) as views:
        views.identify("store")
        ViewSink("views", views).apply(batch_of(facts))
        sums, identity = views.checksum(), views.identity()
    with closing(ViewDatabase(places.open(), sample_views(), REGISTRY)) as again:
        assert again.checksum() == sums
        assert again.identity() == identity == {"store_id": "store", "fingerprint": again.fingerprint()}
        again.identify("another")
        assert again.identity() == identity
        assert again.execute(select(again.table("counters").c.key))[0] == ("c1",)
        assert again.flaw() is None
        assert again.damage is None


# --- generations --------------------------------------------------------------------------------------------------


def live(places: Places, store: str = "city") -> LiveViews:
    return LiveViews(places.generations(), store, sample_views(), REGISTRY)


def test_the_first_generation_is_made_once(places: Places) -> None:
    with closing(live(places)) as views:
        assert (views.number, views.pointed()) == (1, 1)
        ViewSink("views", views.current).apply(batch_of(History().live(3, 9).facts))
    with closing(live(places)) as again:
        assert again.number == 1
        assert again.get("totals", "city").facts == 9
    with closing(live(places, "another city")) as other:
        assert (other.number, other.pointed()) == (2, 2)
        assert other.get("totals", "city") is None


def test_a_rebuilt_generation_is_pointed_to_and_taken_up(places: Places) -> None:
    facts = History().live(3, 9).facts
    with closing(live(places)) as views:
        assert views.successor() is None
        assert views.rebuild(lambda database: ViewSink("views", database).apply(batch_of(facts))) == 2
        assert views.get("totals", "city") is None
        successor = views.successor()
        assert successor is not None
        views.swap(*successor)
        assert views.number == 2
        assert views.checkpoints == moved_by(facts)
        assert views.get("totals", "city").facts == 9


def test_one_rebuild_at_a_time_and_a_failed_one_leaves_nothing(places: Places) -> None:
    facts = History().live(3, 9).facts

    def fill(database: ViewDatabase) -> None:
        ViewSink("views", database).apply(batch_of(facts))
        with closing(live(places)) as other, pytest.raises(RebuildRunning, match="another rebuild is running"):
            other.rebuild(lambda _database: None)
        raise KeyboardInterrupt

    with closing(live(places)) as views:
        with pytest.raises(KeyboardInterrupt):
            views.rebuild(fill)
        assert views.pointed() == 1
        assert views.rebuild(lambda database: None) == 2
        successor = views.successor()
        assert successor is not None
        assert successor[1].read_checkpoints() == {}
        successor[1].close()


# --- PostgreSQL alone ---------------------------------------------------------------------------------------------

_COMPRESSION = """SELECT relname, attname, attcompression FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND atttypid = 'bytea'::regtype"""


def test_tables_that_are_made_are_compressed_by_lz4_and_those_that_are_there_left(postgres: Postgres) -> None:
    places = Schemas(postgres.database())
    with closing(SinkDatabase(places.open())) as sink, sink.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE parked ALTER COLUMN envelope SET COMPRESSION pglz")
    with closing(ViewDatabase(places.open(), sample_views(), REGISTRY)) as views, views.engine.connect() as connection:
        found = {(table, name): how for table, name, how in connection.exec_driver_sql(_COMPRESSION)}
    assert found.pop(("parked", "envelope")) == "p"
    assert ("counters", "row") in found
    assert set(found.values()) == {"l"}
