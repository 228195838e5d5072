"""What every answer is made of: what was read, lamps and counts.

None means not known, never zero; ratios are in thousandths (permille). `event_ids` (`<stream>/<version>`) name the
recorded facts behind a figure.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from services.project_tracking.events import Lamp, LampReason, Stage


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
