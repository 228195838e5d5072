"""The baseline 基线: what a project promised, quarter by quarter and milestone by milestone."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from services.chassis.domain import EntityId, Text, Yuan
from services.project_tracking.events.terms import MilestoneKind


class PlanPoint(msgspec.Struct, frozen=True, kw_only=True):
    """计划点: `invested_yuan` in all (cumulative) by the end of the day `by`, which ends a quarter."""

    by: date
    invested_yuan: Yuan


class PlannedMilestone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """计划节点: `due` is the last day that is on time."""

    milestone_id: EntityId
    text: Text
    due: date
    kind: MilestoneKind = MilestoneKind.OTHER


class BaselinePlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """基线计划. At the end of the day `starts_on`, `starting_yuan` was invested; from there straight lines
    lead from point to point.
    """

    starts_on: date
    starting_yuan: Yuan = 0
    points: Annotated[tuple[PlanPoint, ...], msgspec.Meta(min_length=1, max_length=100)]
    milestones: Annotated[tuple[PlannedMilestone, ...], msgspec.Meta(max_length=200)] = ()


def planned_at(plan: BaselinePlan, on: date) -> int:
    """计划累计投资: yuan planned by the end of the day `on`, linear by day between the points.

    Rounded down to whole yuan; before the plan starts its starting value, after the last point the last.
    Source: DOMAIN §2.4 (序时进度) and feature 7 (never below 0).
    """
    since, done = plan.starts_on, plan.starting_yuan
    if on <= since:
        return done
    for point in plan.points:
        if on <= point.by:
            return done + (point.invested_yuan - done) * (on - since).days // (point.by - since).days
        since, done = point.by, point.invested_yuan
    return done
