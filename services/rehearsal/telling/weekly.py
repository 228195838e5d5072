"""Weekly reports of major industrial projects, from the talks to the end (measure 18 of the plan)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from services.project_tracking.project.commands import SubmitWeeklyReport
from services.rehearsal import weekly_texts
from services.rehearsal.chance import maybe
from services.rehearsal.course import Course, Times
from services.rehearsal.course.pace import SLOW
from services.rehearsal.people import staff
from services.rehearsal.portfolio import Project
from services.rehearsal.season import month_of
from services.rehearsal.telling.intentions import Desk, Intention
from services.rehearsal.telling.landmarks import Landmarks

WEEK = timedelta(days=7)
FRIDAY, NEXT_MONDAY, NEXT_WEDNESDAY = 4, 7, 9
_DONE = ((0.9, 1.15), (0.65, 0.95), (0.35, 0.75), (0.1, 0.5))
"""How much of what was foreseen is done, by pace."""


class WeeklyReports:
    """The weekly reports of one project: each begins with what the last one foresaw."""

    def __init__(self, project: Project, course: Course, landmarks: Landmarks, times: Times, chance: Random) -> None:
        self._project = project
        self._course = course
        self._landmarks = landmarks
        self._times = times
        self._chance = chance
        self._paces = {month.month: month.pace for month in course.months}

    def all(self) -> Iterator[Intention]:
        """From the week in which weekly reports begin, or the project is put on the list, to its completion."""
        told = self._landmarks.registered
        if not self._project.weekly or told is None:
            return
        week = _monday(max(self._times.weekly_from, told.date()))
        last = min(self._course.completed_on or date.max, self._course.terminated_on or date.max, self._times.horizon)
        foreseen = self._task(week)
        while week <= last:
            nearly = self._task(week + WEEK)
            if not maybe(self._chance, self._project.unit.manner.missing * 1.5):
                yield from self._report(week, foreseen, nearly)
            week, foreseen = week + WEEK, nearly

    def _task(self, week: date) -> weekly_texts.Task:
        if week >= self._course.preparation.started_on:
            return weekly_texts.building(self._chance)
        return weekly_texts.paperwork(self._item(week), self._chance)

    def _item(self, week: date) -> str:
        """The approval that was filed last."""
        filed = [filing.approval_id for filing in self._course.preparation.filings if filing.filed_on <= week]
        return ITEM_WORDS.get(filed[-1] if filed else "", "前期手续")

    def _report(self, week: date, done: weekly_texts.Task, foreseen: weekly_texts.Task) -> Iterator[Intention]:
        at = self._told(week, late=maybe(self._chance, self._project.unit.manner.late))
        if self._landmarks.ended is not None and at >= self._landmarks.ended:
            return
        pace = self._paces.get(month_of(week), SLOW)
        trouble, help_needed = weekly_texts.problem(self._item(week), pace, self._chance, on_site=done.building)
        still = self._stands_still(week)
        command = SubmitWeeklyReport(
            project_id=self._project.project_id,
            occurred_on=at.date(),
            week=week,
            progress=STANDSTILL if still else weekly_texts.progress_text(done, self._factor(pace), self._chance),
            problems=trouble,
            help_needed=help_needed,
            next_week=None if still else weekly_texts.next_text(foreseen, self._chance),
        )
        yield Intention(at, command, staff(self._project.unit, self._project.number))

    def _factor(self, pace: int) -> float:
        """Done over foreseen; who boasts foresees too much."""
        return self._chance.uniform(*_DONE[pace]) / (1 + 3 * self._project.unit.manner.boast)

    def _told(self, week: date, *, late: bool) -> datetime:
        """On Friday or the Monday after; a late one on Wednesday."""
        days = NEXT_WEDNESDAY if late else self._chance.choice((FRIDAY, NEXT_MONDAY))
        desk = Desk(week + timedelta(days=days), self._chance)
        if self._landmarks.registered is not None:
            desk.not_before(self._landmarks.registered)
        return desk.on(desk.last.date())

    def _stands_still(self, week: date) -> bool:
        still = self._course.standstill
        return still is not None and still.suspended_on <= week < (still.resumed_on or date.max)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


STANDSTILL = "项目处于暂停状态,现场留守看护,本周无施工。"
ITEM_WORDS = {
    "project_filing": "项目备案",
    "land_prereview": "用地预审",
    "land_planning_permit": "用地规划许可",
    "environmental_assessment": "环境影响评价",
    "construction_permit": "施工许可",
}
