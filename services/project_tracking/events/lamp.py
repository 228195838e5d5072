"""The lamp rule 亮灯规则 (DOMAIN §2.4), the same for the month's recorded lamp and for any day between.

Investment: done ÷ planned at the end of the last month whose report is due (like with like). Milestones: days
that the latest outstanding one is late. The worse wins; two yellow months in a row are red. Grey is never
green: without a baseline 无基线, with a report missing 未报, without the investment that a carried-over project
结转项目 brings with it 不评 (but a card for a late milestone is not hidden by staying silent). Of a plan of nothing to
date there is no ratio, so it is no green either; before the first report the milestones decide, if any is due within
the year. All arithmetic is in whole yuan and thousandths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from services.project_tracking.events.months import last_day, last_due_month, month_before
from services.project_tracking.events.plan import planned_at
from services.project_tracking.events.reading import (
    baseline_on,
    first_report_month,
    invested_before,
    invested_through,
    late_milestones,
    milestones_on,
    physical_through,
    stage_on,
    unreported_months,
)
from services.project_tracking.events.record import Baseline, ProjectRecord
from services.project_tracking.events.rules import ProjectRules
from services.project_tracking.events.terms import Lamp, LampEvidence, LampJudgement, LampReason, Stage

_NOT_JUDGED: dict[Stage | None, LampReason] = {
    None: LampReason.NOT_REGISTERED,
    Stage.SUSPENDED: LampReason.SUSPENDED,
    Stage.COMPLETED: LampReason.COMPLETED,
    Stage.IN_PRODUCTION: LampReason.COMPLETED,
    Stage.TERMINATED: LampReason.ENDED,
    Stage.WITHDRAWN: LampReason.ENDED,
}
_SEVERITY = (Lamp.GREEN, Lamp.WATCH, Lamp.YELLOW, Lamp.RED)
_CARDS = (Lamp.YELLOW, Lamp.RED)
_GREY = (Lamp.UNREPORTED, Lamp.NOT_JUDGED)
_INVESTMENT_REASONS = {
    Lamp.GREEN: LampReason.INVESTMENT_ON_PLAN,
    Lamp.WATCH: LampReason.INVESTMENT_SLIGHTLY_BEHIND,
    Lamp.YELLOW: LampReason.INVESTMENT_BEHIND,
    Lamp.RED: LampReason.INVESTMENT_FAR_BEHIND,
}
_MILESTONE_REASONS = {
    Lamp.WATCH: LampReason.MILESTONE_SLIGHTLY_LATE,
    Lamp.YELLOW: LampReason.MILESTONE_LATE,
    Lamp.RED: LampReason.MILESTONE_FAR_LATE,
}


@dataclass(frozen=True)
class _Moment:
    """Milestones stand as on `judged_on`, investment as at the end of `month`, reports as come by `known_on`."""

    judged_on: date
    month: str
    known_on: date


def lamp_on(record: ProjectRecord, on: date, rules: ProjectRules) -> LampJudgement:
    """亮灯 on any day: investment at the end of the last month due on it, milestones on the day itself."""
    return _judge(record, rules, _Moment(on, last_due_month(on, rules.lamp_day), on))


def lamp_of_month(record: ProjectRecord, month: str, known_on: date, rules: ProjectRules) -> LampJudgement:
    """月度亮灯: both at the month's end, with the reports that had come by `known_on` (the lamp day)."""
    return _judge(record, rules, _Moment(last_day(month), month, known_on))


def ratio_lamp(ratio_permille: int, rules: ProjectRules) -> Lamp:
    """投资灯 of done ÷ planned in thousandths (rounded down)."""
    if ratio_permille >= rules.green_permille:
        return Lamp.GREEN
    if ratio_permille >= rules.watch_permille:
        return Lamp.WATCH
    return Lamp.YELLOW if ratio_permille >= rules.yellow_permille else Lamp.RED


def lateness_lamp(late_days: int, rules: ProjectRules) -> Lamp:
    """节点灯 of a milestone that is so many calendar days late."""
    if late_days <= 0:
        return Lamp.GREEN
    if late_days <= rules.watch_up_to_days:
        return Lamp.WATCH
    return Lamp.YELLOW if late_days <= rules.yellow_up_to_days else Lamp.RED


def _judge(record: ProjectRecord, rules: ProjectRules, at: _Moment) -> LampJudgement:
    lamp, evidence = _by_itself(record, rules, at)
    if lamp is Lamp.YELLOW:
        run = _yellow_months(record, rules, at)
        evidence = replace(evidence, yellow_months=run)
        if run >= rules.yellow_months_to_red:
            lamp, evidence = Lamp.RED, _because(evidence, LampReason.YELLOW_IN_A_ROW)
    return LampJudgement(lamp=lamp, rule_version=rules.version, evidence=evidence)


def _yellow_months(record: ProjectRecord, rules: ProjectRules, at: _Moment) -> int:
    """How many months in a row, back from the moment's month, were yellow by themselves."""
    run, month = 0, at.month
    while _by_itself(record, rules, _Moment(last_day(month), month, at.known_on))[0] is Lamp.YELLOW:
        run, month = run + 1, month_before(month)
    return run


def _by_itself(record: ProjectRecord, rules: ProjectRules, at: _Moment) -> tuple[Lamp, LampEvidence]:
    """The lamp without a look at the months before."""
    evidence = LampEvidence(judged_on=at.judged_on, month=at.month)
    reason = _why_not_judged(record, at)
    if reason is not None:
        return Lamp.NOT_JUDGED, _because(evidence, reason)
    baseline = baseline_on(record, at.judged_on)
    if baseline is None:
        return Lamp.NO_BASELINE, _because(evidence, LampReason.NO_BASELINE)
    evidence = replace(evidence, baseline_number=baseline.number)
    investment, evidence = _investment(record, rules, at, baseline, evidence)
    milestones, evidence = _milestones(record, rules, at, evidence)
    return _worse(investment, milestones), evidence


def _why_not_judged(record: ProjectRecord, at: _Moment) -> LampReason | None:
    reason = _NOT_JUDGED.get(stage_on(record, at.judged_on))
    if reason is None and (physical_through(record, at.month, at.known_on) or 0) >= 100:
        return LampReason.FULLY_BUILT
    return reason


def _investment(
    record: ProjectRecord, rules: ProjectRules, at: _Moment, baseline: Baseline, evidence: LampEvidence
) -> tuple[Lamp, LampEvidence]:
    """投资灯; grey where something is missing or nothing is planned, green where the milestones alone decide."""
    missing = unreported_months(record, at.month, at.known_on)
    if missing:
        known = replace(evidence, first_missing_month=missing[0], missing_months=len(missing))
        return Lamp.UNREPORTED, _because(known, LampReason.REPORT_MISSING)
    if invested_before(record) is None:
        return Lamp.NOT_JUDGED, _because(evidence, LampReason.INVESTED_BEFORE_UNKNOWN)
    return _measured(record, rules, at, baseline, evidence)


def _measured(
    record: ProjectRecord, rules: ProjectRules, at: _Moment, baseline: Baseline, evidence: LampEvidence
) -> tuple[Lamp, LampEvidence]:
    """Done ÷ planned, everything that is due being known."""
    done = invested_through(record, at.month, at.known_on)
    planned = planned_at(baseline.plan, last_day(at.month))
    evidence = replace(evidence, done_yuan=done, planned_yuan=planned)
    reason = _why_not_due(record, at, done)
    if reason is not None or done is None:
        return _by_milestones(record, at, _because(evidence, reason or LampReason.NO_REPORT_DUE_YET))
    if planned == 0 or last_day(at.month) <= baseline.plan.starts_on:
        return Lamp.NOT_JUDGED, _because(evidence, LampReason.NOTHING_PLANNED_YET)
    ratio = done * 1000 // planned
    lamp = ratio_lamp(ratio, rules)
    return lamp, _because(replace(evidence, ratio_permille=ratio), _INVESTMENT_REASONS[lamp])


def _why_not_due(record: ProjectRecord, at: _Moment, done: int | None) -> LampReason | None:
    """Why there is no report yet to measure; None when there is one."""
    if record.started_on is None or record.started_on > at.judged_on:
        return LampReason.NOT_STARTED
    first = first_report_month(record)
    return LampReason.NO_REPORT_DUE_YET if done is None or first is None or first > at.month else None


def _by_milestones(record: ProjectRecord, at: _Moment, evidence: LampEvidence) -> tuple[Lamp, LampEvidence]:
    """Green as far as the investment goes, if the plan has a milestone of this year or before to be held against it;
    what is planned for later years says nothing yet."""
    year = at.judged_on.year
    if any(standing.due.year <= year for standing in milestones_on(record, at.judged_on)):
        return Lamp.GREEN, evidence
    return Lamp.NOT_JUDGED, _because(evidence, LampReason.NOTHING_PLANNED_YET)


def _milestones(
    record: ProjectRecord, rules: ProjectRules, at: _Moment, evidence: LampEvidence
) -> tuple[Lamp, LampEvidence]:
    """节点灯: the outstanding milestone that is late the longest."""
    late = late_milestones(record, at.judged_on)
    if not late:
        return Lamp.GREEN, evidence
    lamp = lateness_lamp(late[0].late_days, rules)
    found = replace(evidence, late_milestone_id=late[0].milestone_id, late_days=late[0].late_days)
    return lamp, _because(found, _MILESTONE_REASONS[lamp])


def _worse(investment: Lamp, milestones: Lamp) -> Lamp:
    if investment in _GREY:
        return milestones if milestones in _CARDS else investment
    return max(investment, milestones, key=_SEVERITY.index)


def _because(evidence: LampEvidence, reason: LampReason) -> LampEvidence:
    return replace(evidence, reasons=(*evidence.reasons, reason))
