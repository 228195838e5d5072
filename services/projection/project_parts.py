"""The lists of one project: baselines, milestones, approvals, months and weeks, with their sources."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from services.project_tracking.events import (
    ApprovalStanding,
    Baseline,
    MilestoneKind,
    MilestoneStanding,
    MonthReport,
    ProjectRules,
    Step,
    approvals_on,
    baseline_on,
    expected_months,
    first_day,
    forecast_for,
    invested_before,
    last_day,
    milestones_on,
    month_of,
    planned_at,
)
from services.projection.answers.project import (
    ApprovalLine,
    BaselineLine,
    MilestoneLine,
    MonthLine,
    PlannedMilestoneLine,
    PlannedPoint,
    Source,
    WeekLine,
)
from services.projection.project_sources import Sources
from services.projection.sources import (
    approval_key,
    baseline_key,
    decision_key,
    lamp_key,
    milestone_key,
    month_key,
    step_key,
    week_key,
)
from services.projection.standing import Standing, in_time


def baseline_lines(standing: Standing, sources: Sources) -> tuple[BaselineLine, ...]:
    """Every baseline that was set or asked for by the day, the first one first."""
    current = baseline_on(standing.record, standing.on)
    known = [each for _, each in sorted(standing.record.baselines.items()) if _told_by(each, standing)]
    return tuple(_baseline(each, each is current, standing, sources) for each in known)


def _told_by(baseline: Baseline, standing: Standing) -> bool:
    since = baseline.requested_on or baseline.in_force_from
    return since is not None and since <= standing.on


def _baseline(baseline: Baseline, in_force: bool, standing: Standing, sources: Sources) -> BaselineLine:
    plan = baseline.plan
    approved = baseline.in_force_from if baseline.in_force_from and baseline.in_force_from <= standing.on else None
    rejected = baseline.rejected_on if baseline.rejected_on and baseline.rejected_on <= standing.on else None
    return BaselineLine(
        number=baseline.number,
        in_force=in_force,
        pending=approved is None and rejected is None,
        in_force_from=approved,
        requested_on=baseline.requested_on,
        reason=baseline.reason,
        rejected_on=rejected,
        rejection_reason=baseline.rejection_reason if rejected else None,
        starts_on=plan.starts_on,
        starting_yuan=plan.starting_yuan,
        points=tuple(PlannedPoint(by=point.by, invested_yuan=point.invested_yuan) for point in plan.points),
        milestones=tuple(
            PlannedMilestoneLine(milestone_id=one.milestone_id, text=one.text, kind=one.kind, due=one.due)
            for one in sorted(plan.milestones, key=lambda one: one.due)
        ),
        source=sources.source(baseline_key(baseline.number)),
        decision=sources.source(decision_key(baseline.number)),
    )


_STEP_OF = {MilestoneKind.START: Step.STARTED, MilestoneKind.COMPLETION: Step.COMPLETED}


def milestone_lines(standing: Standing, sources: Sources) -> tuple[MilestoneLine, ...]:
    """The milestones of the baseline in force, each also with its day in the first one."""
    first = standing.record.baselines.get(1)
    dues = {} if first is None else {one.milestone_id: one.due for one in first.plan.milestones}
    return tuple(_milestone(one, dues, standing, sources) for one in milestones_on(standing.record, standing.on))


def _milestone(one: MilestoneStanding, dues: dict[str, date], standing: Standing, sources: Sources) -> MilestoneLine:
    step = _STEP_OF.get(one.kind)
    reached = standing.record.milestones_reached.get(one.milestone_id)
    return MilestoneLine(
        milestone_id=one.milestone_id,
        text=one.text,
        kind=one.kind,
        due=one.due,
        first_due=dues.get(one.milestone_id),
        reached_on=one.reached_on,
        late_days=one.late_days,
        reached_text=reached.text if reached is not None and one.reached_on is not None else None,
        source=_reached_source(one, step, sources),
    )


def _reached_source(one: MilestoneStanding, step: Step | None, sources: Sources) -> Source | None:
    """None until it was reached: a fact of a later day is not shown on this one."""
    if one.reached_on is None:
        return None
    return sources.source(milestone_key(one.milestone_id) if step is None else step_key(step))


def approval_lines(standing: Standing, sources: Sources, rules: ProjectRules | None) -> tuple[ApprovalLine, ...]:
    """The items of the checklist in its order, then what was filed beside it."""
    filed = {each.approval_id: each for each in approvals_on(standing.record, standing.on)}
    items = () if rules is None else rules.checklist(standing.record.kind)
    lines = [
        _approval(item.approval_id, item.name, item.english, item.required_for_start, filed, standing, sources)
        for item in items
    ]
    named = {item.approval_id for item in items}
    return (*lines, *(_approval(i, i, None, False, filed, standing, sources) for i in filed if i not in named))


def _approval(
    approval_id: str,
    name: str,
    english: str | None,
    required: bool,
    filed: dict[str, ApprovalStanding],
    standing: Standing,
    sources: Sources,
) -> ApprovalLine:
    found, rounds = filed.get(approval_id), standing.record.approvals.get(approval_id, {})
    numbers = [each.document_number for each in rounds.values() if each.granted_on is not None]
    return ApprovalLine(
        approval_id=approval_id,
        name=name,
        english=english,
        required_for_start=required,
        filed_on=found.filed_on if found else None,
        granted_on=found.granted_on if found else None,
        times_returned=found.times_returned if found else 0,
        days=found.days if found else None,
        days_in_all=found.days_in_all if found else None,
        document_number=numbers[-1] if numbers and found and found.granted_on else None,
        sources=tuple(_approval_sources(approval_id, rounds, sources)) if found else (),
    )


def _approval_sources(approval_id: str, rounds: Iterable[int], sources: Sources) -> Iterable[Source]:
    for number in rounds:
        for part in ("filed", "returned", "granted"):
            source = sources.source(approval_key(part, approval_id, number))
            if source is not None:
                yield source


def month_lines(standing: Standing, sources: Sources, rules: ProjectRules | None) -> tuple[MonthLine, ...]:
    """Months that were reported by the day or owe a report, latest first."""
    record, on = standing.record, standing.on
    reports = {month: report for month, report in record.progress.items() if report.reported_on <= on}
    months = sorted({*reports, *expected_months(record, month_of(on))}, reverse=True)
    return tuple(_month(month, reports, standing, sources, rules) for month in months)


def _month(
    month: str, reports: dict[str, MonthReport], standing: Standing, sources: Sources, rules: ProjectRules | None
) -> MonthLine:
    report, lamp = reports.get(month), standing.record.lamps.get(month)
    shown = lamp if lamp is not None and lamp.recorded_on <= standing.on else None
    source = sources.latest(lamp_key(month)) if shown is not None else None
    plan = standing.baseline.plan if standing.baseline is not None else None
    complete = report is not None and not any(missing <= month for missing in standing.missing)
    return MonthLine(
        month=month,
        reported_on=report.reported_on if report else None,
        on_time=in_time(month, report.reported_on, rules) if report and rules else None,
        missing=month in standing.missing,
        physical_percent=report.physical_percent if report else None,
        invested_yuan=report.invested_yuan if report else None,
        cumulative_yuan=_cumulative(month, reports, standing) if complete else None,
        planned_cumulative_yuan=planned_at(plan, last_day(month)) if plan else None,
        note=report.note if report else None,
        lamp=shown.lamp if shown else None,
        lamp_rule_version=shown.rule_version if shown else None,
        lamp_event_id=source.id if source else None,
        source=sources.source(month_key(month)) if report else None,
    )


def _cumulative(month: str, reports: dict[str, MonthReport], standing: Standing) -> int | None:
    before = invested_before(standing.record)
    if before is None:
        return None
    return before + sum(each.invested_yuan for key, each in reports.items() if first_day(key) <= first_day(month))


def week_lines(standing: Standing, sources: Sources) -> tuple[WeekLine, ...]:
    """Weekly reports that had come by the day, latest first."""
    known = [
        (week, report) for week, report in standing.record.weekly_reports.items() if report.reported_on <= standing.on
    ]
    return tuple(
        WeekLine(
            week=week,
            reported_on=report.reported_on,
            forecast=forecast_for(standing.record, week),
            progress=report.progress,
            problems=report.problems,
            help_needed=report.help_needed,
            next_week=report.next_week,
            source=sources.source(week_key(week.isoformat())),
        )
        for week, report in sorted(known, reverse=True, key=lambda pair: pair[0])
    )
