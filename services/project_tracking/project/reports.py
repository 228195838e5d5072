"""What the site reports: milestones 节点, progress of the month 月报, the week 周报."""

from __future__ import annotations

from datetime import date, timedelta

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known, evolve
from services.project_tracking.events.project import (
    ProjectMilestoneReached,
    ProjectProgressReported,
    ProjectWeeklyReportSubmitted,
)
from services.project_tracking.events.reading import baseline_on
from services.project_tracking.events.record import MonthReport, ProjectRecord, WeeklyReport
from services.project_tracking.events.terms import MilestoneKind
from services.project_tracking.project.admission import admitted, in_order, registered
from services.project_tracking.project.commands import ReachMilestone, ReportProgress, SubmitWeeklyReport
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.order import Dated, begun, follows_start, require_pair
from services.project_tracking.project.progress_checks import (
    require_month,
    require_no_way_back,
    require_percent,
    require_within_total,
)
from services.project_tracking.project.rules import (
    MILESTONE_IS_A_STEP,
    MILESTONE_NOT_PLANNED,
    NOT_STARTED,
    WEEK_NOT_BEGUN,
    WEEK_NOT_MONDAY,
    WEEK_OUTSIDE_LIFE,
)

_WEEK = timedelta(days=6)


def reach_milestone(state: Known, command: ReachMilestone, facts: ProjectFacts) -> list[Event]:
    """节点完成; the start's and the completion's milestone are reached by the step itself."""
    record = registered(state)
    event = ProjectMilestoneReached(
        occurred_on=command.occurred_on,
        milestone_id=command.milestone_id,
        text=command.text,
        correction_reason=command.correction_reason,
    )
    known = command.milestone_id in record.milestones_reached
    if not admitted(record, command, facts, event, known=known):
        return []
    if not known:
        _require_planned(record, command, facts)
    if record.started_on is None and follows_start(record, command.milestone_id):
        raise NOT_STARTED.broken("milestone_id")
    _require_within_life(record, command)
    return in_order(record, event)


def report_progress(state: Known, command: ReportProgress, facts: ProjectFacts) -> list[Event]:
    """月报: physical progress so far and the investment of that month alone.

    After the project's end a month of its life that was never reported is taken with a correction reason (补报).
    """
    record = registered(state)
    known = record.progress.get(command.month)
    event = ProjectProgressReported(
        occurred_on=command.occurred_on,
        month=command.month,
        physical_percent=command.physical_percent,
        invested_this_month_yuan=command.invested_this_month_yuan,
        note=command.note,
        correction_reason=command.correction_reason,
        reported_on=_came_on(known, facts),
    )
    require_percent(command.physical_percent)
    if not admitted(record, command, facts, event, known=known is not None or _belated(record, command)):
        return []
    if known is None:
        require_month(record, command)
        require_no_way_back(record, command)
    require_within_total(record, evolve(record, event), "invested_this_month_yuan")
    return [event]


def submit_weekly_report(state: Known, command: SubmitWeeklyReport, facts: ProjectFacts) -> list[Event]:
    """周报, from the talks to the end (measure 18); 补报 after the end as for the month."""
    record = registered(state)
    known = record.weekly_reports.get(command.week)
    event = ProjectWeeklyReportSubmitted(
        occurred_on=command.occurred_on,
        week=command.week,
        progress=command.progress,
        problems=command.problems,
        help_needed=command.help_needed,
        next_week=command.next_week,
        correction_reason=command.correction_reason,
        reported_on=_came_on(known, facts),
    )
    if not admitted(record, command, facts, event, known=known is not None or _belated(record, command)):
        return []
    _require_week(record, command)
    return [event]


def _came_on(known: MonthReport | WeeklyReport | None, facts: ProjectFacts) -> date:
    """Today, or the day on which the report first came: a correction makes it neither later nor earlier."""
    return facts.today if known is None else known.reported_on


def _belated(record: ProjectRecord, command: ReportProgress | SubmitWeeklyReport) -> bool:
    """补报: a report of the project's life that comes, with a reason, after its end."""
    return record.ended_on is not None and command.correction_reason is not None


def _require_planned(record: ProjectRecord, command: ReachMilestone, facts: ProjectFacts) -> None:
    baseline = baseline_on(record, facts.today)
    planned = {} if baseline is None else {milestone.milestone_id: milestone for milestone in baseline.plan.milestones}
    milestone = planned.get(command.milestone_id)
    if milestone is None:
        raise MILESTONE_NOT_PLANNED.broken("milestone_id", milestone_id=command.milestone_id)
    if milestone.kind is not MilestoneKind.OTHER:
        raise MILESTONE_IS_A_STEP.broken("milestone_id")


def _require_within_life(record: ProjectRecord, command: ReachMilestone) -> None:
    reached: Dated = (("节点完成", "The milestone"), command.occurred_on)
    require_pair(begun(record), reached)
    require_pair(reached, (("项目结束", "The project's end"), record.ended_on))


def _require_week(record: ProjectRecord, command: SubmitWeeklyReport) -> None:
    week = command.week
    if week.weekday() != 0:
        raise WEEK_NOT_MONDAY.broken("week", given=week.isoformat())
    if week > command.occurred_on:
        raise WEEK_NOT_BEGUN.broken("week", given=command.occurred_on.isoformat(), week=week.isoformat())
    ended = record.ended_on
    if week < record.registered_on - _WEEK or (ended is not None and week > ended):
        raise WEEK_OUTSIDE_LIFE.broken("week", week=week.isoformat(), registered=record.registered_on.isoformat())
