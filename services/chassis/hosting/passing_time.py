"""Passing time, the one door: `PassDay` records that a day has passed on a service's calendar stream.

Reactions to `DayPassed` look up what falls due and send each stream its command; only so do time-driven facts
arise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar

import msgspec

from services.chassis.domain import Command, Decider, Event, Facts, Rule

LONGEST_GAP_DAYS = 4000
"""More missed days than this are a broken clock, not a pause."""

GAP_TOO_LONG = Rule(
    "CALENDAR_GAP_TOO_LONG",
    "上次记录的日期是 {last},距 {given} 超过 {limit} 天,请检查系统时间",
    "the last day recorded is {last}, more than {limit} days before {given}; check the clock",
)


class PassDay(Command, frozen=True, kw_only=True):
    """All of `day` lies behind us (Asia/Shanghai). Days missed before it are made up in order."""

    service: str
    day: date


class DayPassed(Event, frozen=True, kw_only=True):
    """The day `occurred_on` is over."""

    type: ClassVar[str] = "bizenv.calendar.day_passed.v1"


class Calendar(msgspec.Struct, frozen=True):
    """The last day recorded; None before the first."""

    last: date | None = None


def pass_day(state: Calendar, command: PassDay, _facts: Facts) -> Sequence[Event]:
    """Record the days up to and with `day`; a day that is recorded already is nothing new."""
    last = state.last or command.day - timedelta(days=1)
    missed = (command.day - last).days
    if missed > LONGEST_GAP_DAYS:
        raise GAP_TOO_LONG.broken("day", last=last, given=command.day, limit=LONGEST_GAP_DAYS)
    return [DayPassed(occurred_on=last + timedelta(days=n)) for n in range(1, missed + 1)]


def day_passed(state: Calendar, event: DayPassed) -> Calendar:
    return Calendar(event.occurred_on)


CALENDAR: Decider[Calendar, Facts] = Decider(
    aggregate="calendar",
    identity="service",
    initial=Calendar(),
    decisions={PassDay: pass_day},
    evolutions={DayPassed: day_passed},
)
