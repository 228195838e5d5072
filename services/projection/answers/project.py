"""The answer about one project: every figure with the fact behind it and the facts it took the place of."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from services.project_tracking.events import Lamp, MilestoneKind, Step
from services.projection.answers.parts import Answer, Reading
from services.projection.answers.project_lines import ProjectLine


class OtherFact(Answer, frozen=True, kw_only=True):
    """Another fact about the same figure: one that was replaced (struck through on a page), or one that replaced it
    after the instant looked from (`later`)."""

    event_id: str
    recorded_at: datetime
    occurred_on: date
    later: bool
    retracted: bool
    reason: str | None
    invested_yuan: int | None
    physical_percent: Decimal | None
    text: str | None


class Source(Answer, frozen=True, kw_only=True):
    """The fact behind a figure, by which reason it corrected what went before, and the other facts about it."""

    event_id: str
    recorded_at: datetime
    reason: str | None
    corrected_since: bool
    others: tuple[OtherFact, ...]


class StepLine(Answer, frozen=True, kw_only=True):
    """环节: a step of the project's life; `number` tells suspensions apart."""

    step: Step
    number: int | None
    on: date | None
    reason: str | None
    source: Source | None


class PlannedPoint(Answer, frozen=True, kw_only=True):
    by: date
    invested_yuan: int


class MilestoneLine(Answer, frozen=True, kw_only=True):
    """节点: due by the baseline in force and by the first one, reached or how late."""

    milestone_id: str
    text: str
    kind: MilestoneKind
    due: date
    first_due: date | None
    reached_on: date | None
    late_days: int
    reached_text: str | None
    source: Source | None


class PlannedMilestoneLine(Answer, frozen=True, kw_only=True):
    milestone_id: str
    text: str
    kind: MilestoneKind
    due: date


class BaselineLine(Answer, frozen=True, kw_only=True):
    """基线: the first one stays visible; `in_force` marks the one the project is judged by on the day."""

    number: int
    in_force: bool
    pending: bool
    in_force_from: date | None
    requested_on: date | None
    reason: str | None
    rejected_on: date | None
    rejection_reason: str | None
    starts_on: date
    starting_yuan: int
    points: tuple[PlannedPoint, ...]
    milestones: tuple[PlannedMilestoneLine, ...]
    source: Source | None
    decision: Source | None


class ApprovalLine(Answer, frozen=True, kw_only=True):
    """审批: an item of the checklist or one that was filed; days are calendar days."""

    approval_id: str
    name: str
    english: str | None
    required_for_start: bool
    filed_on: date | None
    granted_on: date | None
    times_returned: int
    days: int | None
    days_in_all: int | None
    document_number: str | None
    sources: tuple[Source, ...]


class MonthLine(Answer, frozen=True, kw_only=True):
    """月报: a month with a report, or one that owes it (`missing` once it is due)."""

    month: str
    reported_on: date | None
    on_time: bool | None
    missing: bool
    physical_percent: Decimal | None
    invested_yuan: int | None
    cumulative_yuan: int | None
    planned_cumulative_yuan: int | None
    note: str | None
    lamp: Lamp | None
    lamp_rule_version: str | None
    lamp_event_id: str | None
    source: Source | None


class WeekLine(Answer, frozen=True, kw_only=True):
    """周报, with what the week before had foreseen for it."""

    week: date
    reported_on: date
    forecast: str | None
    progress: str
    problems: str | None
    help_needed: str | None
    next_week: str | None
    source: Source | None


class CurvePoint(Answer, frozen=True, kw_only=True):
    """The plans and the actual at the end of a day; None where one says nothing."""

    on: date
    first_plan_yuan: int | None
    plan_yuan: int | None
    done_yuan: int | None


class ProjectAnswer(Answer, frozen=True, kw_only=True):
    """One project on one day. `corrections` counts the facts known at the moment that corrected another.

    `registered_unit_code` is the code that its unit was registered under; the unit may bear another one since.
    """

    reading: Reading
    line: ProjectLine
    owner: str
    owner_uscc: str | None
    owner_uscc_doubtful: bool
    site: str | None
    area_mu: Decimal | None
    invested_before_yuan: int | None
    registered_on: date
    registered_unit_code: str
    registration: Source | None
    steps: tuple[StepLine, ...]
    baselines: tuple[BaselineLine, ...]
    milestones: tuple[MilestoneLine, ...]
    approvals: tuple[ApprovalLine, ...]
    months: tuple[MonthLine, ...]
    weeks: tuple[WeekLine, ...]
    curve: tuple[CurvePoint, ...]
    corrections: int


class TimelineEntry(Answer, frozen=True, kw_only=True):
    """A recorded fact. `data` is its exact JSON. `replaces` and `replaced_by` link a correction with what it
    corrected; `after` marks what was recorded after the day looked at, or is about a later one."""

    event_id: str
    version: int
    type: str
    occurred_on: date
    recorded_at: datetime
    actor: str
    command_id: str
    data: str
    correction_reason: str | None
    replaces: str | None
    replaced_by: str | None
    after: bool


class ProjectTimeline(Answer, frozen=True, kw_only=True):
    """The life line, latest first."""

    reading: Reading
    project_id: str
    name: str
    unit_code: str
    entries: tuple[TimelineEntry, ...]
