"""Slips of clerks and what sets them right: corrections with a reason, steps taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from services.project_tracking.events import Step as LifeStep
from services.project_tracking.project import commands as orders
from services.rehearsal import texts
from services.rehearsal.chance import maybe, some_days
from services.rehearsal.course import Course, Reached
from services.rehearsal.people import head
from services.rehearsal.portfolio import Project
from services.rehearsal.season import month_of
from services.rehearsal.telling.step import Step

MakeStep = Callable[..., Step]
"""`(happened, kind of command, who, within, **fields)`: as `Steps` makes a step."""


class Slips:
    """Where a step of one project is told wrongly at first. Each method yields the steps in the order of telling."""

    def __init__(self, project: Project, course: Course, first_day: date, chance: Random) -> None:
        self._project = project
        self._first_day = first_day
        self._course = course
        self._chance = chance

    def registration(self, step: MakeStep, facts: Mapping[str, Any]) -> Iterator[Step]:
        """Some areas are those of the whole plan at first."""
        area, on = self._project.area_mu, self._course.preparation.registered_on
        slip = maybe(self._chance, 0.05) and area is not None
        first = area * Decimal(3) if slip and area is not None else area
        carried_over = self._course.preparation.begun_on < self._first_day
        told = step(on, orders.RegisterProject, within=0 if carried_over else None, area_mu=first, **facts)
        yield told
        if slip:
            again = step(on, orders.RegisterProject, area_mu=area, correction_reason=texts.AREA_SLIP, **facts)
            yield again.corrects(told, some_days(self._chance, 6, 24))

    def false_start(self, step: MakeStep) -> Iterator[Step]:
        """A ceremony told as the start, and taken back."""
        preparation = self._course.preparation
        ready = max(filing.granted_on or filing.filed_on for filing in preparation.filings)
        ceremony = max(ready, preparation.signed_on or ready) + timedelta(days=1)
        early = ceremony >= self._first_day and (preparation.started_on - ceremony).days >= 12
        if early and maybe(self._chance, 0.16):
            yield step(ceremony, orders.StartProject, within=1)
            yield self._taken_back(step, ceremony, LifeStep.STARTED, texts.FALSE_START)

    def _taken_back(self, step: MakeStep, false: date, what: LifeStep, reason: str) -> Step:
        on = false + some_days(self._chance, 3, 8)
        return step(on, orders.RetractStep, head(self._project.unit), 0, step=what, reason=reason)

    def start(self, step: MakeStep, on: date) -> Iterator[Step]:
        """Some are told with the wrong day of the same month."""
        wrong = on + some_days(self._chance, 1, 4)
        if not maybe(self._chance, 0.06) or month_of(wrong) != month_of(on):
            yield step(on, orders.StartProject)
            return
        told = step(wrong, orders.StartProject)
        yield told
        again = step(on, orders.StartProject, correction_reason=texts.START_SLIP)
        yield again.corrects(told, some_days(self._chance, 4, 20))

    def milestone(self, step: MakeStep, reached: Reached, text: str) -> Iterator[Step]:
        """Some are told with the day of telling."""
        facts = {"milestone_id": reached.milestone_id, "text": text}
        if not maybe(self._chance, 0.03):
            yield step(reached.reached_on, orders.ReachMilestone, **facts)
            return
        wrong = step(reached.reached_on + timedelta(days=2), orders.ReachMilestone, **facts)
        yield wrong
        again = step(reached.reached_on, orders.ReachMilestone, correction_reason=texts.MILESTONE_SLIP, **facts)
        yield again.corrects(wrong, some_days(self._chance, 4, 15))

    def completion(self, step: MakeStep, on: date) -> Iterator[Step]:
        """Some are told before the acceptance, and taken back."""
        early = on - timedelta(days=14)
        if early > self._course.preparation.started_on and not self._still_on(early) and maybe(self._chance, 0.12):
            yield step(early, orders.CompleteProject, within=1)
            yield self._taken_back(step, early, LifeStep.COMPLETED, texts.FALSE_COMPLETION)
        yield step(on, orders.CompleteProject)

    def _still_on(self, day: date) -> bool:
        still = self._course.standstill
        return still is not None and day <= (still.resumed_on or date.max) and still.suspended_on <= day + timedelta(14)
