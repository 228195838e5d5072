"""A project as a line of a list: its standing, its unit's name on the day, and what the other knowledge says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from services.chassis.service import Asker
from services.chassis.time.instants import instant_of
from services.project_tracking.events import (
    Lamp,
    LampEvidence,
    LampJudgement,
    Stage,
    Step,
    milestones_on,
    month_before,
    month_of,
    reports_by,
    unreported_months,
    weekly_report_on,
    weekly_report_owed,
)
from services.projection.answers.parts import LampAnswer, Reading
from services.projection.answers.project_lines import NextMilestone, OtherFigures, ProjectLine
from services.projection.as_of import Moment
from services.projection.boards import Board
from services.projection.project_board import BoardRow
from services.projection.queries import AttentionKind
from services.projection.sight import Sight
from services.projection.sources import baseline_key, decision_key, month_key, step_key
from services.projection.standing import Standing


def reading_of(moment: Moment, asker: Asker, other: Board | None) -> Reading:
    known = None if moment.known_before is None else instant_of(moment.known_before)
    return Reading(on=moment.on, known_before=known, today=asker.today, compared=other is not None)


def project_lines(
    standings: Iterable[Standing], board: Board, other: Board | None, sight: Sight
) -> tuple[ProjectLine, ...]:
    """Lines of projects that are seen; each beside the other reading where that may be seen too."""
    return tuple(project_line(one, board, sight.compared(one, board, other)) for one in standings)


def project_line(standing: Standing, board: Board, other: Board | None) -> ProjectLine:
    """The line of one project; its unit is named as on the board's day, by its code where the register lacks it.

    `other` is the board of the other knowledge, None where there is none to be shown.
    """
    record, unit = standing.record, board.unit(standing.record.unit_id)
    return ProjectLine(
        project_id=record.project_id,
        name=record.name,
        kind=record.kind,
        level=record.level,
        major=record.major,
        unit_code=unit.code if unit is not None else record.unit_code,
        unit_id=record.unit_id,
        unit_name=unit.name if unit is not None else record.unit_code,
        unit_english=unit.english if unit is not None else None,
        industry=record.industry,
        total_investment_yuan=record.total_investment_yuan,
        stage=standing.stage,
        lamp=None if standing.lamp is None else lamp_answer(standing, standing.lamp),
        invested_yuan=standing.invested_yuan,
        physical_percent=standing.physical_percent,
        last_report_month=standing.last_report_month,
        planned_start=record.planned_start,
        started_on=standing.happened(Step.STARTED),
        planned_completion=record.planned_completion,
        completed_on=standing.happened(Step.COMPLETED),
        help_needed=help_needed(standing),
        pending_baseline=standing.pending_baseline,
        missing_months=standing.missing,
        awaited_month=_awaited_month(standing),
        last_week=_last_week(standing),
        owes_weekly_report=weekly_report_owed(record, standing.on),
        next_milestone=_next_milestone(standing),
        version=standing.row.version,
        other=None if other is None else other_figures(standing, other),
    )


def _last_week(standing: Standing) -> date | None:
    """The Monday of the latest weekly report that had come."""
    latest = weekly_report_on(standing.record, standing.on)
    return None if latest is None else latest[0]


def _awaited_month(standing: Standing) -> str | None:
    before = month_before(month_of(standing.on))
    if not standing.averaged or before in standing.missing:
        return None
    return before if before in unreported_months(standing.record, before, standing.on) else None


def _next_milestone(standing: Standing) -> NextMilestone | None:
    if standing.stage not in (Stage.PREPARING, Stage.UNDER_CONSTRUCTION):
        return None
    first = next((one for one in milestones_on(standing.record, standing.on) if one.reached_on is None), None)
    if first is None:
        return None
    return NextMilestone(
        milestone_id=first.milestone_id, text=first.text, kind=first.kind, due=first.due, late_days=first.late_days
    )


def help_needed(standing: Standing) -> str | None:
    """What the latest weekly report asks for, while it is not older than two weeks and the project runs."""
    latest = weekly_report_on(standing.record, standing.on)
    if latest is None or not standing.averaged or (standing.on - latest[0]).days > 14:
        return None
    return latest[1].help_needed


def lamp_answer(standing: Standing, judgement: LampJudgement) -> LampAnswer:
    """A lamp with all that it rests on: the rule's version, the numbers that it compared and the ids of the facts."""
    evidence = judgement.evidence
    return LampAnswer(
        lamp=judgement.lamp,
        rule_version=judgement.rule_version,
        month=evidence.month,
        judged_on=evidence.judged_on,
        done_yuan=evidence.done_yuan,
        planned_yuan=evidence.planned_yuan,
        ratio_permille=evidence.ratio_permille,
        last_report_month=standing.last_report_month,
        missing_months=evidence.missing_months,
        first_missing_month=evidence.first_missing_month,
        late_milestone_id=evidence.late_milestone_id,
        late_days=evidence.late_days,
        late_milestones=len(standing.late),
        yellow_months=evidence.yellow_months,
        reasons=evidence.reasons,
        event_ids=evidence_events(standing.row, standing, evidence),
    )


def evidence_events(row: BoardRow, standing: Standing, evidence: LampEvidence) -> tuple[str, ...]:
    """The facts behind a lamp: the start, the baseline with its approval, the months' reports. A late milestone has
    none: it rests on the baseline."""
    number = evidence.baseline_number or 0
    keys = [baseline_key(number), decision_key(number)]
    if standing.happened(Step.STARTED) is not None:
        keys.insert(0, step_key(Step.STARTED))
    keys += [month_key(month) for month in sorted(reports_by(standing.record, evidence.month, standing.on))]
    return tuple(event_id for event_id in map(row.event_id, keys) if event_id is not None)


def other_figures(standing: Standing, other: Board) -> OtherFigures | None:
    """The other knowledge of the project where it says something else of these figures."""
    found = other.standings.get(standing.record.project_id)
    if found is not None and figures(found) == figures(standing):
        return None
    return OtherFigures(
        stage=None if found is None else found.stage,
        lamp=None if found is None else found.colour,
        invested_yuan=None if found is None else found.invested_yuan,
        physical_percent=None if found is None else found.physical_percent,
        corrected=found is not None and corrected_between(found.row, standing.row),
    )


def figures(standing: Standing) -> tuple[object, ...]:
    return (standing.stage, standing.colour, standing.invested_yuan, standing.physical_percent)


def corrected_between(one: BoardRow, two: BoardRow) -> bool:
    """Whether one of the facts that only the later row knows is a correction."""
    low, high = sorted((one, two), key=lambda row: row.version)
    return any(version > low.version for version in high.corrections)


ATTENTION: dict[AttentionKind, Callable[[Standing], bool]] = {
    AttentionKind.RED: lambda standing: standing.colour is Lamp.RED,
    AttentionKind.LATE_START: lambda standing: standing.late_start is not None,
    AttentionKind.UNREPORTED: lambda standing: standing.unreported,
    AttentionKind.HELP_NEEDED: lambda standing: help_needed(standing) is not None,
    AttentionKind.REBASELINE_PENDING: lambda standing: standing.pending_baseline is not None,
}
"""What needs attention, in the order in which it is shown."""

SEVERITY = (Lamp.RED, Lamp.YELLOW, Lamp.WATCH, Lamp.UNREPORTED, Lamp.NO_BASELINE, Lamp.GREEN, Lamp.NOT_JUDGED, None)


def severity(standing: Standing) -> tuple[int, int, str]:
    """The order of a list by lamps: red first; among equals the one further behind."""
    ratio = standing.lamp.evidence.ratio_permille if standing.lamp is not None else None
    return (SEVERITY.index(standing.colour), 10_000 if ratio is None else ratio, standing.record.project_id)
