"""Working days, months and the seasons of building in the north."""

from __future__ import annotations

from datetime import date, timedelta

from services.chassis.time.calendar import is_working_day
from services.project_tracking.events import first_day, last_day, month_before, month_of, months_from

WEIGHTS = (5.0, 4.0, 11.0, 10.0, 10.0, 10.0, 8.0, 8.0, 9.0, 9.5, 9.0, 6.5)
"""What each month brings of a full year's investment, in percent: by quarters 20, 50, 75 and 100 in all, as Sanya's
cumulative plan has it, with the frost in January and February."""

BUILDS_AGAIN = (2, 25)
"""Month and day from which sites open after the winter."""


def working_day(day: date) -> date:
    """The day itself, or the next working day."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def weight(first: str, last: str) -> float:
    """The weight of all months from first to last."""
    return sum(WEIGHTS[int(month[5:]) - 1] for month in months_from(first, last))


def next_month(month: str) -> str:
    """The month after."""
    return month_of(last_day(month) + timedelta(days=1))


def months_later(day: date, months: int) -> date:
    """The last day of the month so many months later (earlier when negative)."""
    month = month_of(day)
    for _ in range(abs(months)):
        month = next_month(month) if months > 0 else month_before(month)
    return last_day(month)


def quarter_end(day: date) -> date:
    """The last day of the day's quarter."""
    month = month_of(day)
    while int(month[5:]) % 3:
        month = next_month(month)
    return last_day(month)


def out_of_winter(day: date) -> date:
    """The day, or when it lies in the frost the day on which sites open again."""
    opens = date(day.year, *BUILDS_AGAIN)
    if day.month == 12 and day.day > 10:
        return date(day.year + 1, *BUILDS_AGAIN)
    return max(day, opens) if day.month <= 2 else day


__all__ = [
    "WEIGHTS",
    "first_day",
    "last_day",
    "month_before",
    "month_of",
    "months_from",
    "months_later",
    "next_month",
    "out_of_winter",
    "quarter_end",
    "weight",
    "working_day",
]
