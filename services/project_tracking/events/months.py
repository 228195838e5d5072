"""Calendar months as text `YYYY-MM`; all days are days of Asia/Shanghai."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date


def month_of(day: date) -> str:
    """The month that the day lies in."""
    return f"{day.year:04d}-{day.month:02d}"


def first_day(month: str) -> date:
    """The first day of the month; raises ValueError for what is no month."""
    return date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> date:
    """The last day of the month."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, calendar.monthrange(year, number)[1])


def month_before(month: str) -> str:
    """The month before."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year:04d}-{number - 1:02d}" if number > 1 else f"{year - 1:04d}-12"


def months_from(first: str, last: str) -> Iterator[str]:
    """The months from `first` to `last`, both included; none when `last` comes before."""
    year, number = int(first[:4]), int(first[5:])
    while (month := f"{year:04d}-{number:02d}") <= last:
        yield month
        year, number = (year, number + 1) if number < 12 else (year + 1, 1)


def last_due_month(on: date, lamp_day: int) -> str:
    """应报月份: the last month whose report is due on the day: reports can come in until the day before
    `lamp_day` of the next month.
    """
    last = month_before(month_of(on))
    return last if on.day >= lamp_day else month_before(last)
