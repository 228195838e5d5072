"""Generations of views: built beside the live one and swapped without a gap, and never a step back."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from services.chassis.bus.consumer import catch_up
from services.chassis.bus.epochs import ConsumerStopped
from services.chassis.bus.intake import Intake
from services.chassis.errors import DeadlineExceeded
from services.chassis.forms.embedded import Embedded
from services.chassis.hosting.city import registry_of
from services.chassis.hosting.host import ServiceHost
from services.chassis.positions.position import PositionToken
from services.chassis.settings import Settings
from services.chassis.sinks.database import Checkpoint
from services.chassis.sinks.sink import ViewSink
from services.chassis.telemetry.metrics import METRICS
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveViews, RebuildRunning
from tests.sample_service import (
    COUNTER_FACTS,
    Add,
    CounterRow,
    Faults,
    FindCounter,
    FoundCounter,
    OpenCounter,
    Rename,
    call,
    counters_view,
    do,
    open_city,
    sample_service,
)
from tests.waiting import eventually

UNIT = "130602"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        yield opened


@pytest.fixture
def host(city: Embedded) -> ServiceHost:
    return city.hosts["sample"]


class Turning:
    """A thread that takes the host's turns, as the runtime does."""

    def __init__(self, host: ServiceHost) -> None:
        self._host = host
        self._stop = threading.Event()
        self.errors: list[Exception] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._host.turn(0.002)
            except Exception as error:  # noqa: BLE001 - a turn never raises; the test says so
                self.errors.append(error)
                return

    def __enter__(self) -> Turning:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert self.errors == []
        assert not self._thread.is_alive()


def checksum(host: ServiceHost) -> dict[str, str]:
    return host.views.current.checksum()


def replayed(host: ServiceHost, path: Path) -> dict[str, str]:
    views = (counters_view(Faults()), COUNTER_FACTS)
    database = ViewDatabase(path, views, registry_of([sample_service()]), durable=False)
    with closing(database):
        catch_up(host.renewal._bus, ["sample"], host.intake(ViewSink("replay", database)))
        return database.checksum()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("views.*.sqlite")}


def test_a_rebuilt_generation_answers_in_the_place_of_the_old_one(
    city: Embedded, host: ServiceHost, tmp_path: Path
) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    city.settle()
    before = checksum(host)
    pages: list[int] = []
    assert host.renewal.rebuild(pages.append) == 2
    assert METRICS.rebuild_progress.labels("sample")._value.get() == 1.0
    assert sum(pages) == city.stores["sample"].last_position()
    assert host.views.number == 1, "until the consumer takes it up"
    do(city, Add(counter="a", amount=6))
    host.turn(0.0)
    assert host.views.number == 2
    assert host.views.get("counters", "a").total == 11
    city.settle()
    assert checksum(host) != before
    assert checksum(host) == replayed(host, tmp_path / "replay.sqlite")


def test_while_others_append_no_reader_ever_sees_an_older_state(
    city: Embedded, host: ServiceHost, tmp_path: Path
) -> None:
    """What a token covers stays visible through swap after swap."""
    names = [f"c{n}" for n in range(4)]
    do(city, *(OpenCounter(counter=name, unit=UNIT) for name in names))
    done = threading.Event()
    faults: list[str] = []

    def write(name: str) -> None:
        while not done.is_set():
            receipt = city.do(Add(counter=name, amount=1), call())
            token = PositionToken.parse(receipt.token)
            eventually(lambda token=token: host.views.covers(token))  # type: ignore[misc]
            row = host.views.get("counters", name)
            if row is None or row.trail[-1] < receipt.version:
                faults.append(f"{name}: wrote version {receipt.version}, then read {row}")

    def read(name: str) -> None:
        seen = 0
        while not done.is_set():
            row = host.views.get("counters", name)
            facts = host.views.facts("counter_facts", name)
            version = max(row.trail[-1] if row else 0, 0)
            if version < seen or (facts and len(facts) < seen):
                faults.append(f"{name}: read version {version} and {len(facts)} facts after {seen}")
            seen = max(seen, min(version, len(facts)))

    threads = [threading.Thread(target=write, args=(name,)) for name in names[:2]]
    threads += [threading.Thread(target=read, args=(name,)) for name in names]
    with Turning(host):
        for thread in threads:
            thread.start()
        for number in range(2, 6):
            assert host.renewal.rebuild() == number
            eventually(lambda number=number: host.views.number == number)  # type: ignore[misc]
        done.set()
        for thread in threads:
            thread.join(60)
    assert faults == []
    assert host.followers.views is not None
    assert host.followers.views.failure is None
    city.settle()
    assert checksum(host) == replayed(host, tmp_path / "replay.sqlite")
    assert files(tmp_path / "sample") == {"views.4.sqlite", "views.5.sqlite"}, "older ones are gone"


def test_a_query_in_hand_finishes_on_the_generation_it_began_with(city: Embedded, host: ServiceHost) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    city.settle()
    mine = host.views.current
    host.renewal.rebuild()
    host.turn(0.0)
    assert host.views.current is not mine
    assert mine.get("counters", "a").total == 5
    assert [key for key, _ in mine.rows("counters")] == ["a"]
    assert len(mine.facts("counter_facts", "a")) == 2


def test_a_rebuild_that_is_interrupted_leaves_the_live_one(city: Embedded, host: ServiceHost, tmp_path: Path) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    city.settle()

    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.renewal.rebuild(interrupt)
    host.turn(0.0)
    assert host.views.number == 1
    assert host.views.get("counters", "a").total == 5
    assert host.renewal.rebuild() == 2
    host.turn(0.0)
    assert host.views.number == 2
    assert host.views.get("counters", "a").total == 5


def test_only_one_rebuild_at_a_time(city: Embedded, host: ServiceHost) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT))
    refused: list[bool] = []

    def again(_count: int) -> None:
        with pytest.raises(RebuildRunning):
            host.renewal.rebuild()
        refused.append(True)

    host.renewal.rebuild(again)
    assert refused == [True]
    assert host.renewal.rebuild() == 3


def test_two_rebuilds_before_the_consumer_looks_lead_to_the_newer(
    city: Embedded, host: ServiceHost, tmp_path: Path
) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT))
    host.renewal.rebuild()
    host.renewal.rebuild()
    host.turn(0.0)
    assert host.views.number == 3
    assert host.views.get("counters", "a") == CounterRow(UNIT, trail=(1,))


def test_a_generation_that_cannot_be_taken_up_leaves_the_live_one_at_work(
    city: Embedded, host: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT))
    city.settle()
    host.renewal.rebuild()

    def intake(sink: ViewSink) -> Intake:
        raise ConsumerStopped("no")

    with monkeypatch.context() as patch:
        patch.setattr(host.renewal, "_intake", intake)
        host.turn(0.0)
        do(city, Add(counter="a", amount=3))
        host.turn(0.0)
    assert host.views.number == 1
    assert host.views.get("counters", "a").total == 3
    assert host.trouble is None or "catching up" in host.trouble
    host.renewal._swap_after = 0.0
    host.turn(0.0)
    assert host.views.number == 2
    assert host.views.get("counters", "a").total == 3


def test_a_rebuild_takes_up_a_consumer_that_had_stopped(tmp_path: Path) -> None:
    """The mended build parks nothing: its generation is fed again."""
    faults = Faults()
    faults.titles.add("boom")
    with closing(open_city(tmp_path, sample_service(faults), settings=Settings(park_limit=1))) as city:
        host = city.hosts["sample"]
        for name in "ab":
            do(city, OpenCounter(counter=name, unit=UNIT), Rename(counter=name, title="boom"))
        host.turn(0.0)
        assert host.trouble is not None
        assert "over the limit" in host.trouble
        faults.titles.clear()
        host.renewal.rebuild()
        host.turn(0.0)
        host.turn(0.0)
        assert host.views.number == 2
        assert host.followers.views is not None
        assert host.followers.views.failure is None
        assert host.views.get("counters", "b").title == "boom"


def test_raising_a_views_revision_builds_a_new_generation_at_the_next_start(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
        city.settle()
        sums = checksum(city.hosts["sample"])
    with closing(open_city(tmp_path)) as city:
        assert city.hosts["sample"].views.number == 1
        assert city.hosts["sample"].views.get("counters", "a").total == 5, "nothing is read again"
    with closing(open_city(tmp_path, sample_service(revision=2))) as city:
        host = city.hosts["sample"]
        assert host.views.number == 2
        assert host.views.get("counters", "a") is None
        city.settle()
        assert checksum(host) == sums
        assert host.views.get("counters", "a").total == 5


class WiderRow(CounterRow, frozen=True):
    colour: str = "red"


def test_another_shape_of_a_row_builds_a_new_generation_too(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        number = city.hosts["sample"].views.number
    service = sample_service()
    wider = replace(counters_view(Faults()), row=WiderRow)
    with closing(open_city(tmp_path, replace(service, views=(wider, COUNTER_FACTS)))) as city:
        assert city.hosts["sample"].views.number == number + 1


def test_a_generation_of_another_build_is_not_taken_up(tmp_path: Path) -> None:
    """A newer build starts beside a running older one, which goes on answering from its own."""
    with closing(open_city(tmp_path)) as city:
        host = city.hosts["sample"]
        do(city, OpenCounter(counter="a", unit=UNIT))
        host.turn(0.0)
        newer = LiveViews(
            tmp_path / "sample", city.info.store_id, (counters_view(Faults(), 2), COUNTER_FACTS), city.registry
        )
        assert newer.number == 2
        host.turn(0.0)
        assert host.views.number == 1
        assert host.views.get("counters", "a") is not None
        newer.close()


def test_views_of_another_store_are_not_answered_from(tmp_path: Path) -> None:
    views, registry = (counters_view(Faults()), COUNTER_FACTS), registry_of([sample_service()])
    with closing(LiveViews(tmp_path, "one city", views, registry)) as first:
        assert first.number == 1
    with closing(LiveViews(tmp_path, "another city", views, registry)) as second:
        assert second.number == 2


def test_damaged_views_are_built_anew(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
        city.settle()
        sums = checksum(city.hosts["sample"])
    (tmp_path / "sample" / "views.1.sqlite").write_bytes(b"no database at all" * 500)
    with closing(open_city(tmp_path)) as city:
        host = city.hosts["sample"]
        assert host.views.number == 2
        city.settle()
        assert checksum(host) == sums


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe"])
def test_a_damaged_pointer_is_no_pointer(tmp_path: Path, content: bytes) -> None:
    """The views are built anew under a number that no file bears yet."""
    with closing(open_city(tmp_path)) as city:
        do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
        city.settle()
        sums = checksum(city.hosts["sample"])
    (tmp_path / "sample" / "views.current").write_bytes(content)
    with closing(open_city(tmp_path)) as city:
        host = city.hosts["sample"]
        assert host.views.number == 2
        city.settle()
        assert checksum(host) == sums


def test_a_query_waits_until_the_views_show_its_token(city: Embedded, host: ServiceHost) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT))
    receipt = city.do(Add(counter="a", amount=5), call())
    query = FindCounter(counter="a", token=receipt.token)
    with pytest.raises(DeadlineExceeded):
        city.loop.run(city.gateway.ask(query, call(seconds=0.05)))
    with Turning(host):
        answer = city.loop.run(city.gateway.ask(query, call()))
    assert answer == FoundCounter(total=5, title="")


@pytest.mark.parametrize(
    ("at", "token", "covered"),
    [
        (None, "sample:1:3:0", True),
        (None, "sample:1:3:1", False),
        (Checkpoint(1, 5, 5), "sample:1:3:5", True),
        (Checkpoint(1, 5, 5), "sample:1:3:6", False),
        (Checkpoint(2, 1, 1), "sample:1:3:6", True),
        (Checkpoint(1, 9, 9), "sample:2:3:6", False),
        (Checkpoint(1, 9, 9), "sample:1:4:6", False),
        (Checkpoint(1, 9, 9), "other:1:3:6", False),
    ],
)
def test_which_tokens_a_checkpoint_covers(tmp_path: Path, at: Checkpoint | None, token: str, covered: bool) -> None:
    views = LiveViews(tmp_path, "city", (COUNTER_FACTS,), registry_of([sample_service()]))
    views.checkpoints = {} if at is None else {("sample", 3): at}
    assert views.covers(PositionToken.parse(token)) is covered
    views.close()


def test_readers_beside_a_small_cache_see_committed_rows_only(
    city: Embedded, host: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are thrown out of the cache while a batch begins are read from the tables."""
    monkeypatch.setattr("services.chassis.views.row_cache.CACHED_ROWS", 3)
    names = [f"c{n}" for n in range(12)]
    do(city, *(OpenCounter(counter=name, unit=UNIT) for name in names))
    done = threading.Event()

    def read() -> None:
        chance = random.Random(1)
        while not done.is_set():
            host.views.get("counters", chance.choice(names))

    readers = [threading.Thread(target=read) for _ in range(2)]
    with Turning(host):
        for reader in readers:
            reader.start()
        for n in range(60):
            do(city, Add(counter=names[n % 12], amount=1))
        done.set()
        for reader in readers:
            reader.join(60)
    city.settle()
    assert host.followers.views is not None
    assert host.followers.views.failure is None
    assert {host.views.get("counters", name).total for name in names} == {5}
