"""An invented project's whole life as orders, from its registration to production."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from services.chassis.domain import Command
from services.project_tracking.events import (
    BaselinePlan,
    MilestoneKind,
    PlannedMilestone,
    PlanPoint,
    ProjectKind,
    ProjectLevel,
)
from services.project_tracking.project import commands

UNIT = "130606"
"""莲池区"""
OTHER_UNIT = "130602"
"""竞秀区"""
APPROVALS = (
    *("project_filing", "land_prereview", "land_planning_permit"),
    *("environmental_assessment", "construction_permit"),
)
"""The shipped checklist of investment projects."""
FIRST_WEEK = date(2017, 1, 9)


def registration(project: str, unit: str = UNIT) -> commands.RegisterProject:
    return commands.RegisterProject(
        project_id=project,
        occurred_on=date(2017, 1, 9),
        name=f"示例零部件产业园项目 {project}",
        kind=ProjectKind.INVESTMENT,
        level=ProjectLevel.CITY,
        unit_code=unit,
        industry="装备制造",
        owner="示例实业有限公司",
        total_investment_yuan=120_000_000,
    )


def plan(by_june: int = 48_000_000) -> BaselinePlan:
    return BaselinePlan(
        starts_on=date(2017, 1, 31),
        points=(
            PlanPoint(by=date(2017, 3, 31), invested_yuan=24_000_000),
            PlanPoint(by=date(2017, 6, 30), invested_yuan=by_june),
            PlanPoint(by=date(2017, 12, 31), invested_yuan=96_000_000),
        ),
        milestones=(
            PlannedMilestone(milestone_id="start", text="开工", due=date(2017, 3, 15), kind=MilestoneKind.START),
            PlannedMilestone(milestone_id="roof", text="主体封顶", due=date(2017, 8, 31)),
        ),
    )


def preparation(project: str) -> Iterator[Command]:
    """What brings a registered project to its start."""
    yield commands.SetBaseline(project_id=project, occurred_on=date(2017, 1, 20), plan=plan())
    for approval in APPROVALS:
        yield commands.FileApproval(project_id=project, occurred_on=date(2017, 2, 6), approval_id=approval)
        yield commands.GrantApproval(project_id=project, occurred_on=date(2017, 2, 24), approval_id=approval)
    yield commands.SignProject(project_id=project, occurred_on=date(2017, 1, 23))
    yield commands.StartProject(project_id=project, occurred_on=date(2017, 3, 2))


def progress(project: str, month: int, percent: int, yuan: int, reason: str | None = None) -> commands.ReportProgress:
    return commands.ReportProgress(
        project_id=project,
        occurred_on=date(2017, month, 28),
        month=f"2017-{month:02d}",
        physical_percent=Decimal(percent),
        invested_this_month_yuan=yuan,
        correction_reason=reason,
    )


def weekly(project: str, number: int) -> commands.SubmitWeeklyReport:
    """The report of the week so many weeks after the first."""
    week = FIRST_WEEK + timedelta(weeks=number)
    return commands.SubmitWeeklyReport(
        project_id=project,
        occurred_on=week + timedelta(days=4),
        week=week,
        progress=f"第{number + 1}周完成基础施工",
        next_week="继续主体施工",
    )


def building(project: str) -> Iterator[Command]:
    """From the first report to production."""
    yield progress(project, 3, 8, 9_000_000)
    yield weekly(project, 9)
    yield commands.SuspendProject(project_id=project, occurred_on=date(2017, 4, 10), reason="环保停工")
    yield commands.ResumeProject(project_id=project, occurred_on=date(2017, 5, 2))
    yield progress(project, 5, 30, 21_000_000)
    yield commands.RequestRebaseline(
        project_id=project, occurred_on=date(2017, 5, 5), reason="停工三周", plan=plan(40_000_000)
    )
    yield commands.ApproveRebaseline(project_id=project, occurred_on=date(2017, 5, 9), number=2)
    yield commands.ReachMilestone(
        project_id=project, occurred_on=date(2017, 8, 20), milestone_id="roof", text="主体结构封顶"
    )
    yield commands.CompleteProject(project_id=project, occurred_on=date(2017, 11, 30))
    yield commands.PutIntoProduction(project_id=project, occurred_on=date(2017, 12, 20))


def life(project: str, unit: str = UNIT) -> Iterator[Command]:
    """A whole life of 24 orders, each of which records one fact."""
    yield registration(project, unit)
    yield from preparation(project)
    yield from building(project)
