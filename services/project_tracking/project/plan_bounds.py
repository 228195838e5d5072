"""A plan 基线计划 held against the registration 登记: its money, and the days that it lies between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.chassis.domain import Rule
from services.project_tracking.events.months import last_day, month_of
from services.project_tracking.events.plan import BaselinePlan, planned_at
from services.project_tracking.events.reading import baseline_on
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.terms import MilestoneKind
from services.project_tracking.project.horizon import latest_planned
from services.project_tracking.project.plan_rules import (
    PLAN_ABOVE_TOTAL,
    PLAN_AFTER_COMPLETION,
    PLAN_BEFORE_PROJECT,
    PLAN_BELOW_TOTAL,
    PLAN_ENDS_EARLY,
    PLAN_MILESTONES_CROSSED,
    PLAN_MONEY_BEFORE_START,
    PLAN_OUTLASTS_COMPLETION,
    PLAN_STARTS_BELOW_INVESTED,
    PLAN_STARTS_LATE,
    PLAN_TOO_FAR,
    PLAN_WITHOUT_COMPLETION,
    PLAN_WITHOUT_INVESTMENT,
)

FIFTHS = 5
"""Ours: a fifth of the total at most goes into land and preparation before the start."""


@dataclass(frozen=True)
class HandedIn:
    """A plan with the day on which it is told; `renewed`: it is to take the place of an earlier one (调整)."""

    plan: BaselinePlan
    told_on: date
    renewed: bool

    @property
    def ends_on(self) -> date:
        return self.plan.points[-1].by

    @property
    def planned_yuan(self) -> int:
        return self.plan.points[-1].invested_yuan

    def due(self, kind: MilestoneKind) -> date | None:
        return next((one.due for one in self.plan.milestones if one.kind is kind), None)


def require_bounds(handed_in: HandedIn, record: ProjectRecord) -> None:
    """Raises DomainError about `plan` for money or days that the registration does not bear out."""
    _require_money(handed_in, record)
    _require_cover(handed_in, record)
    _require_years(handed_in, record)
    _require_completion(handed_in, record)
    _require_money_before_start(handed_in, record)


def require_plan_ends(record: ProjectRecord, completion: date | None, today: date) -> None:
    """Refuse to bring the registered completion forward past what the plan in force still plans.

    An approved re-baseline may go beyond it, so a later completion is taken, although the plan goes on after it.
    """
    before, baseline = record.planned_completion, baseline_on(record, today)
    if completion is None or baseline is None or (before is not None and completion >= before):
        return
    for day, last in _days(HandedIn(baseline.plan, today, renewed=False), completion):
        if day > last:
            given, latest = day.isoformat(), completion.isoformat()
            raise PLAN_OUTLASTS_COMPLETION.broken("planned_completion", given=given, latest=latest)


def _require_money(handed_in: HandedIn, record: ProjectRecord) -> None:
    """Something to invest, at most the registered total, and all of it by the completion."""
    planned, starting, total = handed_in.planned_yuan, handed_in.plan.starting_yuan, record.total_investment_yuan
    if planned == 0 or planned <= starting < total:
        raise PLAN_WITHOUT_INVESTMENT.broken("plan", starting=starting, planned=planned)
    if planned > total:
        raise PLAN_ABOVE_TOTAL.broken("plan", planned=planned, total=total)
    if starting < (record.invested_before_yuan or 0):
        invested = record.invested_before_yuan
        raise PLAN_STARTS_BELOW_INVESTED.broken("plan", starting=starting, invested=invested)
    completion = handed_in.due(MilestoneKind.COMPLETION) or record.planned_completion
    if completion is not None and completion <= handed_in.ends_on and planned < total:
        raise PLAN_BELOW_TOTAL.broken("plan", completion=completion.isoformat(), planned=planned, total=total)


def _require_cover(handed_in: HandedIn, record: ProjectRecord) -> None:
    """From the month of the start on; a renewed plan from the month in which it is asked for."""
    since = _since(handed_in, record)
    starts_on, ends_on = handed_in.plan.starts_on, handed_in.ends_on
    if starts_on > last_day(month_of(since)):
        raise PLAN_STARTS_LATE.broken("plan", starts_on=starts_on.isoformat(), since=since.isoformat())
    lives_by = max(since, handed_in.told_on)
    if ends_on < lives_by:
        raise PLAN_ENDS_EARLY.broken("plan", ends_on=ends_on.isoformat(), since=lives_by.isoformat())


def _since(handed_in: HandedIn, record: ProjectRecord) -> date:
    """The start, as planned or as it was, not before the project was on the list."""
    start = record.started_on or handed_in.due(MilestoneKind.START) or record.registered_on
    since = max(start, record.registered_on)
    return max(since, handed_in.told_on) if handed_in.renewed else since


def _require_years(handed_in: HandedIn, record: ProjectRecord) -> None:
    earliest = _earliest(record)
    rule, latest = _latest(handed_in, record)
    for day, last in _days(handed_in, latest):
        if day < earliest:
            raise PLAN_BEFORE_PROJECT.broken("plan", given=day.isoformat(), earliest=earliest.isoformat())
        if day > last:
            raise rule.broken("plan", given=day.isoformat(), latest=latest.isoformat())


def _require_completion(handed_in: HandedIn, record: ProjectRecord) -> None:
    """A plan that reaches the registered completion, or the total, says when the completion is due, not before the
    start."""
    start, due = handed_in.due(MilestoneKind.START), handed_in.due(MilestoneKind.COMPLETION)
    if start is not None and due is not None and due < start:
        raise PLAN_MILESTONES_CROSSED.broken("plan", start=start.isoformat(), completion=due.isoformat())
    registered = record.planned_completion
    whole = handed_in.planned_yuan >= record.total_investment_yuan
    if due is None and registered is not None and (whole or registered <= handed_in.ends_on):
        raise PLAN_WITHOUT_COMPLETION.broken(
            "plan", ends_on=handed_in.ends_on.isoformat(), completion=registered.isoformat()
        )


def _require_money_before_start(handed_in: HandedIn, record: ProjectRecord) -> None:
    """Before the start no month is reported and no lamp looks at the money; so little of it can be planned for then."""
    start = handed_in.due(MilestoneKind.START)
    if start is None or record.started_on is not None:
        return
    planned = planned_at(handed_in.plan, start - timedelta(days=1))
    limit = max(handed_in.plan.starting_yuan, record.total_investment_yuan // FIFTHS)
    if planned > limit:
        raise PLAN_MONEY_BEFORE_START.broken("plan", start=start.isoformat(), planned=planned, limit=limit)


def _days(handed_in: HandedIn, latest: date) -> Iterator[tuple[date, date]]:
    """Each day of the plan with the last one allowed: points end the quarter in which the latest day lies."""
    quarter = latest.replace(month=(latest.month + 2) // 3 * 3, day=1)
    yield handed_in.plan.starts_on + timedelta(days=1), latest
    yield from ((point.by, last_day(month_of(quarter))) for point in handed_in.plan.points)
    yield from ((milestone.due, latest) for milestone in handed_in.plan.milestones)


def _earliest(record: ProjectRecord) -> date:
    """The first day of the year in which the project was registered, planned to start or started."""
    known = (record.registered_on, record.planned_start, record.started_on)
    return date(min(day for day in known if day is not None).year, 1, 1)


def _latest(handed_in: HandedIn, record: ProjectRecord) -> tuple[Rule, date]:
    """The registered completion. A renewed plan may go beyond it (that is why it is asked for and approved), and where
    none is registered there is the horizon."""
    if record.planned_completion is None or handed_in.renewed:
        return PLAN_TOO_FAR, latest_planned(record.registered_on)
    return PLAN_AFTER_COMPLETION, record.planned_completion
