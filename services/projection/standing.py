"""Standing 现状: one project read at a business date, by the rules in force on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from services.project_tracking.events import (
    Baseline,
    Lamp,
    LampJudgement,
    MilestoneKind,
    MilestoneStanding,
    ProjectRecord,
    ProjectRules,
    Stage,
    Step,
    baseline_on,
    expected_months,
    invested_by,
    invested_through,
    lamp_on,
    last_day,
    last_due_month,
    last_reported_month,
    late_milestones,
    month_before,
    month_of,
    months_from,
    physical_on,
    planned_at,
    reports_by,
    stage_on,
    unreported_months,
)
from services.projection.project_board import BoardRow

OUT_OF_AVERAGES = frozenset({Stage.SUSPENDED, Stage.TERMINATED, Stage.WITHDRAWN})
"""Counted and shown, but in no rate or average."""


@dataclass(frozen=True, slots=True)
class YearFigures:
    """The twelve months of the day's year: planned and done in each; reports expected, received and in time."""

    planned: tuple[int, ...]
    done: tuple[int, ...]
    expected: int
    received: int
    on_time: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A project on a day. `month` is the last one whose report is due; `done_yuan` and `planned_yuan` are both at
    its end and None where they are not known."""

    row: BoardRow
    record: ProjectRecord
    on: date
    stage: Stage
    lamp: LampJudgement | None
    month: str
    baseline: Baseline | None
    invested_yuan: int | None
    physical_percent: Decimal | None
    last_report_month: str | None
    done_yuan: int | None
    planned_yuan: int | None
    missing: tuple[str, ...]
    late: tuple[MilestoneStanding, ...]
    pending_baseline: int | None
    year: YearFigures

    @property
    def averaged(self) -> bool:
        return self.stage not in OUT_OF_AVERAGES

    @property
    def comparable(self) -> bool:
        """Whether its investment can be held against its plan: both known, and no report missing."""
        return self.averaged and not self.missing and self.done_yuan is not None and self.planned_yuan is not None

    @property
    def late_start(self) -> MilestoneStanding | None:
        """未按期开工: the start's milestone is overdue."""
        if self.stage is not Stage.PREPARING:
            return None
        return next((one for one in self.late if one.kind is MilestoneKind.START), None)

    def happened(self, step: Step) -> date | None:
        """The day of a step that had been taken by the day."""
        day = self.record.step_on(step)
        return day if day is not None and day <= self.on else None

    @property
    def colour(self) -> Lamp | None:
        return None if self.lamp is None else self.lamp.lamp

    @property
    def unreported(self) -> bool:
        """未报 for the count of a lamp or beside a card that a late milestone gave."""
        return self.averaged and bool(self.missing)


def standing_of(row: BoardRow, on: date, rules: ProjectRules | None) -> Standing | None:
    """The project as it stood on the day; None when it was not on the list by then."""
    record = row.record
    stage = None if record is None else stage_on(record, on)
    if record is None or stage is None:
        return None
    month = due_month(on, rules)
    baseline = baseline_on(record, on)
    judged = rules is not None and stage not in OUT_OF_AVERAGES
    return Standing(
        row=row,
        record=record,
        on=on,
        stage=stage,
        lamp=None if rules is None else lamp_on(record, on, rules),
        month=month,
        baseline=baseline,
        invested_yuan=invested_by(record, on),
        physical_percent=physical_on(record, on),
        last_report_month=last_reported_month(record, on),
        done_yuan=invested_through(record, month, on),
        planned_yuan=None if baseline is None else planned_at(baseline.plan, last_day(month)),
        missing=unreported_months(record, month, on) if judged else (),
        late=late_milestones(record, on) if stage in (Stage.PREPARING, Stage.UNDER_CONSTRUCTION) else (),
        pending_baseline=_pending(record, on),
        year=_year(record, baseline, on, rules if judged else None),
    )


def _year(record: ProjectRecord, baseline: Baseline | None, on: date, rules: ProjectRules | None) -> YearFigures:
    months = months_of_year(on)
    reports = reports_by(record, months[-1], on)
    due = due_month(on, rules)
    owed = expected_months(record, due) if rules is not None else []
    expected = [month for month in owed if month >= months[0]]
    return YearFigures(
        planned=_planned_each(baseline, months),
        done=tuple(reports[month].invested_yuan if month in reports else 0 for month in months),
        expected=len(expected),
        received=sum(1 for month in expected if month in reports),
        on_time=sum(
            1 for month in expected if rules and month in reports and in_time(month, reports[month].reported_on, rules)
        ),
    )


def _planned_each(baseline: Baseline | None, months: Sequence[str]) -> tuple[int, ...]:
    if baseline is None:
        return (0,) * len(months)
    ends = [planned_at(baseline.plan, end) for end in _ends(month_before(months[0]), months[-1])]
    return tuple(later - earlier for earlier, later in pairwise(ends))


@lru_cache(maxsize=64)
def _ends(first: str, last: str) -> tuple[date, ...]:
    """The last days of the months from `first` to `last`."""
    return tuple(last_day(month) for month in months_from(first, last))


def months_of_year(on: date) -> tuple[str, ...]:
    return _months(on.year)


@lru_cache(maxsize=64)
def _months(year: int) -> tuple[str, ...]:
    return tuple(months_from(f"{year:04d}-01", f"{year:04d}-12"))


def in_time(month: str, reported_on: date, rules: ProjectRules) -> bool:
    """及时: it came before the lamp day of the next month."""
    return reported_on < _lamp_day(month, rules.lamp_day)


@lru_cache(maxsize=256)
def _lamp_day(month: str, day: int) -> date:
    """When the lamp of the month is judged: on this day of the next one."""
    return (last_day(month) + timedelta(days=1)).replace(day=day)


def due_month(on: date, rules: ProjectRules | None) -> str:
    """The last month whose report is due on the day; without rules the month before."""
    return month_before(month_of(on)) if rules is None else last_due_month(on, rules.lamp_day)


def _pending(record: ProjectRecord, on: date) -> int | None:
    """The number of a re-baseline that was asked for by the day and not decided by it."""
    for baseline in record.baselines.values():
        asked = baseline.requested_on is not None and baseline.requested_on <= on
        decided = [day for day in (baseline.in_force_from, baseline.rejected_on) if day is not None and day <= on]
        if asked and not decided:
            return baseline.number
    return None
