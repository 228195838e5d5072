"""The clock as a port: instants are aware UTC datetimes, days are days of Asia/Shanghai.

A real store runs by `SystemClock`. Only a rehearsal accepts a `SetClock`; leases, tokens, time-outs and metrics
use real time always and never ask this port.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
TICK = timedelta(microseconds=1)


def business_day(instant: datetime) -> date:
    """The day in Asia/Shanghai at this aware instant; ValueError for a naive one."""
    return _aware(instant).astimezone(SHANGHAI).date()


class Clock(Protocol):
    """Never blocks, never raises; safe from any thread."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""

    def today(self) -> date:
        """The day in Asia/Shanghai."""


class SystemClock:
    """Real time, as the machine tells it. The day is worked out once, for as long as it lasts."""

    def __init__(self) -> None:
        self._day = _day_around(time.time())

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        now = time.time()
        first, last, day = self._day
        if not first <= now < last:
            first, last, day = self._day = _day_around(now)
        return day


def _day_around(seconds: float) -> tuple[float, float, date]:
    """The day in Asia/Shanghai at this moment (seconds since 1970), with the moments at which it and the next begin."""
    day = business_day(datetime.fromtimestamp(seconds, UTC))
    first, last = (datetime(each.year, each.month, each.day, tzinfo=SHANGHAI) for each in (day, day + timedelta(1)))
    return first.timestamp(), last.timestamp(), day


class SetClock:
    """A clock that a rehearsal sets. It never goes back, and no two readings are equal.

    It stands at the instant it was set to, one tick (1 µs) further at each `now`, so that recorded instants are
    strictly increasing and the same run reads the same ones. After `continue_from` it runs on in real time.
    """

    def __init__(self, start: datetime, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._next = _aware(start).astimezone(UTC)
        self._monotonic = monotonic
        self._running: tuple[datetime, float] | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            reading = self._reach()
            self._next = reading + TICK
            return reading

    def today(self) -> date:
        """The day of the next reading; asking does not move the clock."""
        with self._lock:
            return business_day(self._reach())

    def advance(self, to: datetime) -> None:
        """Stand at `to` (aware), or run on from there; ValueError when the clock has read a later instant."""
        with self._lock:
            self._set(to, running=self._running is not None)

    def continue_from(self, instant: datetime) -> None:
        """Run on in real time from this (aware) instant; ValueError when the clock has read a later one."""
        with self._lock:
            self._set(instant, running=True)

    def _set(self, to: datetime, *, running: bool) -> None:
        target = _aware(to).astimezone(UTC)
        reached = self._reach()
        if target < reached:
            raise ValueError(f"a clock that reads {reached.isoformat()} cannot be set back to {target.isoformat()}")
        self._next = target
        self._running = (target, self._monotonic()) if running else None

    def _reach(self) -> datetime:
        if self._running is None:
            return self._next
        start, began = self._running
        return max(self._next, start + timedelta(seconds=self._monotonic() - began))


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant
