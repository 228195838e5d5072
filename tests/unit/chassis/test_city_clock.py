"""By which clock a city runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.chassis.event_store import StoreKind
from services.chassis.forms.embedded import EmbeddedForm
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock, clock_of
from services.chassis.time.clock import SystemClock
from tests.stores import RECORDED_AT, append_events, make_store

MADE = datetime(2017, 9, 29, 10, 0, tzinfo=UTC)


def test_a_real_city_and_a_missing_one_run_by_real_time(tmp_path: Path) -> None:
    store = make_store(tmp_path / "events.sqlite", kind=StoreKind.REAL)
    assert isinstance(clock_of([store]), SystemClock)
    store.close()
    assert isinstance(clock_of([]), SystemClock)
    assert isinstance(city_clock(EmbeddedForm(tmp_path / "nothing", Settings()), ()), SystemClock)


def test_a_rehearsal_goes_on_from_the_end_of_its_last_day(tmp_path: Path) -> None:
    store = make_store(tmp_path / "events.sqlite", created_at=MADE.isoformat())
    append_events(store, 3)
    now = clock_of([store]).now()
    assert MADE <= now < MADE + timedelta(minutes=1)
    store.close()


def test_a_rehearsal_that_was_served_goes_on_from_its_newest_fact(tmp_path: Path) -> None:
    older = make_store(tmp_path / "a" / "events.sqlite", created_at="2016-12-31T10:00:00+00:00")
    newer = make_store(tmp_path / "b" / "events.sqlite", created_at="2016-12-31T10:00:00+00:00")
    append_events(newer, 5)
    last = datetime.fromtimestamp(RECORDED_AT / 1e6, UTC) + timedelta(seconds=4)
    clock = clock_of([older, newer])
    assert last < clock.now() < last + timedelta(minutes=1)
    assert clock.now() < clock.now(), "it runs on"
    older.close()
    newer.close()
