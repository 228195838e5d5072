"""ProjectRecord 项目档案: what is known of a project, each fact under its key and with its day.

Folded from the events (`fold`), read at any business date by pure functions (`reading`, `lamp`). It holds no
running totals, and it is JSON as it stands.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from services.project_tracking.events.plan import BaselinePlan
from services.project_tracking.events.terms import Lamp, ProjectKind, ProjectLevel, Step


class ApprovalRound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """一次申报: one filing of an approval and what came of it."""

    filed_on: date | None = None
    returned_on: date | None = None
    return_reason: str | None = None
    granted_on: date | None = None
    document_number: str | None = None


class Suspension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """暂停: from `suspended_on` to the day before `resumed_on` (None: still)."""

    suspended_on: date | None = None
    reason: str | None = None
    resumed_on: date | None = None

    def covers(self, first: date, last: date) -> bool:
        """Whether the project stood still on every day from `first` to `last`."""
        began = self.suspended_on is not None and self.suspended_on <= first
        return began and (self.resumed_on is None or self.resumed_on > last)


class Baseline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """基线: number 1 is the first; a later one is in force from the day of its approval, if that came."""

    number: int
    plan: BaselinePlan
    in_force_from: date | None = None
    requested_on: date | None = None
    reason: str | None = None
    rejected_on: date | None = None
    rejection_reason: str | None = None

    @property
    def pending(self) -> bool:
        """待批: asked for, and neither approved nor rejected."""
        return self.in_force_from is None and self.rejected_on is None


class ReachedMilestone(msgspec.Struct, frozen=True, kw_only=True):
    """已完成节点."""

    reached_on: date
    text: str


class MonthReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """月报: `invested_yuan` in that month alone; `reported_on` is the clock's day on which it first came."""

    reported_on: date
    physical_percent: Decimal
    invested_yuan: int
    note: str | None = None


class WeeklyReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """周报: `reported_on` is the clock's day on which it first came."""

    reported_on: date
    progress: str
    problems: str | None = None
    help_needed: str | None = None
    next_week: str | None = None


class RecordedLamp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """已记录的月度亮灯; its evidence stays with its event."""

    recorded_on: date
    lamp: Lamp
    rule_version: str
    baseline_number: int | None = None


class ProjectRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """项目档案. Keys: approvals by item and round, suspensions and baselines by number, milestones by id,
    progress and lamps by month, weekly reports by their Monday.
    """

    project_id: str
    name: str
    kind: ProjectKind
    level: ProjectLevel
    major: bool = False
    unit_code: str
    unit_id: str
    unit_registry_version: int
    industry: str
    owner: str
    owner_uscc: str | None = None
    owner_uscc_doubtful: bool = False
    total_investment_yuan: int
    invested_before_yuan: int | None = None
    site: str | None = None
    area_mu: Decimal | None = None
    planned_start: date | None = None
    planned_completion: date | None = None
    registered_on: date
    signed_on: date | None = None
    started_on: date | None = None
    completed_on: date | None = None
    in_production_on: date | None = None
    terminated_on: date | None = None
    termination_reason: str | None = None
    withdrawn_on: date | None = None
    withdrawal_reason: str | None = None
    approvals: dict[str, dict[int, ApprovalRound]] = {}
    suspensions: dict[int, Suspension] = {}
    baselines: dict[int, Baseline] = {}
    milestones_reached: dict[str, ReachedMilestone] = {}
    progress: dict[str, MonthReport] = {}
    weekly_reports: dict[date, WeeklyReport] = {}
    lamps: dict[str, RecordedLamp] = {}

    @property
    def ended_on(self) -> date | None:
        """结束日: the day of production, termination or withdrawal; after it only corrections are taken."""
        if self.in_production_on is self.terminated_on is self.withdrawn_on is None:
            return None
        days = (self.in_production_on, self.terminated_on, self.withdrawn_on)
        return min(day for day in days if day is not None)

    def step_on(self, step: Step) -> date | None:
        """The day of a step, of a suspension's the latest; None: not recorded."""
        if step is Step.SUSPENDED or step is Step.RESUMED:
            latest = self.suspensions.get(len(self.suspensions))
            return None if latest is None else (latest.suspended_on if step is Step.SUSPENDED else latest.resumed_on)
        day: date | None = getattr(self, step + "_on")
        return day
