"""Some projects taken together: counts, steps, investment against plan, reporting."""

from __future__ import annotations

from services.projection.answers.parts import Answer, LampCount, StageCount


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
    green_permille: int | None
    stages: tuple[StageCount, ...]
    starts: int
    late_starts: int
    completions: int
    year_done_yuan: int | None
    year_ratio_permille: int | None
    on_time_permille: int | None
    changed_projects: int
    corrected_projects: int
