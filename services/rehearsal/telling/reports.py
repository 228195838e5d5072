"""Monthly reports as they are told: around the first days of the next month, late, very late, or set right later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from services.chassis.time.calendar import is_working_day
from services.project_tracking.project.commands import ReportProgress
from services.rehearsal import texts
from services.rehearsal.chance import maybe, some_days
from services.rehearsal.course import Course, Month
from services.rehearsal.people import staff
from services.rehearsal.portfolio import Project
from services.rehearsal.season import last_day, month_of, working_day
from services.rehearsal.telling.intentions import Desk, Intention
from services.rehearsal.telling.landmarks import Landmarks

LAST_DAY_ON_TIME = 5


class Reports:
    """The monthly reports of one project. Each is told on its own day; a late one holds up no other."""

    def __init__(self, project: Project, course: Course, landmarks: Landmarks, chance: Random) -> None:
        self._project = project
        self._course = course
        self._landmarks = landmarks
        self._chance = chance
        self._who = staff(project.unit, project.number)

    def all(self) -> Iterator[Intention]:
        """Month by month, when the start was told."""
        if self._landmarks.started is None:
            return
        for month in self._course.months:
            yield from self._month(month, self._desk(month))

    def _desk(self, month: Month) -> Desk:
        """A desk that opens for this month when all is told that its report rests on."""
        desk = Desk(self._day(month.month), self._chance)
        for told in self._landmarks.before_report(month.month):
            desk.not_before(told)
        return desk

    def _day(self, month: str) -> date:
        """When it comes: on time by the fifth, some days late, or weeks late when the unit forgot it."""
        manner = self._project.unit.manner
        luck = self._chance.random()
        if luck < manner.missing:
            return last_day(month) + some_days(self._chance, 30, 120)
        if luck < manner.missing + manner.late:
            return last_day(month) + some_days(self._chance, 6, 16)
        return self._chance.choice(_days_on_time(month))

    def _month(self, month: Month, desk: Desk) -> Iterator[Intention]:
        at = desk.on(desk.last.date())
        slip = maybe(self._chance, 0.03)
        wrong = self._wrong(month) if slip else month.invested_yuan
        yield self._report(month, wrong, at, None)
        if slip and wrong != month.invested_yuan:
            reason = texts.UNIT_SLIP if wrong < month.invested_yuan // 5 else self._chance.choice(texts.REPORT_SLIPS)
            later = Desk((at + some_days(self._chance, 4, 30)).date(), self._chance)
            yield self._report(month, month.invested_yuan, later.on(later.last.date()), reason)

    def _wrong(self, month: Month) -> int:
        """Too little: a bill forgotten, or a unit of money mistaken."""
        part = 0.1 if maybe(self._chance, 0.2) else self._chance.uniform(0.5, 0.85)
        return int(month.invested_yuan * part)

    def _report(self, month: Month, invested: int, at: datetime, reason: str | None) -> Intention:
        ended = self._landmarks.ended
        belated = texts.BELATED if ended is not None and at > ended else None
        command = ReportProgress(
            project_id=self._project.project_id,
            occurred_on=at.date(),
            month=month.month,
            physical_percent=month.physical_percent,
            invested_this_month_yuan=invested,
            note=self._chance.choice(texts.NOTES) if maybe(self._chance, 0.25) else None,
            correction_reason=reason or belated,
        )
        return Intention(at, command, self._who)


def _days_on_time(month: str) -> list[date]:
    """The working days from the first to the fifth; before a long holiday the last working day of the month."""
    first = last_day(month) + timedelta(days=1)
    days = [first.replace(day=number) for number in range(1, LAST_DAY_ON_TIME + 1)]
    on_time = [day for day in days if is_working_day(day)]
    return on_time or [_last_working_day(last_day(month))]


def _last_working_day(day: date) -> date:
    while working_day(day) != day or month_of(working_day(day)) != month_of(day):
        day -= timedelta(days=1)
    return day
