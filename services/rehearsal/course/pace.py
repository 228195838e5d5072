"""How a project goes: well, slowly, behind, or in trouble; it falls back and catches up month by month."""

from __future__ import annotations

from datetime import date
from random import Random

from services.rehearsal.chance import maybe, one_of, some_days
from services.rehearsal.manners import Manner

WELL, SLOW, BEHIND, TROUBLED = range(4)

_RATIO = ((0.965, 1.06), (0.83, 0.96), (0.62, 0.79), (0.30, 0.57))
"""Done over planned at a month's end, by pace."""

_START_LATE = ((-18, 0), (-4, 8), (5, 18), (25, 100))
_MILESTONE_LATE = ((-12, 7), (6, 24), (12, 30), (17, 60))
"""Days, by pace."""


class Pace:
    """The pace of one project, moved once a month."""

    def __init__(self, manner: Manner, chance: Random) -> None:
        self._manner = manner
        self._chance = chance
        self.now: int = one_of(chance, list(enumerate(manner.pace)))
        self.months_behind = 0

    def next_month(self) -> None:
        """A month goes by: fall back by one, catch up by one, or go on as before."""
        if self.now < TROUBLED and maybe(self._chance, self._manner.slips):
            self.now += 1
        elif self.now > WELL and maybe(self._chance, self._manner.mends):
            self.now -= 1
        self.months_behind = self.months_behind + 1 if self.now >= BEHIND else 0

    def relieve(self) -> None:
        """A new plan was approved: the project is measured by it from now on."""
        self.now, self.months_behind = WELL, 0

    def ratio(self) -> float:
        return self._chance.uniform(*_RATIO[self.now])

    def start_after(self, planned: date) -> date:
        return planned + some_days(self._chance, *_START_LATE[self.now])

    def milestone_after(self, due: date) -> date:
        return due + some_days(self._chance, *_MILESTONE_LATE[self.now])
