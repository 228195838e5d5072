"""Chinese working days: weekends, statutory holidays, and the weekend days worked in exchange (调休).

The State Council publishes each year's arrangement in the November before. Published years come from
chinesecalendar (2004 on); `OVERRIDES` holds years that it lacks, or corrects, and goes first. A year without a
notice is `provisional`: its weekends and statutory days are off, its exchanged days are not known yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from chinese_calendar.constants import holidays, workdays

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True)
class Year:
    """One year's exceptions: weekdays and weekend days `off`, weekend days `worked`; `origin` says who says so."""

    off: frozenset[date]
    worked: frozenset[date]
    published: bool
    origin: str


def _days(year: int, *days: tuple[int, int]) -> frozenset[date]:
    return frozenset(date(year, month, day) for month, day in days)


_FIXED = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
_STATUTE = "全国年节及纪念日放假办法 (2024)"

OVERRIDES: dict[int, Year] = {
    2027: Year(
        off=_days(2027, (2, 5), (2, 6), (2, 7), (2, 8), (4, 5), (6, 9), (9, 15), *_FIXED),
        worked=frozenset(),
        published=False,
        origin=f"{_STATUTE};国务院办公厅当年通知尚未列入",
    ),
}
"""By year. Replace an entry, with `published=True` and the notice's number, when the year's notice is out."""


def _library() -> dict[int, Year]:
    years = sorted({day.year for day in holidays})
    return {year: Year(_of(year, holidays), _of(year, workdays), True, "chinesecalendar") for year in years}


def _of(year: int, days: dict[date, str]) -> frozenset[date]:
    return frozenset(day for day in days if day.year == year)


_YEARS: dict[int, Year] = {**_library(), **OVERRIDES}


class Roll(StrEnum):
    """Where a due day goes that is no working day: nowhere, to the next working day, to the one before."""

    STRICT = "strict"
    FORWARD = "forward"
    BACKWARD = "backward"


def year_table(year: int) -> Year:
    """The exceptions of a year; a year that nobody published has the statutory days of fixed date only."""
    return _YEARS.get(year) or Year(_days(year, *_FIXED), frozenset(), False, _STATUTE)


def is_provisional(day: date) -> bool:
    """True when the day's year has no published arrangement: the answers below may change with the notice."""
    return not year_table(day.year).published


def is_working_day(day: date) -> bool:
    table = year_table(day.year)
    if day in table.worked:
        return True
    return day.weekday() < _SATURDAY and day not in table.off


def add_working_days(day: date, count: int) -> date:
    """The `count`-th working day after the day, before it when negative; the day itself for 0, worked or not."""
    step = _DAY if count > 0 else -_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_working_day(day)
    return day


def roll(day: date, rule: Roll) -> date:
    """The day on which something due on `day` is due by this rule."""
    if rule is Roll.STRICT or is_working_day(day):
        return day
    return add_working_days(day, 1 if rule is Roll.FORWARD else -1)
