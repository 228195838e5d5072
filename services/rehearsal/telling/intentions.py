"""An intention: somebody will send this command at this instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from services.chassis.auth import Principal
from services.chassis.domain import Command
from services.chassis.time.clock import SHANGHAI
from services.rehearsal.season import working_day

OPENS, CLOSES = time(8, 30), time(17, 50)
_NOON = (time(12, 0), time(14, 0))


@dataclass(frozen=True)
class Intention:
    at: datetime
    command: Command
    who: Principal


class Desk:
    """A desk at which things are told one after another, at working hours of working days.

    A thing that is late for its place in the order moves behind what was told before it.
    """

    def __init__(self, opens: date, chance: Random) -> None:
        self._chance = chance
        self.last = datetime.combine(opens, OPENS, SHANGHAI) - timedelta(minutes=1)

    def on(self, day: date) -> datetime:
        """An instant on this day, or on the next working day that has room after what was told last."""
        day = working_day(max(day, self.last.date()))
        at = datetime.combine(day, OPENS, SHANGHAI) + timedelta(seconds=self._chance.randint(0, 33_000))
        if at <= self.last:
            at = self.last + timedelta(seconds=self._chance.randint(45, 280))
        if _NOON[0] <= at.time() < _NOON[1] and at.date() == day:
            at += timedelta(hours=2)
        if at.time() >= CLOSES or at.date() != day:
            at = self._first_of(day + timedelta(days=1))
        self.last = at
        return at

    def _first_of(self, day: date) -> datetime:
        opens = datetime.combine(working_day(day), OPENS, SHANGHAI)
        return opens + timedelta(seconds=self._chance.randint(30, 2400))

    def not_before(self, at: datetime) -> None:
        """Nothing is told here before this instant."""
        self.last = max(self.last, at)
