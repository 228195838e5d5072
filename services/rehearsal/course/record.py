"""The course of a project as values: business dates, months and plans as they truly were."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.project_tracking.events import BaselinePlan


@dataclass(frozen=True)
class Times:
    """The frame of a rehearsal: its first day, when weekly reports begin, and up to where courses are drawn."""

    first_day: date
    weekly_from: date
    horizon: date


@dataclass(frozen=True)
class Filing:
    """One filing of an approval; `returned_on` when it was sent back, else `granted_on`."""

    approval_id: str
    filed_on: date
    returned_on: date | None = None
    return_reason: str = ""
    granted_on: date | None = None
    document: str | None = None


@dataclass(frozen=True)
class Preparation:
    """Up to the start. `begun_on`: the talks begin; `registered_on`: the project is on the programme's list, which
    begins with the first day. `invested_before_yuan`: paid for land and design. `terminated_on`: it dies before the
    start.
    """

    begun_on: date
    registered_on: date
    planned_start: date
    planned_completion: date
    signed_on: date | None
    started_on: date
    filings: tuple[Filing, ...]
    invested_before_yuan: int | None
    terminated_on: date | None = None


@dataclass(frozen=True)
class Past:
    """What building had brought before the first day."""

    invested_yuan: int
    physical_percent: Decimal


@dataclass(frozen=True)
class Standstill:
    """A suspension; None: it did not resume."""

    suspended_on: date
    reason: str
    resumed_on: date | None


@dataclass(frozen=True)
class Month:
    """What a month truly brought; `pace` is how the project went in it."""

    month: str
    invested_yuan: int
    physical_percent: Decimal
    pace: int


@dataclass(frozen=True)
class Reached:
    milestone_id: str
    text: str
    reached_on: date


@dataclass(frozen=True)
class Change:
    """A request for another baseline and what came of it."""

    requested_on: date
    reason: str
    plan: BaselinePlan
    decided_on: date
    rejection: str | None


@dataclass
class Course:
    """All of a project's life. It grows month by month while it is drawn."""

    preparation: Preparation
    invested_before_yuan: int | None
    planned_on: date | None
    plan: BaselinePlan
    months: list[Month] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)
    standstill: Standstill | None = None
    change: Change | None = None
    completed_on: date | None = None
    produced_on: date | None = None
    terminated_on: date | None = None
    termination_reason: str = ""
