"""Some projects taken together. What is suspended, terminated or withdrawn is counted and kept out of rates;
未报 and 无基线 have their own counts and are never green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from services.project_tracking.events import (
    Lamp,
    MilestoneKind,
    ProjectRules,
    Stage,
)
from services.projection.answers.parts import LampCount, StageCount
from services.projection.answers.summary import (
    InvestmentAgainstPlan,
    MonthInvestment,
    MonthLamps,
    MonthSteps,
    OtherSummary,
    Reporting,
    StepTotals,
    Summary,
)
from services.projection.lines import corrected_between, figures
from services.projection.standing import Standing, due_month, months_of_year

JUDGED = (Lamp.GREEN, Lamp.WATCH, Lamp.YELLOW, Lamp.RED)
"""The lamps that are a verdict."""


def summary_of(standings: Sequence[Standing], on: date, rules: ProjectRules | None) -> Summary:
    """Their counts, rates (permille) and sums (yuan) on the day `on`; `rules` say by when a month is reported."""
    colours = Counter(standing.colour for standing in standings)
    judged = sum(colours[lamp] for lamp in JUDGED)
    return Summary(
        projects=len(standings),
        averaged=sum(1 for standing in standings if standing.averaged),
        total_investment_yuan=sum(standing.record.total_investment_yuan for standing in standings),
        lamps=lamp_counts(standings),
        judged=judged,
        green_permille=permille(colours[Lamp.GREEN], judged),
        stages=stage_counts(standings),
        steps=_steps(standings, on),
        investment=_investment(standings, on, rules),
        reporting=_reporting(standings),
        lamp_history=_lamp_history(standings, on),
    )


def other_summary(standings: Sequence[Standing], others: Sequence[Standing], summary: Summary) -> OtherSummary:
    """What the other knowledge (its standings and their summary) says of the same projects, and where it differs."""
    known = {standing.record.project_id: standing for standing in others}
    changed, corrected = changes(standings, known)
    return OtherSummary(
        projects=summary.projects,
        lamps=summary.lamps,
        green_permille=summary.green_permille,
        stages=summary.stages,
        starts=summary.steps.starts,
        late_starts=summary.steps.late_starts,
        completions=summary.steps.completions,
        year_done_yuan=summary.investment.year_done_yuan,
        year_ratio_permille=summary.investment.year_ratio_permille,
        on_time_permille=summary.reporting.on_time_permille,
        changed_projects=changed,
        corrected_projects=corrected,
    )


def changes(standings: Sequence[Standing], known: Mapping[str, Standing]) -> tuple[int, int]:
    """How many of the projects the other knowledge (its standings by id) reads differently, and how many of these by
    a correction."""
    pairs = [(standing, known.get(standing.record.project_id)) for standing in standings]
    changed = [(one, two) for one, two in pairs if one is not two and (two is None or figures(one) != figures(two))]
    corrected = [pair for pair in changed if pair[1] is not None and corrected_between(pair[0].row, pair[1].row)]
    return len(changed), len(corrected)


def same_figures(summary: Summary, other: OtherSummary) -> bool:
    """Whether the other knowledge gives each of its figures as the summary does."""
    return (
        summary.projects,
        summary.lamps,
        summary.stages,
        summary.steps.starts,
        summary.steps.late_starts,
        summary.steps.completions,
        summary.investment.year_done_yuan,
        summary.investment.year_ratio_permille,
        summary.reporting.on_time_permille,
    ) == (
        other.projects,
        other.lamps,
        other.stages,
        other.starts,
        other.late_starts,
        other.completions,
        other.year_done_yuan,
        other.year_ratio_permille,
        other.on_time_permille,
    )


def permille(part: int, whole: int) -> int | None:
    """Thousandths, rounded half up; None of nothing. (The ratios that lamps rest on are recorded, rounded down.)"""
    return None if whole <= 0 else (2000 * part + whole) // (2 * whole)


def lamp_counts(standings: Sequence[Standing]) -> tuple[LampCount, ...]:
    counts = Counter(standing.colour for standing in standings)
    return tuple(LampCount(lamp=lamp, count=counts[lamp]) for lamp in Lamp)


def stage_counts(standings: Sequence[Standing]) -> tuple[StageCount, ...]:
    counts: Counter[Stage] = Counter()
    money: Counter[Stage] = Counter()
    for standing in standings:
        counts[standing.stage] += 1
        money[standing.stage] += standing.record.total_investment_yuan
    return tuple(StageCount(stage=stage, count=counts[stage], total_investment_yuan=money[stage]) for stage in Stage)


def _steps(standings: Sequence[Standing], on: date) -> StepTotals:
    """Of projects on the list; a withdrawn one is no longer the city's."""
    listed = [standing for standing in standings if standing.stage is not Stage.WITHDRAWN]
    starts = _days((one.record.started_on for one in listed), on, on)
    completions = _days((one.record.completed_on for one in listed), on, on)
    year_end = date(on.year, 12, 31)
    starts_due = _days((_due(one, MilestoneKind.START) for one in listed), on, year_end)
    completions_due = _days((_due(one, MilestoneKind.COMPLETION) for one in listed), on, year_end)
    now = f"{on.year:04d}-{on.month:02d}"
    months = tuple(
        MonthSteps(
            month=month,
            starts=starts[month],
            starts_due=starts_due[month],
            completions=completions[month],
            completions_due=completions_due[month],
        )
        for month in months_of_year(on)
    )
    return StepTotals(
        starts=starts.total(),
        starts_due=sum(one.starts_due for one in months if one.month <= now),
        late_starts=sum(1 for one in listed if one.late_start is not None),
        completions=completions.total(),
        completions_due=sum(one.completions_due for one in months if one.month <= now),
        months=months,
    )


def _days(days: Iterable[date | None], on: date, until: date) -> Counter[str]:
    """How many of the days of this year up to `until` lie in each month."""
    first = date(on.year, 1, 1)
    known = [day for day in days if day is not None and first <= day <= until]
    return Counter(f"{day.year:04d}-{day.month:02d}" for day in known)


def _due(standing: Standing, kind: MilestoneKind) -> date | None:
    planned = () if standing.baseline is None else standing.baseline.plan.milestones
    return next((milestone.due for milestone in planned if milestone.kind is kind), None)


def _investment(standings: Sequence[Standing], on: date, rules: ProjectRules | None) -> InvestmentAgainstPlan:
    month = due_month(on, rules)
    counted = [standing for standing in standings if standing.comparable]
    months = _month_investments(counted, on, month)
    done = sum(standing.done_yuan or 0 for standing in counted) if counted else None
    planned = sum(standing.planned_yuan or 0 for standing in counted) if counted else None
    past = [one for one in months if one.month <= month]
    year_done = sum(one.done_yuan or 0 for one in past) if counted and past else None
    year_planned = sum(one.planned_yuan for one in past) if counted and past else None
    averaged = [standing for standing in standings if standing.averaged]
    return InvestmentAgainstPlan(
        month=month,
        comparable=len(counted),
        done_yuan=done,
        planned_yuan=planned,
        ratio_permille=_ratio(done, planned),
        year_done_yuan=year_done,
        year_planned_yuan=year_planned,
        full_year_planned_yuan=sum(one.planned_yuan for one in months) if counted else None,
        year_ratio_permille=_ratio(year_done, year_planned),
        unreported=sum(1 for standing in averaged if standing.missing),
        no_baseline=sum(1 for standing in averaged if standing.baseline is None and not standing.missing),
        nothing_known=sum(1 for standing in averaged if _nothing_known(standing)),
        out_of_averages=len(standings) - len(averaged),
        months=months,
    )


def _nothing_known(standing: Standing) -> bool:
    """A plan, and no report due yet (not started): nothing to hold against it."""
    return standing.baseline is not None and not standing.missing and standing.done_yuan is None


def _ratio(done: int | None, planned: int | None) -> int | None:
    return None if done is None or planned is None else permille(done, planned)


def _month_investments(counted: Sequence[Standing], on: date, due: str) -> tuple[MonthInvestment, ...]:
    return tuple(
        MonthInvestment(
            month=month,
            planned_yuan=sum(standing.year.planned[index] for standing in counted),
            done_yuan=sum(standing.year.done[index] for standing in counted) if month <= due and counted else None,
        )
        for index, month in enumerate(months_of_year(on))
    )


def _reporting(standings: Sequence[Standing]) -> Reporting:
    """A report counts once, and only for a month that was expected: no rate is above one, and none of nothing."""
    expected = sum(standing.year.expected for standing in standings)
    received = sum(standing.year.received for standing in standings)
    on_time = sum(standing.year.on_time for standing in standings)
    return Reporting(
        expected=expected,
        received=received,
        on_time=on_time,
        received_permille=permille(received, expected),
        on_time_permille=permille(on_time, expected),
    )


def _lamp_history(standings: Sequence[Standing], on: date) -> tuple[MonthLamps, ...]:
    """The recorded lamps of the year, month by month; only months that have any."""
    counts: dict[str, Counter[Lamp]] = {}
    for standing in standings:
        for month, lamp in standing.record.lamps.items():
            if lamp.recorded_on <= on and month[:4] == f"{on.year:04d}":
                counts.setdefault(month, Counter())[lamp.lamp] += 1
    return tuple(
        MonthLamps(month=month, lamps=tuple(LampCount(lamp=lamp, count=counts[month][lamp]) for lamp in Lamp))
        for month in sorted(counts)
    )
