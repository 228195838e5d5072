"""Orders to a project 项目. `occurred_on` is the business date of what is told.

A `correction_reason` says that the fact is known already and was told wrongly: it is recorded again.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from services.chassis.domain import Command, EntityId, Name, Text, Yuan
from services.policy_registry.events.unit_registry import UnitCode
from services.project_tracking.events.plan import BaselinePlan
from services.project_tracking.events.terms import Month, Mu, Percent, ProjectKind, ProjectLevel, Step, Uscc

Number = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class RegisterProject(Command, frozen=True, kw_only=True):
    """登记项目 · register a project."""

    project_id: EntityId
    occurred_on: date
    name: Name
    kind: ProjectKind
    level: ProjectLevel
    major: bool = False
    """重大产业项目: followed week by week"""
    unit_code: UnitCode
    industry: Name
    owner: Name
    owner_uscc: Uscc | None = None
    owner_uscc_doubtful: bool = False
    """核验存疑: the code is real although its check character does not fit"""
    total_investment_yuan: Yuan
    invested_before_yuan: Yuan | None = None
    site: Text | None = None
    area_mu: Mu | None = None
    planned_start: date | None = None
    planned_completion: date | None = None
    correction_reason: Text | None = None


class FileApproval(Command, frozen=True, kw_only=True):
    """申报审批事项 · file an approval."""

    project_id: EntityId
    occurred_on: date
    approval_id: EntityId
    correction_reason: Text | None = None


class ReturnApproval(Command, frozen=True, kw_only=True):
    """登记审批退回 · record that an approval was returned."""

    project_id: EntityId
    occurred_on: date
    approval_id: EntityId
    reason: Text
    correction_reason: Text | None = None


class GrantApproval(Command, frozen=True, kw_only=True):
    """登记审批通过 · record that an approval was granted."""

    project_id: EntityId
    occurred_on: date
    approval_id: EntityId
    document_number: Name | None = None
    correction_reason: Text | None = None


class SignProject(Command, frozen=True, kw_only=True):
    """登记签约 · record the signing."""

    project_id: EntityId
    occurred_on: date
    correction_reason: Text | None = None


class StartProject(Command, frozen=True, kw_only=True):
    """登记开工 · record the start."""

    project_id: EntityId
    occurred_on: date
    correction_reason: Text | None = None


class SetBaseline(Command, frozen=True, kw_only=True):
    """确定基线 · set the baseline."""

    project_id: EntityId
    occurred_on: date
    plan: BaselinePlan
    correction_reason: Text | None = None


class RequestRebaseline(Command, frozen=True, kw_only=True):
    """申请调整基线 · request a re-baseline."""

    project_id: EntityId
    occurred_on: date
    reason: Text
    plan: BaselinePlan
    correction_reason: Text | None = None


class ApproveRebaseline(Command, frozen=True, kw_only=True):
    """同意调整基线 · approve a re-baseline."""

    project_id: EntityId
    occurred_on: date
    number: Number
    correction_reason: Text | None = None


class RejectRebaseline(Command, frozen=True, kw_only=True):
    """不同意调整基线 · reject a re-baseline."""

    project_id: EntityId
    occurred_on: date
    number: Number
    reason: Text
    correction_reason: Text | None = None


class ReachMilestone(Command, frozen=True, kw_only=True):
    """登记节点完成 · record that a milestone was reached."""

    project_id: EntityId
    occurred_on: date
    milestone_id: EntityId
    text: Text
    correction_reason: Text | None = None


class ReportProgress(Command, frozen=True, kw_only=True):
    """填报进度月报 · report a month's progress."""

    project_id: EntityId
    occurred_on: date
    month: Month
    physical_percent: Percent
    invested_this_month_yuan: Yuan
    note: Text | None = None
    correction_reason: Text | None = None


class SubmitWeeklyReport(Command, frozen=True, kw_only=True):
    """填报项目周报 · submit the weekly report."""

    project_id: EntityId
    occurred_on: date
    week: date
    """the Monday on which the week begins"""
    progress: Text
    problems: Text | None = None
    help_needed: Text | None = None
    next_week: Text | None = None
    correction_reason: Text | None = None


class SuspendProject(Command, frozen=True, kw_only=True):
    """登记暂停 · record a suspension."""

    project_id: EntityId
    occurred_on: date
    reason: Text
    correction_reason: Text | None = None


class ResumeProject(Command, frozen=True, kw_only=True):
    """登记复工 · record that work resumed."""

    project_id: EntityId
    occurred_on: date
    correction_reason: Text | None = None


class CompleteProject(Command, frozen=True, kw_only=True):
    """登记竣工 · record the completion."""

    project_id: EntityId
    occurred_on: date
    correction_reason: Text | None = None


class PutIntoProduction(Command, frozen=True, kw_only=True):
    """登记投产 · record that production began."""

    project_id: EntityId
    occurred_on: date
    correction_reason: Text | None = None


class TerminateProject(Command, frozen=True, kw_only=True):
    """终止项目 · terminate a project."""

    project_id: EntityId
    occurred_on: date
    reason: Text
    correction_reason: Text | None = None


class WithdrawProject(Command, frozen=True, kw_only=True):
    """调出项目 · withdraw a project from the list."""

    project_id: EntityId
    occurred_on: date
    reason: Text
    correction_reason: Text | None = None


class RetractStep(Command, frozen=True, kw_only=True):
    """撤销误登的环节 · retract a step recorded by mistake."""

    project_id: EntityId
    occurred_on: date
    step: Step
    reason: Text


class RecordLamp(Command, frozen=True, kw_only=True):
    """记录月度亮灯 · record the lamp of a month.

    The platform's own, sent on the lamp day; `occurred_on` is that day.
    """

    project_id: EntityId
    occurred_on: date
    month: Month
