"""How a fact enters the record: set by its key, the later recorded one holds.

A view folds with the same table; nothing here raises, whatever the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from services.chassis.domain import Event
from services.project_tracking.events import project as facts
from services.project_tracking.events.record import (
    ApprovalRound,
    Baseline,
    MonthReport,
    ProjectRecord,
    ReachedMilestone,
    RecordedLamp,
    Suspension,
    WeeklyReport,
)
from services.project_tracking.events.terms import Step

Known = ProjectRecord | None
"""The record, or None before the registration."""

Evolution = Callable[[Known, Any], Known]

Report = facts.ProjectProgressReported | facts.ProjectWeeklyReportSubmitted


def _first_told_on(event: Event, correction_reason: str | None, known: date | None) -> date:
    """A corrected plan counts from the day on which it was first told."""
    return known if correction_reason is not None and known is not None else event.occurred_on


def _came_on(event: Report, known: date | None) -> date:
    """A report counts from the day on which it first came, whatever day the clerk gives it."""
    if event.correction_reason is not None and known is not None:
        return known
    return event.reported_on or event.occurred_on


def _registered(record: Known, event: facts.ProjectRegistered) -> ProjectRecord:
    told: dict[str, Any] = {
        "project_id": event.project_id,
        "name": event.name,
        "kind": event.kind,
        "level": event.level,
        "major": event.major,
        "unit_code": event.unit_code,
        "unit_id": event.unit_id,
        "unit_registry_version": event.unit_registry_version,
        "industry": event.industry,
        "owner": event.owner,
        "owner_uscc": event.owner_uscc,
        "owner_uscc_doubtful": event.owner_uscc_doubtful,
        "total_investment_yuan": event.total_investment_yuan,
        "invested_before_yuan": event.invested_before_yuan,
        "site": event.site,
        "area_mu": event.area_mu,
        "planned_start": event.planned_start,
        "planned_completion": event.planned_completion,
        "registered_on": event.occurred_on,
    }
    return ProjectRecord(**told) if record is None else replace(record, **told)


def _set_round(record: ProjectRecord, approval_id: str, number: int, **told: Any) -> ProjectRecord:
    rounds = record.approvals.get(approval_id, {})
    changed = {**rounds, number: replace(rounds.get(number, ApprovalRound()), **told)}
    return replace(record, approvals={**record.approvals, approval_id: changed})


def _approval_filed(record: ProjectRecord, event: facts.ProjectApprovalFiled) -> ProjectRecord:
    return _set_round(record, event.approval_id, event.round, filed_on=event.occurred_on)


def _approval_returned(record: ProjectRecord, event: facts.ProjectApprovalReturned) -> ProjectRecord:
    return _set_round(record, event.approval_id, event.round, returned_on=event.occurred_on, return_reason=event.reason)


def _approval_granted(record: ProjectRecord, event: facts.ProjectApprovalGranted) -> ProjectRecord:
    return _set_round(
        record, event.approval_id, event.round, granted_on=event.occurred_on, document_number=event.document_number
    )


def _signed(record: ProjectRecord, event: facts.ProjectSigned) -> ProjectRecord:
    return replace(record, signed_on=event.occurred_on)


def _started(record: ProjectRecord, event: facts.ProjectStarted) -> ProjectRecord:
    return replace(record, started_on=event.occurred_on)


def _completed(record: ProjectRecord, event: facts.ProjectCompleted) -> ProjectRecord:
    return replace(record, completed_on=event.occurred_on)


def _put_into_production(record: ProjectRecord, event: facts.ProjectPutIntoProduction) -> ProjectRecord:
    return replace(record, in_production_on=event.occurred_on)


def _terminated(record: ProjectRecord, event: facts.ProjectTerminated) -> ProjectRecord:
    return replace(record, terminated_on=event.occurred_on, termination_reason=event.reason)


def _withdrawn(record: ProjectRecord, event: facts.ProjectWithdrawn) -> ProjectRecord:
    return replace(record, withdrawn_on=event.occurred_on, withdrawal_reason=event.reason)


def _set_suspension(record: ProjectRecord, number: int, **told: Any) -> ProjectRecord:
    changed = replace(record.suspensions.get(number, Suspension()), **told)
    return replace(record, suspensions={**record.suspensions, number: changed})


def _suspended(record: ProjectRecord, event: facts.ProjectSuspended) -> ProjectRecord:
    return _set_suspension(record, event.number, suspended_on=event.occurred_on, reason=event.reason)


def _resumed(record: ProjectRecord, event: facts.ProjectResumed) -> ProjectRecord:
    return _set_suspension(record, event.number, resumed_on=event.occurred_on)


def _set_baseline(record: ProjectRecord, baseline: Baseline) -> ProjectRecord:
    return replace(record, baselines={**record.baselines, baseline.number: baseline})


def _baseline_set(record: ProjectRecord, event: facts.ProjectBaselineSet) -> ProjectRecord:
    known = record.baselines.get(1)
    since = _first_told_on(event, event.correction_reason, known.in_force_from if known else None)
    return _set_baseline(record, Baseline(number=1, plan=event.plan, in_force_from=since))


def _rebaseline_requested(record: ProjectRecord, event: facts.ProjectRebaselineRequested) -> ProjectRecord:
    known = record.baselines.get(event.number)
    asked_on = _first_told_on(event, event.correction_reason, known.requested_on if known else None)
    asked = known or Baseline(number=event.number, plan=event.plan)
    return _set_baseline(record, replace(asked, plan=event.plan, reason=event.reason, requested_on=asked_on))


def _rebaseline_approved(record: ProjectRecord, event: facts.ProjectRebaselineApproved) -> ProjectRecord:
    asked = record.baselines.get(event.number)
    return record if asked is None else _set_baseline(record, replace(asked, in_force_from=event.occurred_on))


def _rebaseline_rejected(record: ProjectRecord, event: facts.ProjectRebaselineRejected) -> ProjectRecord:
    asked = record.baselines.get(event.number)
    if asked is None:
        return record
    return _set_baseline(record, replace(asked, rejected_on=event.occurred_on, rejection_reason=event.reason))


def _milestone_reached(record: ProjectRecord, event: facts.ProjectMilestoneReached) -> ProjectRecord:
    reached = ReachedMilestone(reached_on=event.occurred_on, text=event.text)
    return replace(record, milestones_reached={**record.milestones_reached, event.milestone_id: reached})


def _progress_reported(record: ProjectRecord, event: facts.ProjectProgressReported) -> ProjectRecord:
    known = record.progress.get(event.month)
    report = MonthReport(
        reported_on=_came_on(event, known.reported_on if known else None),
        physical_percent=event.physical_percent,
        invested_yuan=event.invested_this_month_yuan,
        note=event.note,
    )
    return replace(record, progress={**record.progress, event.month: report})


def _weekly_report_submitted(record: ProjectRecord, event: facts.ProjectWeeklyReportSubmitted) -> ProjectRecord:
    known = record.weekly_reports.get(event.week)
    report = WeeklyReport(
        reported_on=_came_on(event, known.reported_on if known else None),
        progress=event.progress,
        problems=event.problems,
        help_needed=event.help_needed,
        next_week=event.next_week,
    )
    return replace(record, weekly_reports={**record.weekly_reports, event.week: report})


def _step_retracted(record: ProjectRecord, event: facts.ProjectStepRetracted) -> ProjectRecord:
    match event.step:
        case Step.SUSPENDED:
            rest = {number: kept for number, kept in record.suspensions.items() if number != event.number}
            return replace(record, suspensions=rest)
        case Step.RESUMED:
            return _set_suspension(record, event.number or len(record.suspensions), resumed_on=None)
        case Step.TERMINATED:
            return replace(record, terminated_on=None, termination_reason=None)
        case Step.WITHDRAWN:
            return replace(record, withdrawn_on=None, withdrawal_reason=None)
        case _:
            return replace(record, **{f"{event.step.value}_on": None})


def _lamp_recorded(record: ProjectRecord, event: facts.ProjectLampRecorded) -> ProjectRecord:
    lamp = RecordedLamp(
        recorded_on=event.occurred_on,
        lamp=event.lamp,
        rule_version=event.rule_version,
        baseline_number=event.evidence.baseline_number,
    )
    return replace(record, lamps={**record.lamps, event.month: lamp})


def _once_registered(evolution: Callable[[ProjectRecord, Any], ProjectRecord]) -> Evolution:
    """Before the registration there is nothing to set; a reader passes such a fact over."""
    return lambda record, event: None if record is None else evolution(record, event)


_LATER: dict[type[Event], Callable[[ProjectRecord, Any], ProjectRecord]] = {
    facts.ProjectApprovalFiled: _approval_filed,
    facts.ProjectApprovalReturned: _approval_returned,
    facts.ProjectApprovalGranted: _approval_granted,
    facts.ProjectSigned: _signed,
    facts.ProjectStarted: _started,
    facts.ProjectBaselineSet: _baseline_set,
    facts.ProjectRebaselineRequested: _rebaseline_requested,
    facts.ProjectRebaselineApproved: _rebaseline_approved,
    facts.ProjectRebaselineRejected: _rebaseline_rejected,
    facts.ProjectMilestoneReached: _milestone_reached,
    facts.ProjectProgressReported: _progress_reported,
    facts.ProjectWeeklyReportSubmitted: _weekly_report_submitted,
    facts.ProjectSuspended: _suspended,
    facts.ProjectResumed: _resumed,
    facts.ProjectCompleted: _completed,
    facts.ProjectPutIntoProduction: _put_into_production,
    facts.ProjectTerminated: _terminated,
    facts.ProjectWithdrawn: _withdrawn,
    facts.ProjectStepRetracted: _step_retracted,
    facts.ProjectLampRecorded: _lamp_recorded,
}

EVOLUTIONS: Mapping[type[Event], Evolution] = {
    facts.ProjectRegistered: _registered,
    **{fact: _once_registered(evolution) for fact, evolution in _LATER.items()},
}
"""Every fact of a project and how it enters the record."""


def evolve(record: Known, event: Event) -> Known:
    """The record after one more fact; a fact that is none of a project's leaves it as it is."""
    evolution = EVOLUTIONS.get(type(event))
    return record if evolution is None else evolution(record, event)


def record_of(events: Iterable[Event]) -> Known:
    """The record after these facts in the order of their recording."""
    record: Known = None
    for event in events:
        record = evolve(record, event)
    return record
