"""The words of a project. How they are called on a page is the projection's business, not ours."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

Month = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", max_length=7, description="月份 · a calendar month, YYYY-MM"
    ),
]
"""月份: a calendar month, `YYYY-MM`; sorts as text."""

Percent = Annotated[Decimal, msgspec.Meta(description="百分比 · from 0 to 100, at most two decimals")]
"""百分比: 0 to 100 with at most two decimals (the decider holds to it)."""

Mu = Annotated[Decimal, msgspec.Meta(description="亩 · area in mu, more than 0, at most four decimals")]
"""亩: an area in mu (15 mu = 1 hectare)."""

Uscc = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9A-HJ-NP-RTUWXY]{18}$",
        max_length=18,
        description="统一社会信用代码 · GB 32100-2015, 18 characters",
    ),
]
"""统一社会信用代码: 18 characters of the alphabet of GB 32100-2015; the decider checks the last one."""


class ProjectKind(enum.StrEnum):
    """项目类型: an investor's project is signed for; the government signs nothing with itself."""

    INVESTMENT = "investment"
    """招商 (社会投资)"""
    GOVERNMENT = "government"
    """政府投资"""


class ProjectLevel(enum.StrEnum):
    """重点项目级别: on whose list of key projects it is."""

    PROVINCE = "province"
    """省重点"""
    CITY = "city"
    """市重点"""
    COUNTY = "county"
    """县重点"""


class Stage(enum.StrEnum):
    """阶段: where a project stands on a day."""

    PREPARING = "preparing"
    """前期"""
    UNDER_CONSTRUCTION = "under_construction"
    """在建"""
    SUSPENDED = "suspended"
    """暂停"""
    COMPLETED = "completed"
    """竣工"""
    IN_PRODUCTION = "in_production"
    """投产"""
    TERMINATED = "terminated"
    """终止"""
    WITHDRAWN = "withdrawn"
    """调出: taken off the list, for instance because its county left the city"""


class Step(enum.StrEnum):
    """环节: a step of a project's life; the latest one can be retracted when it was recorded by mistake."""

    SIGNED = "signed"
    """签约"""
    STARTED = "started"
    """开工"""
    SUSPENDED = "suspended"
    """暂停"""
    RESUMED = "resumed"
    """复工"""
    COMPLETED = "completed"
    """竣工"""
    IN_PRODUCTION = "in_production"
    """投产"""
    TERMINATED = "terminated"
    """终止"""
    WITHDRAWN = "withdrawn"
    """调出"""


class MilestoneKind(enum.StrEnum):
    """节点类型: the start's and the completion's milestone are reached by the step itself."""

    START = "start"
    """开工节点"""
    COMPLETION = "completion"
    """竣工节点"""
    OTHER = "other"
    """其他节点"""


class Lamp(enum.StrEnum):
    """亮灯 (DOMAIN §2.4). The grey ones are no verdict and never count as green."""

    GREEN = "green"
    """绿灯"""
    WATCH = "watch"
    """提示: behind, no card yet"""
    YELLOW = "yellow"
    """黄牌"""
    RED = "red"
    """红牌"""
    UNREPORTED = "unreported"
    """未报"""
    NO_BASELINE = "no_baseline"
    """无基线"""
    NOT_JUDGED = "not_judged"
    """不评: suspended, fully built, completed, ended, carried over with an unknown investment, nothing planned yet"""


class LampReason(enum.StrEnum):
    """亮灯依据: why a lamp has its colour; several may hold."""

    INVESTMENT_ON_PLAN = "investment_on_plan"
    INVESTMENT_SLIGHTLY_BEHIND = "investment_slightly_behind"
    INVESTMENT_BEHIND = "investment_behind"
    INVESTMENT_FAR_BEHIND = "investment_far_behind"
    NOTHING_PLANNED_YET = "nothing_planned_yet"
    NO_REPORT_DUE_YET = "no_report_due_yet"
    NOT_STARTED = "not_started"
    MILESTONE_SLIGHTLY_LATE = "milestone_slightly_late"
    MILESTONE_LATE = "milestone_late"
    MILESTONE_FAR_LATE = "milestone_far_late"
    YELLOW_IN_A_ROW = "yellow_in_a_row"
    REPORT_MISSING = "report_missing"
    NO_BASELINE = "no_baseline"
    NOT_REGISTERED = "not_registered"
    SUSPENDED = "suspended"
    FULLY_BUILT = "fully_built"
    COMPLETED = "completed"
    ENDED = "ended"
    INVESTED_BEFORE_UNKNOWN = "invested_before_unknown"


class LampEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """亮灯证据: every number that a lamp rests on, so that anyone can work it out again.

    `month` is the month at whose end the investment is measured, `judged_on` the day the milestones are
    measured. `ratio_permille` is done ÷ planned in thousandths, rounded down. `yellow_months` is the run of
    months, up to `month`, that were yellow by themselves.
    """

    judged_on: date
    month: Month
    baseline_number: int | None = None
    done_yuan: int | None = None
    planned_yuan: int | None = None
    ratio_permille: int | None = None
    late_milestone_id: str | None = None
    late_days: int | None = None
    first_missing_month: Month | None = None
    missing_months: int = 0
    yellow_months: int = 0
    reasons: tuple[LampReason, ...] = ()


class LampJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """亮灯结论: the lamp, the version of the rules that gave it, and its evidence."""

    lamp: Lamp
    rule_version: str
    evidence: LampEvidence
