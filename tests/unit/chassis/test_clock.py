"""Real time, set time, and the day in Asia/Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from services.chassis.time.clock import TICK, Clock, SetClock, SystemClock, business_day

NEW_YEAR = datetime(2016, 12, 31, 16, 0, tzinfo=UTC)  # 2017-01-01 00:00 in Shanghai


class Monotonic:
    """Seconds of a clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_day_begins_at_sixteen_hours_utc() -> None:
    assert business_day(NEW_YEAR) == date(2017, 1, 1)
    assert business_day(NEW_YEAR - TICK) == date(2016, 12, 31)
    assert business_day(datetime(2017, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=9)))) == date(2017, 1, 1)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        business_day(datetime(2017, 1, 1))  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="no time zone"):
        SetClock(datetime(2017, 1, 1))  # noqa: DTZ001 - the point of the test


def test_the_day_of_real_time_changes_at_midnight_and_goes_back_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    midnight, clock = NEW_YEAR.timestamp(), SystemClock()

    def day_at(seconds: float) -> str:
        monkeypatch.setattr("services.chassis.time.clock.time.time", lambda: seconds)
        return clock.today().isoformat()

    moments = (midnight - 0.001, midnight, midnight + 86_399.9, midnight + 86_400, midnight - 0.001)
    days = [day_at(each) for each in moments]
    assert days == ["2016-12-31", "2017-01-01", "2017-01-01", "2017-01-02", "2016-12-31"]


def test_system_time_is_utc_and_its_day_is_shanghais() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    reading = clock.now()
    assert before <= reading <= datetime.now(UTC)
    assert reading.utcoffset() == timedelta(0)
    assert business_day(before) <= clock.today() <= business_day(datetime.now(UTC))


def test_a_set_clock_ticks_at_each_reading_alike_in_every_run() -> None:
    clock: Clock = SetClock(NEW_YEAR)
    assert [clock.now() for _ in range(3)] == [NEW_YEAR, NEW_YEAR + TICK, NEW_YEAR + 2 * TICK]
    assert clock.today() == date(2017, 1, 1)
    assert clock.now() == NEW_YEAR + 3 * TICK


def test_a_set_clock_goes_forward_only() -> None:
    clock = SetClock(NEW_YEAR)
    clock.advance(NEW_YEAR + timedelta(days=1))
    assert clock.now() == NEW_YEAR + timedelta(days=1)
    assert clock.today() == date(2017, 1, 2)
    clock.advance(NEW_YEAR + timedelta(days=1) + TICK)
    for earlier in (NEW_YEAR, NEW_YEAR + timedelta(days=1)):
        with pytest.raises(ValueError, match="cannot be set back"):
            clock.advance(earlier)
    assert clock.now() == NEW_YEAR + timedelta(days=1) + TICK


def test_a_continued_clock_runs_on_in_real_time() -> None:
    seconds = Monotonic()
    clock = SetClock(NEW_YEAR, seconds)
    clock.continue_from(NEW_YEAR + timedelta(hours=1))
    first = clock.now()
    assert first == NEW_YEAR + timedelta(hours=1)
    assert clock.now() == first + TICK
    seconds.seconds += 86_400
    assert clock.now() == first + timedelta(days=1)
    assert clock.today() == date(2017, 1, 2)


def test_a_running_clock_may_be_advanced_and_runs_on_from_there() -> None:
    seconds = Monotonic()
    clock = SetClock(NEW_YEAR, seconds)
    clock.continue_from(NEW_YEAR)
    seconds.seconds += 10
    clock.advance(NEW_YEAR + timedelta(days=3))
    seconds.seconds += 10
    assert clock.now() == NEW_YEAR + timedelta(days=3, seconds=10)
    with pytest.raises(ValueError, match="cannot be set back"):
        clock.continue_from(NEW_YEAR)
