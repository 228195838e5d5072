"""A small world for tests: invented units, rules and projects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from services.project_tracking.events import (
    ApprovalItem,
    BaselinePlan,
    Checklists,
    MilestoneKind,
    PlannedMilestone,
    PlanPoint,
    ProjectApprovalFiled,
    ProjectApprovalGranted,
    ProjectBaselineSet,
    ProjectCompleted,
    ProjectKind,
    ProjectLevel,
    ProjectMilestoneReached,
    ProjectProgressReported,
    ProjectRegistered,
    ProjectResumed,
    ProjectRules,
    ProjectSigned,
    ProjectStarted,
    ProjectSuspended,
)
from services.project_tracking.project import commands
from services.project_tracking.project.facts import ProjectFacts, UnitFact

P = "p-1"
REASON = "录入有误"
LAND = ApprovalItem(approval_id="land", name="用地批准", english="land use approval")
SAFETY = ApprovalItem(approval_id="energy", name="节能审查", required_for_start=False)
DESIGN = ApprovalItem(approval_id="design", name="初步设计批复", english="preliminary design approval")
RULES = ProjectRules(
    version="test-1",
    green_permille=950,
    watch_permille=800,
    yellow_permille=600,
    watch_up_to_days=7,
    yellow_up_to_days=15,
    yellow_months_to_red=2,
    lamp_day=6,
    checklists=Checklists(investment=(LAND, SAFETY), government=(LAND, DESIGN)),
)
UNIT = UnitFact(code="130629", unit_id="rongcheng", name="容城县", registry_version=3)


def day(month: int, number: int, year: int = 2017) -> date:
    return date(year, month, number)


FACTS = ProjectFacts(today=day(12, 31), unit=UNIT, rules=RULES)


def on(today: date) -> ProjectFacts:
    return ProjectFacts(today=today, unit=UNIT, rules=RULES)


def no_unit(today: date = date(2017, 12, 31)) -> ProjectFacts:
    return ProjectFacts(today=today, unit=None, rules=RULES)


def registered(**changes: Any) -> ProjectRegistered:
    told: dict[str, Any] = {
        "occurred_on": day(1, 5),
        "project_id": P,
        "name": "示例零部件项目",
        "kind": ProjectKind.INVESTMENT,
        "level": ProjectLevel.CITY,
        "unit_code": "130629",
        "unit_id": "rongcheng",
        "unit_registry_version": 3,
        "industry": "制造业",
        "owner": "示例公司",
        "total_investment_yuan": 100_000_000,
    }
    return ProjectRegistered(**{**told, **changes})


def register(**changes: Any) -> commands.RegisterProject:
    told: dict[str, Any] = {
        "project_id": P,
        "occurred_on": day(1, 5),
        "name": "示例零部件项目",
        "kind": ProjectKind.INVESTMENT,
        "level": ProjectLevel.CITY,
        "unit_code": "130629",
        "industry": "制造业",
        "owner": "示例公司",
        "total_investment_yuan": 100_000_000,
    }
    return commands.RegisterProject(**{**told, **changes})


def plan(
    *points: tuple[date, int],
    starts_on: date = date(2016, 12, 31),
    starting_yuan: int = 0,
    milestones: tuple[PlannedMilestone, ...] | None = None,
) -> BaselinePlan:
    start = PlannedMilestone(milestone_id="start", text="开工", due=day(3, 1), kind=MilestoneKind.START)
    roof = PlannedMilestone(milestone_id="roof", text="主体封顶", due=day(8, 31))
    return BaselinePlan(
        starts_on=starts_on,
        starting_yuan=starting_yuan,
        points=tuple(PlanPoint(by=by, invested_yuan=yuan) for by, yuan in points)
        or (PlanPoint(by=day(3, 31), invested_yuan=9_000_000), PlanPoint(by=day(6, 30), invested_yuan=30_000_000)),
        milestones=(start, roof) if milestones is None else milestones,
    )


def filed(approval_id: str = "land", on: date = date(2017, 1, 10), round: int = 1) -> ProjectApprovalFiled:
    return ProjectApprovalFiled(occurred_on=on, approval_id=approval_id, round=round, rule_version="test-1")


def granted(approval_id: str = "land", on: date = date(2017, 2, 9), round: int = 1) -> ProjectApprovalGranted:
    return ProjectApprovalGranted(occurred_on=on, approval_id=approval_id, round=round)


def reported(
    month: str,
    percent: int | str,
    yuan: int,
    on: date | None = None,
    reason: str | None = None,
    came: date | None = None,
) -> ProjectProgressReported:
    """Of the day `on`; it `came` on that day or on another."""
    told_on = on or date(int(month[:4]), int(month[5:]), 28)
    return ProjectProgressReported(
        occurred_on=told_on,
        reported_on=came or told_on,
        month=month,
        physical_percent=Decimal(percent),
        invested_this_month_yuan=yuan,
        correction_reason=reason,
    )


REGISTERED = registered()
GOVERNMENT = registered(kind=ProjectKind.GOVERNMENT, owner="市教育局")
FILED = filed()
GRANTED = granted()
SIGNED = ProjectSigned(occurred_on=day(2, 1))
STARTED = ProjectStarted(occurred_on=day(3, 1), rule_version="test-1")
PLANNED = ProjectBaselineSet(occurred_on=day(1, 20), plan=plan())
SUSPENDED = ProjectSuspended(occurred_on=day(4, 10), number=1, reason="资金不到位")
RESUMED = ProjectResumed(occurred_on=day(6, 1), number=1)
ROOFED = ProjectMilestoneReached(occurred_on=day(8, 20), milestone_id="roof", text="主体结构封顶")
COMPLETED = ProjectCompleted(occurred_on=day(10, 1))

READY = (REGISTERED, FILED, GRANTED, SIGNED)
UNDER_WAY = (*READY, STARTED)
