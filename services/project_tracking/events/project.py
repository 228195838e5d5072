"""What happens to a project 项目, as facts.

`occurred_on` is the day of the fact itself (of a step, an approval, a milestone) or the day that the clerk gives to a
report (a plan, a progress report, a weekly report). Whether a month's or week's report was in time is told by
`reported_on`, the clock's day on which it first came; facts recorded before that was kept have none, and their
`occurred_on` stands for it. A correction 更正 is the same fact again with `correction_reason`: the later recorded one
holds; of a report it keeps the day on which the report first came.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from services.chassis.domain import EntityId, Event, Name, Text, Yuan
from services.project_tracking.events.plan import BaselinePlan
from services.project_tracking.events.terms import (
    Lamp,
    LampEvidence,
    Month,
    Mu,
    Percent,
    ProjectKind,
    ProjectLevel,
    Step,
    Uscc,
)


class ProjectRegistered(Event, frozen=True, kw_only=True):
    """登记: from `occurred_on` the project is on the list. `unit_id` outlives a change of the unit's code.

    `invested_before_yuan` is what had been invested before the first month reported here; of a project begun
    earlier (结转) that is all up to the month of the registration, and None says that it is not known. `major` marks a
    重大产业项目 (plan III.18), which owes weekly reports.
    """

    type: ClassVar[str] = "bizenv.project.registered.v1"
    project_id: EntityId
    name: Name
    kind: ProjectKind
    level: ProjectLevel
    major: bool = False
    unit_code: str
    unit_id: str
    unit_registry_version: int
    industry: Name
    owner: Name
    owner_uscc: Uscc | None = None
    owner_uscc_doubtful: bool = False
    total_investment_yuan: Yuan
    invested_before_yuan: Yuan | None = None
    site: Text | None = None
    area_mu: Mu | None = None
    planned_start: date | None = None
    planned_completion: date | None = None
    correction_reason: Text | None = None


class ProjectApprovalFiled(Event, frozen=True, kw_only=True):
    """审批申报. `round` counts the filings of one item, from 1: after a return it is filed anew."""

    type: ClassVar[str] = "bizenv.project.approval_filed.v1"
    approval_id: EntityId
    round: int
    rule_version: str
    correction_reason: Text | None = None


class ProjectApprovalReturned(Event, frozen=True, kw_only=True):
    """审批退回, with what was wrong with the filing."""

    type: ClassVar[str] = "bizenv.project.approval_returned.v1"
    approval_id: EntityId
    round: int
    reason: Text
    correction_reason: Text | None = None


class ProjectApprovalGranted(Event, frozen=True, kw_only=True):
    """审批通过, with the number of the document if there is one."""

    type: ClassVar[str] = "bizenv.project.approval_granted.v1"
    approval_id: EntityId
    round: int
    document_number: Name | None = None
    correction_reason: Text | None = None


class ProjectSigned(Event, frozen=True, kw_only=True):
    """签约: the investment agreement is signed."""

    type: ClassVar[str] = "bizenv.project.signed.v1"
    correction_reason: Text | None = None


class ProjectStarted(Event, frozen=True, kw_only=True):
    """开工. `rule_version` says which checklist it met."""

    type: ClassVar[str] = "bizenv.project.started.v1"
    rule_version: str
    correction_reason: Text | None = None


class ProjectBaselineSet(Event, frozen=True, kw_only=True):
    """基线确定: the first plan, baseline number 1; it stays visible for ever."""

    type: ClassVar[str] = "bizenv.project.baseline_set.v1"
    plan: BaselinePlan
    correction_reason: Text | None = None


class ProjectRebaselineRequested(Event, frozen=True, kw_only=True):
    """申请调整基线. `number` is the number of the new baseline, from 2."""

    type: ClassVar[str] = "bizenv.project.rebaseline_requested.v1"
    number: int
    reason: Text
    plan: BaselinePlan
    correction_reason: Text | None = None


class ProjectRebaselineApproved(Event, frozen=True, kw_only=True):
    """同意调整基线: from this day on the project is judged by baseline `number`."""

    type: ClassVar[str] = "bizenv.project.rebaseline_approved.v1"
    number: int
    correction_reason: Text | None = None


class ProjectRebaselineRejected(Event, frozen=True, kw_only=True):
    """不同意调整基线."""

    type: ClassVar[str] = "bizenv.project.rebaseline_rejected.v1"
    number: int
    reason: Text
    correction_reason: Text | None = None


class ProjectMilestoneReached(Event, frozen=True, kw_only=True):
    """节点完成, with what was to be seen."""

    type: ClassVar[str] = "bizenv.project.milestone_reached.v1"
    milestone_id: EntityId
    text: Text
    correction_reason: Text | None = None


class ProjectProgressReported(Event, frozen=True, kw_only=True):
    """进度月报: `physical_percent` 形象进度 so far, `invested_this_month_yuan` in this month alone."""

    type: ClassVar[str] = "bizenv.project.progress_reported.v1"
    month: Month
    physical_percent: Percent
    invested_this_month_yuan: Yuan
    note: Text | None = None
    correction_reason: Text | None = None
    reported_on: date | None = None


class ProjectWeeklyReportSubmitted(Event, frozen=True, kw_only=True):
    """项目周报 of the week that begins on Monday `week` (measure 18)."""

    type: ClassVar[str] = "bizenv.project.weekly_report_submitted.v1"
    week: date
    progress: Text
    problems: Text | None = None
    help_needed: Text | None = None
    next_week: Text | None = None
    correction_reason: Text | None = None
    reported_on: date | None = None


class ProjectSuspended(Event, frozen=True, kw_only=True):
    """暂停. `number` counts the suspensions of the project, from 1."""

    type: ClassVar[str] = "bizenv.project.suspended.v1"
    number: int
    reason: Text
    correction_reason: Text | None = None


class ProjectResumed(Event, frozen=True, kw_only=True):
    """复工: the first day at work again after suspension `number`."""

    type: ClassVar[str] = "bizenv.project.resumed.v1"
    number: int
    correction_reason: Text | None = None


class ProjectCompleted(Event, frozen=True, kw_only=True):
    """竣工."""

    type: ClassVar[str] = "bizenv.project.completed.v1"
    correction_reason: Text | None = None


class ProjectPutIntoProduction(Event, frozen=True, kw_only=True):
    """投产 (of a public building: 投用)."""

    type: ClassVar[str] = "bizenv.project.put_into_production.v1"
    correction_reason: Text | None = None


class ProjectTerminated(Event, frozen=True, kw_only=True):
    """终止: it will not be built."""

    type: ClassVar[str] = "bizenv.project.terminated.v1"
    reason: Text
    correction_reason: Text | None = None


class ProjectWithdrawn(Event, frozen=True, kw_only=True):
    """调出: it is no longer on the city's list."""

    type: ClassVar[str] = "bizenv.project.withdrawn.v1"
    reason: Text
    correction_reason: Text | None = None


class ProjectStepRetracted(Event, frozen=True, kw_only=True):
    """撤销环节: the step had been recorded by mistake; `number` is that of the suspension it concerns."""

    type: ClassVar[str] = "bizenv.project.step_retracted.v1"
    step: Step
    number: int | None = None
    reason: Text


class ProjectLampRecorded(Event, frozen=True, kw_only=True):
    """月度亮灯: the lamp of one month, given once, with all that it rests on."""

    type: ClassVar[str] = "bizenv.project.lamp_recorded.v1"
    month: Month
    lamp: Lamp
    rule_version: str
    evidence: LampEvidence


PROJECT_EVENTS: tuple[type[Event], ...] = (
    ProjectRegistered,
    ProjectApprovalFiled,
    ProjectApprovalReturned,
    ProjectApprovalGranted,
    ProjectSigned,
    ProjectStarted,
    ProjectBaselineSet,
    ProjectRebaselineRequested,
    ProjectRebaselineApproved,
    ProjectRebaselineRejected,
    ProjectMilestoneReached,
    ProjectProgressReported,
    ProjectWeeklyReportSubmitted,
    ProjectSuspended,
    ProjectResumed,
    ProjectCompleted,
    ProjectPutIntoProduction,
    ProjectTerminated,
    ProjectWithdrawn,
    ProjectStepRetracted,
    ProjectLampRecorded,
)
"""All facts of a project, in the order of its life."""
