"""Plans: cumulative investment at quarter ends along the seasons, and milestones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random

from services.project_tracking.events import BaselinePlan, MilestoneKind, PlannedMilestone, PlanPoint
from services.rehearsal.season import last_day, month_before, month_of, months_later, quarter_end, weight

START, COMPLETION = "m-start", "m-done"
STEP = 100_000
"""Plans are written in whole ten-thousands of ten yuan."""

DUE_DAYS = (15, 15, 16, 18, 18, 20, 20, 25, 28)


def plan_of(
    first_month: str, starting: int, total: int, completion: date, milestones: Sequence[PlannedMilestone]
) -> BaselinePlan:
    """From `starting` yuan before the first month to all by the completion."""
    return BaselinePlan(
        starts_on=last_day(month_before(first_month)),
        starting_yuan=starting,
        points=tuple(_points(first_month, starting, total, completion)),
        milestones=tuple(milestones),
    )


def _points(first_month: str, starting: int, total: int, completion: date) -> Iterator[PlanPoint]:
    last_month = month_of(max(completion, last_day(first_month)))
    whole = weight(first_month, last_month)
    by = quarter_end(last_day(first_month))
    while True:
        done = weight(first_month, min(month_of(by), last_month)) / whole
        final = month_of(by) >= last_month
        yield PlanPoint(by=by, invested_yuan=total if final else _rounded(starting, total, done))
        if final:
            return
        by = quarter_end(by + timedelta(days=1))


def _rounded(starting: int, total: int, share: float) -> int:
    return max(starting, round((starting + (total - starting) * share) / STEP) * STEP)


def milestones_of(stages: Sequence[str], start: date, completion: date, chance: Random) -> list[PlannedMilestone]:
    """The start, the stages of building at even distances off the frost, the completion."""
    found = [PlannedMilestone(milestone_id=START, text="开工", due=start, kind=MilestoneKind.START)]
    for number, stage in enumerate(stages, 1):
        due = _off_frost(start + (completion - start) * number / (len(stages) + 1), chance)
        if start < due < completion:
            found.append(PlannedMilestone(milestone_id=f"m-{number}", text=stage, due=due))
    done = PlannedMilestone(milestone_id=COMPLETION, text="竣工", due=completion, kind=MilestoneKind.COMPLETION)
    return [*found, done]


def _off_frost(day: date, chance: Random) -> date:
    due = day.replace(day=chance.choice(DUE_DAYS))
    return due.replace(month=3, day=chance.choice(DUE_DAYS)) if due.month <= 2 else due


def completion_of(plan: BaselinePlan) -> date:
    """When the plan's completion is due."""
    return next(m.due for m in plan.milestones if m.kind is MilestoneKind.COMPLETION)


def moved(plan: BaselinePlan, reached: set[str], months: int, chance: Random) -> list[PlannedMilestone]:
    """The milestones of a new plan: what is reached stays, what is outstanding moves by so many months."""
    return [
        milestone
        if milestone.milestone_id in reached or milestone.kind is MilestoneKind.START
        else PlannedMilestone(
            milestone_id=milestone.milestone_id,
            text=milestone.text,
            due=months_later(milestone.due, months).replace(day=chance.choice(DUE_DAYS)),
            kind=milestone.kind,
        )
        for milestone in plan.milestones
    ]
