"""The desk at which things are told: working hours, in order, never early."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.time.calendar import is_working_day
from services.rehearsal.chance import stream
from services.rehearsal.telling.intentions import Desk

DAYS = st.lists(st.dates(date(2017, 1, 1), date(2017, 12, 31)), min_size=1, max_size=60)


@given(days=DAYS, seed=st.integers(0, 1000))
def test_told_on_the_day_or_later_one_after_another_at_working_hours(days: list[date], seed: int) -> None:
    desk = Desk(days[0], stream(seed))
    told = [desk.on(day) for day in days]
    assert all(at.date() >= day for at, day in zip(told, days, strict=True))
    assert all(earlier < later for earlier, later in pairwise(told))
    assert all(is_working_day(at.date()) and time(8, 30) <= at.time() < time(18, 0) for at in told)


def test_the_spring_festival_and_its_exchanged_days_are_kept() -> None:
    assert Desk(date(2017, 1, 27), stream(1)).on(date(2017, 1, 27)).date() == date(2017, 2, 3)
    assert Desk(date(2017, 4, 1), stream(1)).on(date(2017, 4, 1)).date() == date(2017, 4, 1)


def test_nothing_is_told_before_what_it_rests_on() -> None:
    first = Desk(date(2017, 3, 6), stream(1))
    told = first.on(date(2017, 3, 10))
    other = Desk(date(2017, 3, 6), stream(2))
    other.not_before(told)
    assert other.on(date(2017, 3, 6)) > told
