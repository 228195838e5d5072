"""GetProject: everything of one project on a day, each figure with the fact behind it."""

from __future__ import annotations

from datetime import date

from services.chassis.errors import NotFound
from services.chassis.service import Asker
from services.chassis.views.view import Reader
from services.project_tracking.events import Step, first_day, invested_before, last_day, months_from, planned_at
from services.projection.answers.project import CurvePoint, ProjectAnswer, StepLine
from services.projection.as_of import moment_of
from services.projection.boards import Board, board_of
from services.projection.lines import project_line, reading_of
from services.projection.project_parts import approval_lines, baseline_lines, milestone_lines, month_lines, week_lines
from services.projection.project_sources import Sources
from services.projection.project_timeline import facts_of
from services.projection.queries import GetProject
from services.projection.sight import Sight, sight_of
from services.projection.sources import REGISTERED, step_key
from services.projection.standing import Standing


def find(board: Board, project_id: str, sight: Sight) -> Standing:
    """The project on the board's day; raises NotFound for one that is not there or is another unit's."""
    standing = board.standings.get(project_id)
    if standing is None or not sight.sees(standing):
        raise NotFound(f"没有项目 {project_id}", f"there is no project {project_id}")
    return standing


def get_project(reader: Reader, query: GetProject, asker: Asker) -> ProjectAnswer:
    """Raises NotFound. Facts recorded after the moment are shown if the asker sees the project in that reading too."""
    moment, sight = moment_of(query, asker), sight_of(reader, asker)
    board = board_of(reader, moment, query.project_id)
    standing = find(board, query.project_id, sight)
    beside = moment.other(asker.today)
    other = None if beside is None else sight.compared(standing, board, board_of(reader, beside, query.project_id))
    until = moment.known_before if other is None else None
    record, sources = standing.record, Sources(facts_of(reader, query.project_id, until), moment)
    return ProjectAnswer(
        reading=reading_of(moment, asker, other),
        line=project_line(standing, board, other),
        owner=record.owner,
        owner_uscc=record.owner_uscc,
        owner_uscc_doubtful=record.owner_uscc_doubtful,
        site=record.site,
        area_mu=record.area_mu,
        invested_before_yuan=record.invested_before_yuan,
        registered_on=record.registered_on,
        registered_unit_code=record.unit_code,
        registration=sources.source(REGISTERED),
        steps=_steps(standing, sources),
        baselines=baseline_lines(standing, sources),
        milestones=milestone_lines(standing, sources),
        approvals=approval_lines(standing, sources, board.rules),
        months=month_lines(standing, sources, board.rules),
        weeks=week_lines(standing, sources),
        curve=curve(standing),
        corrections=sources.corrections,
    )


_ONCE = (Step.SIGNED, Step.STARTED, Step.COMPLETED, Step.IN_PRODUCTION, Step.TERMINATED, Step.WITHDRAWN)
_REASONS = {Step.TERMINATED: "termination_reason", Step.WITHDRAWN: "withdrawal_reason"}


def _steps(standing: Standing, sources: Sources) -> tuple[StepLine, ...]:
    """The steps told of by the day, also those taken back; in the order of a project's life."""
    once = [_step(standing, sources, step) for step in _ONCE]
    return tuple(line for line in (*once, *_suspensions(standing, sources)) if line is not None)


def _step(standing: Standing, sources: Sources, step: Step) -> StepLine | None:
    on, source = standing.happened(step), sources.source(step_key(step))
    if on is None and (source is None or not source.others):
        return None
    reason = getattr(standing.record, _REASONS[step]) if step in _REASONS and on is not None else None
    return StepLine(step=step, number=None, on=on, reason=reason, source=source)


def _suspensions(standing: Standing, sources: Sources) -> list[StepLine]:
    lines = []
    for number, suspension in standing.record.suspensions.items():
        days = ((Step.SUSPENDED, suspension.suspended_on), (Step.RESUMED, suspension.resumed_on))
        for step, on in days:
            if on is not None and on <= standing.on:
                reason = suspension.reason if step is Step.SUSPENDED else None
                source = sources.source(step_key(step, number))
                lines.append(StepLine(step=step, number=number, on=on, reason=reason, source=source))
    return lines


def curve(standing: Standing) -> tuple[CurvePoint, ...]:
    """The first plan, the plan in force and the actual at month ends, from the plan's start to its end or the day."""
    known = [each for each in standing.record.baselines.values() if each.in_force_from is not None]
    first = next((each for each in known if each.number == 1), None)
    if first is None or standing.baseline is None:
        return ()
    plans = (first.plan, standing.baseline.plan)
    begin = min(plan.starts_on for plan in plans)
    end = max(*(plan.points[-1].by for plan in plans), last_day(standing.month))
    days = [begin, *(last_day(month) for month in _months(begin, end) if last_day(month) > begin)]
    return tuple(
        CurvePoint(
            on=on,
            first_plan_yuan=planned_at(first.plan, on) if on <= first.plan.points[-1].by else None,
            plan_yuan=planned_at(standing.baseline.plan, on),
            done_yuan=_done_at(standing, on),
        )
        for on in days
    )


def _months(begin: date, end: date) -> list[str]:
    first, last = f"{begin.year:04d}-{begin.month:02d}", f"{end.year:04d}-{end.month:02d}"
    return list(months_from(first, last))[:240]


def _done_at(standing: Standing, on: date) -> int | None:
    """Reported investment up to the month's end; None where the month or one before it has no report."""
    month = f"{on.year:04d}-{on.month:02d}"
    reports = {key: report for key, report in standing.record.progress.items() if report.reported_on <= standing.on}
    if not reports or on < first_day(min(reports)) or month > max(reports):
        return None
    if any(missing <= month for missing in standing.missing):
        return None
    before = invested_before(standing.record)
    if before is None:
        return None
    return before + sum(report.invested_yuan for key, report in reports.items() if key <= month)
