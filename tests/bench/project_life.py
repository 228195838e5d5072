"""An invented project's life as orders, and as the facts that the real decider draws from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec

from services.chassis.domain import Command, Event
from services.chassis.event_store import NewEvent
from services.policy_registry.events import ProgrammeRecord, rule_set_on
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.programme_files import load_programme
from services.project_tracking.events import (
    BaselinePlan,
    MilestoneKind,
    PlannedMilestone,
    PlanPoint,
    ProjectKind,
    ProjectLevel,
    ProjectProgressReported,
    ProjectRules,
)
from services.project_tracking.events.adopted_rules import RULE_SET, project_rules
from services.project_tracking.project import commands
from services.project_tracking.project.decider import PROJECT
from services.project_tracking.project.facts import ProjectFacts, UnitFact

PROGRAMME = Path("deploy/programmes/baoding-2017")
UNIT = UnitFact(code="130606", unit_id="lianchi", name="莲池区", registry_version=1)
LAST_DAY = date(2018, 6, 30)
_PLAN = BaselinePlan(
    starts_on=date(2017, 1, 31),
    points=tuple(PlanPoint(by=date(2017, month, day), invested_yuan=month * 8_000_000) for month, day in
                 ((3, 31), (6, 30), (9, 30), (12, 31))),
    milestones=(
        PlannedMilestone(milestone_id="start", text="开工", due=date(2017, 3, 15), kind=MilestoneKind.START),
        PlannedMilestone(milestone_id="roof", text="主体封顶", due=date(2017, 8, 31)),
    ),
)  # fmt: skip


@cache
def programme() -> tuple[Command, ...]:
    """The orders that put the shipped programme in force."""
    return load_programme(PROGRAMME)


@cache
def rules() -> ProjectRules:
    """The shipped programme's rules of projects."""
    adoption = next(order for order in programme() if isinstance(order, AdoptProgramme))
    found = rule_set_on(ProgrammeRecord(rule_sets=adoption.rule_sets), RULE_SET, date(2017, 3, 1))
    assert found is not None
    return project_rules(found)


def opening(project: str) -> Iterator[Command]:
    """What brings a project to its start: registration, plan, signing and the approvals of its checklist."""
    yield commands.RegisterProject(
        project_id=project,
        occurred_on=date(2017, 1, 9),
        name="示例零部件产业园项目(一期)",
        kind=ProjectKind.INVESTMENT,
        level=ProjectLevel.CITY,
        unit_code=UNIT.code,
        industry="装备制造",
        owner="示例实业有限公司",
        total_investment_yuan=120_000_000,
    )
    yield commands.SetBaseline(project_id=project, occurred_on=date(2017, 1, 20), plan=_PLAN)
    yield commands.SignProject(project_id=project, occurred_on=date(2017, 1, 23))
    for item in rules().checklists.investment:
        filing = {"project_id": project, "approval_id": item.approval_id}
        yield commands.FileApproval(occurred_on=date(2017, 2, 6), **filing)
        yield commands.GrantApproval(occurred_on=date(2017, 2, 24), **filing)
    yield commands.StartProject(project_id=project, occurred_on=date(2017, 3, 2))


def months(project: str) -> Iterator[Command]:
    """Fifteen months of reports on progress."""
    for number in range(15):
        year, month = 2017 + (number + 2) // 12, (number + 2) % 12 + 1
        yield commands.ReportProgress(
            project_id=project,
            occurred_on=date(year, month, 28),
            month=f"{year}-{month:02d}",
            physical_percent=Decimal(6 * (number + 1)),
            invested_this_month_yuan=7_500_000 + number,
            note="主体结构施工按计划推进",
        )


def weeks(project: str, count: int) -> Iterator[Command]:
    for number in range(count):
        week = date(2017, 1, 16) + timedelta(weeks=number)
        yield commands.SubmitWeeklyReport(
            project_id=project,
            occurred_on=week + timedelta(days=4),
            week=week,
            progress="本周完成基础施工和设备订货",
            next_week="继续主体施工",
        )


def lamps(project: str) -> Iterator[Command]:
    for month in range(1, 12):
        yield commands.RecordLamp(project_id=project, occurred_on=date(2017, month + 1, 6), month=f"2017-{month:02d}")


def life(project: str) -> Iterator[Command]:
    """A whole life: some 65 facts."""
    yield from opening(project)
    yield from months(project)
    yield from weeks(project, 25)
    yield from lamps(project)


@cache
def facts() -> tuple[Event, ...]:
    """The facts of a whole life, drawn by the real decider."""
    found: list[Event] = []
    record = PROJECT.initial
    known = ProjectFacts(today=LAST_DAY, unit=UNIT, rules=rules())
    for order in life("bench"):
        events = PROJECT.decide(record, order, known)
        record = PROJECT.fold(events, record)
        found += events
    return tuple(found)


@cache
def progress_report() -> NewEvent:
    """The fact that most commands of a running city record."""
    fact = next(each for each in facts() if isinstance(each, ProjectProgressReported))
    return NewEvent(fact.type, fact.occurred_on, msgspec.json.encode(fact))
