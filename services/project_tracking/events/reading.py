"""The record 档案 read at a business date: where the project stood, what was done and what was planned.

Every function looks only at facts whose own day (`occurred_on`; of a report the clock's day on which it first came) is
not after the date. Missing is not zero: where nothing is known the answer is None, and before the day of its
registration nothing is known of a project, although it may have been begun earlier (结转项目).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec

from services.project_tracking.events.months import first_day, last_day, last_due_month, month_of, months_from
from services.project_tracking.events.plan import PlannedMilestone, planned_at
from services.project_tracking.events.record import ApprovalRound, Baseline, MonthReport, ProjectRecord, WeeklyReport
from services.project_tracking.events.terms import MilestoneKind, Stage


class MilestoneStanding(msgspec.Struct, frozen=True, kw_only=True):
    """节点情况 on a day. `late_days` counts calendar days after `due`: until it was reached, else until the day."""

    milestone_id: str
    text: str
    kind: MilestoneKind
    due: date
    reached_on: date | None
    late_days: int


class ApprovalStanding(msgspec.Struct, frozen=True, kw_only=True):
    """审批情况 on a day. `days` the granted filing took; `days_in_all` since the first filing, returns
    included, until it was granted, else until the day. Calendar days 自然日.
    """

    approval_id: str
    filed_on: date | None
    granted_on: date | None
    times_returned: int
    days: int | None
    days_in_all: int | None


def _by(day: date | None, on: date) -> date | None:
    return day if day is not None and day <= on else None


def _listed(record: ProjectRecord, on: date) -> bool:
    """Whether it was on the list by the day."""
    return record.registered_on <= on


def stage_on(record: ProjectRecord, on: date) -> Stage | None:
    """阶段 on the day; None before the registration."""
    if not _listed(record, on):
        return None
    latest_first = (
        (Stage.WITHDRAWN, record.withdrawn_on),
        (Stage.TERMINATED, record.terminated_on),
        (Stage.IN_PRODUCTION, record.in_production_on),
        (Stage.COMPLETED, record.completed_on),
        (Stage.SUSPENDED, on if suspended_through(record, on, on) else None),
        (Stage.UNDER_CONSTRUCTION, record.started_on),
    )
    return next((stage for stage, since in latest_first if _by(since, on)), Stage.PREPARING)


def suspended_through(record: ProjectRecord, first: date, last: date) -> bool:
    """Whether one suspension 暂停 covers all days from `first` to `last`."""
    return any(suspension.covers(first, last) for suspension in record.suspensions.values())


def baseline_on(record: ProjectRecord, on: date) -> Baseline | None:
    """基线 in force on the day: the latest that was set or approved by then; None before the registration."""
    if not _listed(record, on):
        return None
    in_force = [baseline for baseline in record.baselines.values() if _by(baseline.in_force_from, on)]
    return max(in_force, key=lambda baseline: baseline.number, default=None)


def planned_by(record: ProjectRecord, on: date) -> int | None:
    """计划累计投资 in yuan by the end of the day, by the baseline in force on it; None without a baseline."""
    baseline = baseline_on(record, on)
    return None if baseline is None else planned_at(baseline.plan, on)


def reports_by(record: ProjectRecord, through: str, known_on: date) -> dict[str, MonthReport]:
    """月报 about months up to `through` that had come by `known_on`; none before the registration."""
    if not _listed(record, known_on):
        return {}
    return {m: report for m, report in record.progress.items() if m <= through and report.reported_on <= known_on}


def carried_over(record: ProjectRecord) -> bool:
    """结转项目: begun in a month before that of its registration; its earlier months are not reported."""
    return record.started_on is not None and month_of(record.started_on) < month_of(record.registered_on)


def invested_before(record: ProjectRecord) -> int | None:
    """首次月报前已完成投资 in yuan. None: a carried-over project's is not told, and it is not zero."""
    if record.invested_before_yuan is None and carried_over(record):
        return None
    return record.invested_before_yuan or 0


def invested_through(record: ProjectRecord, through: str, known_on: date) -> int | None:
    """累计完成投资 in yuan: before the first report and in all months up to `through` reported by `known_on`.

    None when nothing at all is known, and as long as what a carried-over project brought with it is not told.
    Months not reported are not in it: ask `missing_months`.
    """
    reports, before = reports_by(record, through, known_on), invested_before(record)
    nothing_told = not reports and record.invested_before_yuan is None
    if before is None or nothing_told or not _listed(record, known_on):
        return None
    return before + sum(report.invested_yuan for report in reports.values())


def invested_by(record: ProjectRecord, on: date) -> int | None:
    """累计完成投资 in yuan, as reported by the day; None when it is not known."""
    return invested_through(record, month_of(on), on)


def physical_through(record: ProjectRecord, through: str, known_on: date) -> Decimal | None:
    """形象进度 in percent of the last month up to `through` that was reported by `known_on`."""
    reports = reports_by(record, through, known_on)
    return reports[max(reports)].physical_percent if reports else None


def physical_on(record: ProjectRecord, on: date) -> Decimal | None:
    """形象进度 in percent, as reported by the day; None when nothing was reported."""
    return physical_through(record, month_of(on), on)


def last_reported_month(record: ProjectRecord, on: date) -> str | None:
    """The last month for which a report had come by the day."""
    return max(reports_by(record, month_of(on), on), default=None)


def first_report_month(record: ProjectRecord) -> str | None:
    """首个应报月份: the month of the start or of the registration, whichever is later; None before a start."""
    return None if record.started_on is None else max(month_of(record.started_on), month_of(record.registered_on))


def expected_months(record: ProjectRecord, through: str) -> list[str]:
    """应报月份: the months up to `through` that owe a report: from the first report month to that of the
    completion (to the month before an end), without those that a suspension covers wholly.
    """
    first = first_report_month(record)
    if first is None:
        return []
    last = min(through, month_of(record.completed_on)) if record.completed_on else through
    expected = list(months_from(first, last))
    ended = record.terminated_on or record.withdrawn_on
    return [
        month
        for month in expected
        if not (ended and month >= month_of(ended)) and not suspended_through(record, first_day(month), last_day(month))
    ]


def unreported_months(record: ProjectRecord, through: str, known_on: date) -> tuple[str, ...]:
    """Expected months up to `through` whose report had not come by `known_on`."""
    reported = reports_by(record, through, known_on)
    return tuple(month for month in expected_months(record, through) if month not in reported)


def missing_months(record: ProjectRecord, on: date, lamp_day: int) -> tuple[str, ...]:
    """未报月份: the months whose report was due on the day and had not come."""
    return unreported_months(record, last_due_month(on, lamp_day), on)


def milestones_on(record: ProjectRecord, on: date) -> tuple[MilestoneStanding, ...]:
    """节点情况: the milestones of the baseline in force on the day, by due date; none without a baseline."""
    baseline = baseline_on(record, on)
    planned = () if baseline is None else baseline.plan.milestones
    return tuple(
        _standing(record, milestone, on) for milestone in sorted(planned, key=lambda m: (m.due, m.milestone_id))
    )


def _standing(record: ProjectRecord, milestone: PlannedMilestone, on: date) -> MilestoneStanding:
    reached_on = _by(_reached_on(record, milestone), on)
    return MilestoneStanding(
        milestone_id=milestone.milestone_id,
        text=milestone.text,
        kind=milestone.kind,
        due=milestone.due,
        reached_on=reached_on,
        late_days=max(0, ((reached_on or on) - milestone.due).days),
    )


def _reached_on(record: ProjectRecord, milestone: PlannedMilestone) -> date | None:
    if milestone.kind is MilestoneKind.START:
        return record.started_on
    if milestone.kind is MilestoneKind.COMPLETION:
        return record.completed_on
    reached = record.milestones_reached.get(milestone.milestone_id)
    return None if reached is None else reached.reached_on


def late_milestones(record: ProjectRecord, on: date) -> tuple[MilestoneStanding, ...]:
    """逾期节点: due before the day and not reached by it; the longest late first."""
    late = [standing for standing in milestones_on(record, on) if standing.reached_on is None and standing.late_days]
    return tuple(sorted(late, key=lambda standing: -standing.late_days))


def approvals_on(record: ProjectRecord, on: date) -> tuple[ApprovalStanding, ...]:
    """审批情况 of every item filed by the day, in the order of the first filing; none before the registration."""
    if not _listed(record, on):
        return ()
    known = [_approval(item, list(rounds.values()), on) for item, rounds in record.approvals.items()]
    return tuple(sorted((a for a in known if a is not None), key=lambda a: (a.filed_on or date.min, a.approval_id)))


def _approval(approval_id: str, rounds: list[ApprovalRound], on: date) -> ApprovalStanding | None:
    filed = [day for one in rounds if (day := _by(one.filed_on, on))]
    if not filed:
        return None
    granted = next((one for one in rounds if _by(one.granted_on, on)), None)
    granted_on = None if granted is None else granted.granted_on
    took = None if granted is None else _days(granted.filed_on, granted.granted_on)
    return ApprovalStanding(
        approval_id=approval_id,
        filed_on=min(filed),
        granted_on=granted_on,
        times_returned=sum(1 for one in rounds if _by(one.returned_on, on)),
        days=took,
        days_in_all=_days(min(filed), granted_on or on),
    )


def _days(first: date | None, last: date | None) -> int | None:
    return None if first is None or last is None else (last - first).days


_OWES_WEEKLY_REPORTS = (Stage.PREPARING, Stage.UNDER_CONSTRUCTION, Stage.SUSPENDED)


def weekly_report_owed(record: ProjectRecord, on: date) -> bool:
    """应报周报: a 重大产业项目 reports each week, from the talks (its registration) to its completion or end (plan
    III.18); of any other a weekly report is taken, not owed.
    """
    return record.major and stage_on(record, on) in _OWES_WEEKLY_REPORTS


def forecast_for(record: ProjectRecord, week: date) -> str | None:
    """上周预计: what the report of the week before foresaw for the week that begins on Monday `week`.

    It looks at no business date: the report counts as soon as it is in the record, whenever it came and as it was
    told last.
    """
    before = record.weekly_reports.get(week - timedelta(days=7))
    return None if before is None else before.next_week


def weekly_report_on(record: ProjectRecord, on: date) -> tuple[date, WeeklyReport] | None:
    """周报: the Monday and the report of the latest week that had been reported by the day."""
    if not _listed(record, on):
        return None
    reported = [week for week, report in record.weekly_reports.items() if week <= on and report.reported_on <= on]
    return (max(reported), record.weekly_reports[max(reported)]) if reported else None
