"""The questions. Every one takes `on` (the business date; none: today) and, to look with the knowledge of another
time, `known_on` (by the end of that day in Asia/Shanghai; the same day as `on`: as then known 当时所知) or `known_at`
(an instant)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from services.chassis.service import Query
from services.project_tracking.events import Lamp, ProjectKind, ProjectLevel, Stage

PAGE_SIZE = 50
LARGEST_PAGE = 500

UnitCodeAsked = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
ProjectIdAsked = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
SearchText = Annotated[str, msgspec.Meta(max_length=120, description="part of a name, an id, an owner, a site")]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)]
PageToken = Annotated[str, msgspec.Meta(max_length=200)]
KnownAt = Annotated[datetime, msgspec.Meta(tz=True, description="count only facts recorded before this instant")]


class Dated(Query, frozen=True, kw_only=True):
    """The two times of a question."""

    on: date | None = None
    known_on: date | None = None
    known_at: KnownAt | None = None


class AttentionKind(StrEnum):
    """需要关注: why a project is brought before the leaders."""

    RED = "red"
    """红牌"""
    LATE_START = "late_start"
    """未按期开工"""
    UNREPORTED = "unreported"
    """月报未报"""
    HELP_NEEDED = "help_needed"
    """请求协调"""
    REBASELINE_PENDING = "rebaseline_pending"
    """调整基线待批"""


class ProjectOrder(StrEnum):
    """By what a list of projects is ordered; equal ones by id."""

    PROJECT_ID = "project_id"
    NAME = "name"
    UNIT = "unit"
    LAMP = "lamp"
    STAGE = "stage"
    TOTAL_INVESTMENT = "total_investment"
    INVESTED = "invested"
    RATIO = "ratio"
    PHYSICAL = "physical"


class GetOverview(Dated, frozen=True, kw_only=True):
    """全市概览 · The city on one day: lamps, stages, starts and completions, investment against plans, units, what
    needs attention, and the programme's phases and campaigns."""


class CompareUnits(Dated, frozen=True, kw_only=True):
    """单位比较 · All units side by side on one day."""


class ListUnits(Dated, frozen=True, kw_only=True):
    """单位名单 · The units that belonged on the day: code, name, kind, whether they are ranked."""


class GetUnit(Dated, frozen=True, kw_only=True):
    """单位详情 · One unit on one day, with its projects. A code belongs to whom it belonged on that day."""

    unit_code: UnitCodeAsked


class ListProjects(Dated, frozen=True, kw_only=True):
    """项目列表 · Projects that fit every filter given, page by page; `total` counts them all."""

    unit_code: UnitCodeAsked | None = None
    kind: ProjectKind | None = None
    level: ProjectLevel | None = None
    stage: Annotated[tuple[Stage, ...], msgspec.Meta(max_length=7)] = ()
    lamp: Annotated[tuple[Lamp, ...], msgspec.Meta(max_length=7)] = ()
    attention: AttentionKind | None = None
    text: SearchText | None = None
    order: ProjectOrder = ProjectOrder.LAMP
    descending: bool = False
    page_size: PageSize = PAGE_SIZE
    page_token: PageToken | None = None


class GetProject(Dated, frozen=True, kw_only=True):
    """项目详情 · One project on one day: facts, plan against actual, milestones, approvals, reports, each with its
    events."""

    project_id: ProjectIdAsked


class GetProjectTimeline(Dated, frozen=True, kw_only=True):
    """项目时间线 · The life line of a project: its recorded facts, latest first, with what was corrected marked.

    `version` asks for one fact only.
    """

    project_id: ProjectIdAsked
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)] | None = None


class GetProgramme(Dated, frozen=True, kw_only=True):
    """工作方案 · What the programme says on the day: goals, campaigns, measures, phases, duties, rule sets in force."""
