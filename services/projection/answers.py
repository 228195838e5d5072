"""The answers about the city and its units. None means not known, never zero; ratios are in thousandths (permille).

`event_ids` (`<stream>/<version>`) name the recorded facts behind a figure.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec

from services.policy_registry.events import Campaign, Measure, MeasureGroup, Phase, RecurringDuty, RuleSet, UnitKind
from services.project_tracking.events import Lamp, LampReason, MilestoneKind, ProjectKind, ProjectLevel, Stage
from services.projection.queries import AttentionKind


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer."""


class Reading(Answer, frozen=True, kw_only=True):
    """What was read: the day, and up to which instant facts count (None: all that is known now).

    `compared` says whether the answer also holds what the other knowledge says of the day.
    """

    on: date
    known_before: datetime | None
    today: date
    compared: bool


class LampAnswer(Answer, frozen=True, kw_only=True):
    """亮灯 with the version of its rules and the numbers that it rests on."""

    lamp: Lamp
    rule_version: str
    month: str
    judged_on: date
    done_yuan: int | None
    planned_yuan: int | None
    ratio_permille: int | None
    last_report_month: str | None
    missing_months: int
    first_missing_month: str | None
    late_milestone_id: str | None
    late_days: int | None
    late_milestones: int
    yellow_months: int
    reasons: tuple[LampReason, ...]
    event_ids: tuple[str, ...]


class LampCount(Answer, frozen=True, kw_only=True):
    lamp: Lamp
    count: int


class StageCount(Answer, frozen=True, kw_only=True):
    stage: Stage
    count: int
    total_investment_yuan: int


class MonthLamps(Answer, frozen=True, kw_only=True):
    """The lamps recorded for a month."""

    month: str
    lamps: tuple[LampCount, ...]


class MonthSteps(Answer, frozen=True, kw_only=True):
    """Starts and completions in a month: what happened, and what the baselines in force had due."""

    month: str
    starts: int
    starts_due: int
    completions: int
    completions_due: int


class StepTotals(Answer, frozen=True, kw_only=True):
    """Starts and completions in the year to date."""

    starts: int
    starts_due: int
    late_starts: int
    completions: int
    completions_due: int
    months: tuple[MonthSteps, ...]


class MonthInvestment(Answer, frozen=True, kw_only=True):
    """One month of the comparable projects; `done_yuan` is None for months whose reports are not due."""

    month: str
    planned_yuan: int
    done_yuan: int | None


class InvestmentAgainstPlan(Answer, frozen=True, kw_only=True):
    """Investment of the comparable projects at the end of `month`, against their plans; and who was left out why.

    `year_done_yuan` and `year_planned_yuan` are of this year up to `month`; `full_year_planned_yuan` of all of it.
    """

    month: str
    comparable: int
    done_yuan: int | None
    planned_yuan: int | None
    ratio_permille: int | None
    year_done_yuan: int | None
    year_planned_yuan: int | None
    full_year_planned_yuan: int | None
    year_ratio_permille: int | None
    unreported: int
    no_baseline: int
    nothing_known: int
    out_of_averages: int
    months: tuple[MonthInvestment, ...]


class Reporting(Answer, frozen=True, kw_only=True):
    """Monthly reports of this year that were due by the day: expected, received by it, received in time."""

    expected: int
    received: int
    on_time: int
    received_permille: int | None
    on_time_permille: int | None


class Summary(Answer, frozen=True, kw_only=True):
    """Some projects taken together: the city's or a unit's."""

    projects: int
    averaged: int
    total_investment_yuan: int
    lamps: tuple[LampCount, ...]
    judged: int
    green_permille: int | None
    stages: tuple[StageCount, ...]
    steps: StepTotals
    investment: InvestmentAgainstPlan
    reporting: Reporting
    lamp_history: tuple[MonthLamps, ...]


class OtherSummary(Answer, frozen=True, kw_only=True):
    """The same by the other knowledge of the day."""

    projects: int
    lamps: tuple[LampCount, ...]
    starts: int
    completions: int
    year_done_yuan: int | None
    changed_projects: int
    corrected_projects: int


class UnitLine(Answer, frozen=True, kw_only=True):
    """A unit beside the others. `rank` orders the ranked units by the share of green among the judged (equal
    shares, equal rank); None: not ranked, or nothing judged."""

    unit_code: str
    unit_id: str
    name: str
    english: str | None
    kind: UnitKind
    scored: bool
    member: bool
    rank: int | None
    summary: Summary


class UnitEntry(Answer, frozen=True, kw_only=True):
    """A unit of the register on the day; `valid_to` is the first day on which it no longer is what it says here."""

    unit_code: str
    unit_id: str
    name: str
    english: str | None
    kind: UnitKind
    scored: bool
    valid_from: date
    valid_to: date | None
    inferred: bool
    basis: str | None


class OtherFigures(Answer, frozen=True, kw_only=True):
    """What the other knowledge of the day says of a project. `corrected`: a correction made the difference, and not
    only a fact that was recorded late."""

    stage: Stage | None
    lamp: Lamp | None
    invested_yuan: int | None
    physical_percent: Decimal | None
    corrected: bool


class NextMilestone(Answer, frozen=True, kw_only=True):
    """The first outstanding milestone; `late_days` is 0 until it is late."""

    milestone_id: str
    text: str
    kind: MilestoneKind
    due: date
    late_days: int


class ProjectLine(Answer, frozen=True, kw_only=True):
    """A project in a list. `awaited_month` has ended and owes a report that is not overdue yet; `version` is that of
    the latest fact known here; `major` is a 重大产业项目, which owes weekly reports until its completion or end."""

    project_id: str
    name: str
    kind: ProjectKind
    level: ProjectLevel
    major: bool
    unit_code: str
    unit_id: str
    unit_name: str
    unit_english: str | None
    industry: str
    total_investment_yuan: int
    stage: Stage
    lamp: LampAnswer | None
    invested_yuan: int | None
    physical_percent: Decimal | None
    last_report_month: str | None
    planned_start: date | None
    started_on: date | None
    planned_completion: date | None
    completed_on: date | None
    help_needed: str | None
    pending_baseline: int | None
    missing_months: tuple[str, ...]
    awaited_month: str | None
    last_week: date | None
    owes_weekly_report: bool
    next_milestone: NextMilestone | None
    version: int
    other: OtherFigures | None


class AttentionGroup(Answer, frozen=True, kw_only=True):
    """需要关注: how many projects, and the first of them."""

    kind: AttentionKind
    count: int
    projects: tuple[ProjectLine, ...]


class PhaseLine(Answer, frozen=True, kw_only=True):
    """A phase of the programme and whether the day lies in it."""

    phase: Phase
    current: bool


class Overview(Answer, frozen=True, kw_only=True):
    """The city on one day."""

    reading: Reading
    summary: Summary
    other: OtherSummary | None
    units: tuple[UnitLine, ...]
    attention: tuple[AttentionGroup, ...]
    programme_title: str | None
    programme_english: str | None
    city: str | None
    year: int | None
    phases: tuple[PhaseLine, ...]
    campaigns: tuple[Campaign, ...]


class UnitComparison(Answer, frozen=True, kw_only=True):
    """All units side by side; first the ranked ones in order, then the others."""

    reading: Reading
    units: tuple[UnitLine, ...]
    city: Summary


class UnitList(Answer, frozen=True, kw_only=True):
    reading: Reading
    units: tuple[UnitEntry, ...]


class UnitPost(Answer, frozen=True, kw_only=True):
    """A post that answers for the unit on the day; posts, never persons."""

    post_id: str
    title: str


class UnitAnswer(Answer, frozen=True, kw_only=True):
    """One unit with its posts and its projects, reddest first. `entry` says how the register has it."""

    reading: Reading
    unit: UnitLine
    entry: UnitEntry
    other: OtherSummary | None
    posts: tuple[UnitPost, ...]
    attention: tuple[AttentionGroup, ...]
    projects: tuple[ProjectLine, ...]


class ProjectPage(Answer, frozen=True, kw_only=True):
    """A page of projects. `next_page_token` is empty on the last page; totals are of all that fit."""

    reading: Reading
    projects: tuple[ProjectLine, ...]
    total: int
    total_investment_yuan: int
    lamps: tuple[LampCount, ...]
    stages: tuple[StageCount, ...]
    next_page_token: str


class NamedParty(Answer, frozen=True, kw_only=True):
    """What a unit's id is called on the day."""

    unit_id: str
    name: str
    english: str | None


class ProgrammeAnswer(Answer, frozen=True, kw_only=True):
    """The programme on the day; `title` is None where none was adopted by then."""

    reading: Reading
    title: str | None
    english: str | None
    city: str | None
    year: int | None
    adopted_on: date | None
    goals: tuple[str, ...]
    campaigns: tuple[Campaign, ...]
    groups: tuple[MeasureGroup, ...]
    measures: tuple[Measure, ...]
    phases: tuple[PhaseLine, ...]
    duties: tuple[RecurringDuty, ...]
    rule_sets: tuple[RuleSet, ...]
    units: tuple[NamedParty, ...]
