"""What a plan 基线计划 must be, whoever hands it in."""

from __future__ import annotations

from datetime import date

from services.project_tracking.events.plan import BaselinePlan, PlannedMilestone
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.terms import MilestoneKind
from services.project_tracking.project.plan_bounds import HandedIn, require_bounds
from services.project_tracking.project.plan_rules import (
    BASELINE_WITHOUT_START,
    MILESTONE_KIND_TWICE,
    MILESTONE_TWICE,
    PLAN_DECREASES,
    PLAN_NOT_ASCENDING,
    PLAN_NOT_QUARTER_END,
)

_QUARTER_ENDS = {(3, 31), (6, 30), (9, 30), (12, 31)}


def require_plan(plan: BaselinePlan, record: ProjectRecord, told_on: date, *, renewed: bool) -> None:
    """Points at quarter ends, ascending, cumulative; milestones told apart; a start milestone before the start; money
    and days as the registration bears them out. `renewed`: it is to take the place of an earlier plan.
    """
    _require_points(plan)
    _require_milestones(plan.milestones)
    kinds = {milestone.kind for milestone in plan.milestones}
    if record.started_on is None and MilestoneKind.START not in kinds:
        raise BASELINE_WITHOUT_START.broken("plan")
    require_bounds(HandedIn(plan, told_on, renewed), record)


def _require_points(plan: BaselinePlan) -> None:
    since, done = plan.starts_on, plan.starting_yuan
    for point in plan.points:
        _require_quarter_end(point.by)
        if point.by <= since:
            raise PLAN_NOT_ASCENDING.broken("plan", given=point.by.isoformat())
        if point.invested_yuan < done:
            raise PLAN_DECREASES.broken("plan", given=point.by.isoformat())
        since, done = point.by, point.invested_yuan


def _require_quarter_end(by: date) -> None:
    if (by.month, by.day) not in _QUARTER_ENDS:
        raise PLAN_NOT_QUARTER_END.broken("plan", given=by.isoformat())


def _require_milestones(milestones: tuple[PlannedMilestone, ...]) -> None:
    seen: set[str] = set()
    for milestone in milestones:
        if milestone.milestone_id in seen:
            raise MILESTONE_TWICE.broken("plan", milestone_id=milestone.milestone_id)
        seen.add(milestone.milestone_id)
    steps = [milestone.kind for milestone in milestones if milestone.kind is not MilestoneKind.OTHER]
    if len(steps) != len(set(steps)):
        raise MILESTONE_KIND_TWICE.broken("plan")
