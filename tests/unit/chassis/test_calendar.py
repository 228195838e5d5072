"""Chinese working days: the published year 2017, year 2027 without a notice, and laws that hold on any day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.time.calendar import (
    OVERRIDES,
    Roll,
    add_working_days,
    is_provisional,
    is_working_day,
    roll,
    year_table,
)

DAYS = st.dates(date(2003, 1, 1), date(2029, 12, 31))
COUNTS = st.integers(-300, 300)
ONE = timedelta(days=1)


def span(first: str, last: str) -> list[date]:
    begin, end = date.fromisoformat(f"2017-{first}"), date.fromisoformat(f"2017-{last}")
    return [begin + timedelta(days=offset) for offset in range((end - begin).days + 1)]


OFF_2017 = [
    *span("01-01", "01-02"),
    *span("01-27", "02-02"),
    *span("04-02", "04-04"),
    *span("05-01", "05-01"),
    *span("05-28", "05-30"),
    *span("10-01", "10-08"),
]
WORKED_2017 = [day for text in ("01-22", "02-04", "04-01", "05-27", "09-30") for day in span(text, text)]


def test_the_year_2017_as_published() -> None:
    for day in span("01-01", "12-31"):
        expected = day in WORKED_2017 or (day.weekday() < 5 and day not in OFF_2017)
        assert is_working_day(day) is expected, day
    assert not is_provisional(date(2017, 6, 1))


def test_a_worked_sunday_counts_and_so_do_worked_saturdays() -> None:
    assert date(2017, 1, 22).weekday() == 6
    assert all(is_working_day(day) for day in WORKED_2017)


def test_five_working_days_over_the_national_holiday() -> None:
    assert add_working_days(date(2017, 9, 29), 5) == date(2017, 10, 12)
    assert add_working_days(date(2017, 10, 12), -5) == date(2017, 9, 29)


@pytest.mark.parametrize(
    ("due", "forward", "backward"),
    [
        (date(2017, 2, 25), date(2017, 2, 27), date(2017, 2, 24)),
        (date(2017, 3, 25), date(2017, 3, 27), date(2017, 3, 24)),
        (date(2017, 6, 25), date(2017, 6, 26), date(2017, 6, 23)),
        (date(2017, 11, 25), date(2017, 11, 27), date(2017, 11, 24)),
        (date(2017, 10, 5), date(2017, 10, 9), date(2017, 9, 30)),
        (date(2017, 4, 25), date(2017, 4, 25), date(2017, 4, 25)),
    ],
)
def test_a_25th_on_a_weekend_rolls_by_the_offices_rule(due: date, forward: date, backward: date) -> None:
    assert roll(due, Roll.STRICT) == due
    assert roll(due, Roll.FORWARD) == forward
    assert roll(due, Roll.BACKWARD) == backward


def test_a_year_without_a_notice_is_provisional() -> None:
    assert is_provisional(date(2027, 3, 1))
    assert not is_working_day(date(2027, 2, 8))
    assert is_working_day(date(2027, 2, 9))
    assert is_provisional(date(2035, 3, 1))
    assert not is_working_day(date(2035, 10, 1))
    assert is_provisional(date(1999, 3, 1))


def test_overrides_are_days_of_their_year_and_say_their_origin() -> None:
    for year, table in OVERRIDES.items():
        assert {day.year for day in table.off | table.worked} == {year}
        assert not table.off & table.worked
        assert table.origin
        assert year_table(year) is table


@given(DAYS, COUNTS)
def test_as_many_working_days_are_passed_as_are_added(day: date, count: int) -> None:
    reached = add_working_days(day, count)
    first, last = (day + ONE, reached) if count > 0 else (reached, day - ONE)
    passed = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    assert sum(is_working_day(each) for each in passed) == abs(count)
    assert count == 0 or is_working_day(reached)


@given(DAYS, COUNTS, COUNTS)
def test_adding_goes_further_with_more_days(day: date, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert add_working_days(day, low) <= add_working_days(day, high)


@given(DAYS, st.integers(0, 200), st.integers(0, 200))
def test_adding_in_two_steps_is_adding_at_once(day: date, first: int, second: int) -> None:
    assert add_working_days(add_working_days(day, first), second) == add_working_days(day, first + second)


@given(DAYS)
def test_rolling_lands_on_the_nearest_working_day_and_stays(day: date) -> None:
    forward, backward = roll(day, Roll.FORWARD), roll(day, Roll.BACKWARD)
    assert backward <= day <= forward
    assert is_working_day(forward)
    assert is_working_day(backward)
    assert roll(forward, Roll.FORWARD) == forward
    between = (backward + timedelta(days=offset) for offset in range(1, (forward - backward).days))
    assert not any(is_working_day(other) for other in between)
