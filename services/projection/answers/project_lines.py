"""Projects as lines of a list, and the answer that is a page of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.project_tracking.events import Lamp, MilestoneKind, ProjectKind, ProjectLevel, Stage
from services.projection.answers.parts import Answer, LampAnswer, LampCount, Reading, StageCount
from services.projection.queries import AttentionKind


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
    """需要关注: how many projects, how many by the other knowledge (None: there is none), and the first of them."""

    kind: AttentionKind
    count: int
    other_count: int | None
    projects: tuple[ProjectLine, ...]


class ProjectPage(Answer, frozen=True, kw_only=True):
    """A page of projects. `next_page_token` is empty on the last page; totals are of all that fit. Of all
    projects that the asker sees, `changed_projects` read differently by the other knowledge, `corrected_projects` of
    them by a correction."""

    reading: Reading
    projects: tuple[ProjectLine, ...]
    total: int
    total_investment_yuan: int
    lamps: tuple[LampCount, ...]
    stages: tuple[StageCount, ...]
    next_page_token: str
    changed_projects: int
    corrected_projects: int
