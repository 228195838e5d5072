"""All that will be told of one project, in the order of telling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from services.project_tracking.project.commands import WithdrawProject
from services.rehearsal import texts
from services.rehearsal.course import Course, Times
from services.rehearsal.people import CITY
from services.rehearsal.portfolio import Project
from services.rehearsal.telling.intentions import Desk, Intention
from services.rehearsal.telling.landmarks import Landmarks
from services.rehearsal.telling.reports import Reports
from services.rehearsal.telling.step import Step
from services.rehearsal.telling.steps import Steps
from services.rehearsal.telling.weekly import WeeklyReports


def life_of(project: Project, course: Course, times: Times, chance: Random) -> list[Intention]:
    """Sorted by instant; a project whose unit leaves is taken off the list by the city's group."""
    landmarks = Landmarks()
    steps = Steps(project, course, times.first_day, chance).in_order()
    told = list(_told(steps, Desk(course.preparation.registered_on, chance), chance))
    for intention in told:
        landmarks.note(intention)
    told += Reports(project, course, landmarks, chance).all()
    told += WeeklyReports(project, course, landmarks, times, chance).all()
    told.sort(key=lambda intention: intention.at)
    return _until_left(project, told, landmarks, chance)


def _told(steps: Iterable[Step], desk: Desk, chance: Random) -> Iterator[Intention]:
    for step in steps:
        if not step.aside:
            yield Intention(desk.on(step.told), step.command, step.who)
            continue
        apart = Desk(step.told, chance)
        apart.not_before(desk.last)
        yield Intention(apart.on(step.told), step.command, step.who)


def _until_left(project: Project, told: list[Intention], landmarks: Landmarks, chance: Random) -> list[Intention]:
    """Up to the day on which the unit leaves; then, on the first working day, the withdrawal of what still lives."""
    left = project.unit.left_on
    if left is None:
        return told
    kept = [intention for intention in told if intention.at.date() < left]
    ended = landmarks.ended is not None and landmarks.ended.date() < left
    if ended or not kept:
        return kept
    reason = texts.WITHDRAWAL.format(unit=project.unit.name, day=left.isoformat())
    command = WithdrawProject(project_id=project.project_id, occurred_on=left, reason=reason)
    return [*kept, Intention(Desk(left, chance).on(left), command, CITY)]
