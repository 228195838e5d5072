"""The baseline 基线 and its changes: asked for with a reason, approved or rejected; the first one stays visible."""

from __future__ import annotations

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known
from services.project_tracking.events.project import (
    ProjectBaselineSet,
    ProjectRebaselineApproved,
    ProjectRebaselineRejected,
    ProjectRebaselineRequested,
)
from services.project_tracking.events.record import Baseline, ProjectRecord
from services.project_tracking.project.admission import admitted, registered
from services.project_tracking.project.commands import (
    ApproveRebaseline,
    RejectRebaseline,
    RequestRebaseline,
    SetBaseline,
)
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.plan_checks import require_plan
from services.project_tracking.project.rules import (
    BASELINE_JUDGED,
    NO_BASELINE,
    OUT_OF_ORDER,
    REBASELINE_DECIDED,
    REBASELINE_NOT_FOUND,
    REBASELINE_PENDING,
)


def set_baseline(state: Known, command: SetBaseline, facts: ProjectFacts) -> list[Event]:
    """基线: the first plan. A slip in it can be corrected until a lamp was given by it."""
    record = registered(state)
    event = ProjectBaselineSet(
        occurred_on=command.occurred_on, plan=command.plan, correction_reason=command.correction_reason
    )
    if not admitted(record, command, facts, event, known=1 in record.baselines):
        return []
    if any(lamp.baseline_number == 1 for lamp in record.lamps.values()):
        raise BASELINE_JUDGED.broken("plan")
    require_plan(command.plan, record, command.occurred_on, renewed=False)
    return [event]


def request_rebaseline(state: Known, command: RequestRebaseline, facts: ProjectFacts) -> list[Event]:
    """申请调整基线: one request at a time; while it waits it can be corrected."""
    record = registered(state)
    latest = record.baselines.get(len(record.baselines))
    pending = latest is not None and latest.pending
    correcting = command.correction_reason is not None
    event = ProjectRebaselineRequested(
        occurred_on=command.occurred_on,
        number=len(record.baselines) + (0 if pending or correcting else 1),
        reason=command.reason,
        plan=command.plan,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=correcting and event.number > 1):
        return []
    _require_requestable(latest, pending, correcting)
    require_plan(command.plan, record, command.occurred_on, renewed=True)
    return [event]


def approve_rebaseline(state: Known, command: ApproveRebaseline, facts: ProjectFacts) -> list[Event]:
    """同意调整: the new baseline is in force from this day."""
    record = registered(state)
    asked = _asked(record, command.number)
    event = ProjectRebaselineApproved(
        occurred_on=command.occurred_on, number=command.number, correction_reason=command.correction_reason
    )
    if not admitted(record, command, facts, event, known=asked.in_force_from is not None):
        return []
    if asked.rejected_on is not None:
        raise REBASELINE_DECIDED.broken("number", number=command.number)
    _require_after_request(asked, command)
    return [event]


def reject_rebaseline(state: Known, command: RejectRebaseline, facts: ProjectFacts) -> list[Event]:
    """不同意调整: the baseline in force stays."""
    record = registered(state)
    asked = _asked(record, command.number)
    event = ProjectRebaselineRejected(
        occurred_on=command.occurred_on,
        number=command.number,
        reason=command.reason,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=asked.rejected_on is not None):
        return []
    if asked.in_force_from is not None:
        raise REBASELINE_DECIDED.broken("number", number=command.number)
    _require_after_request(asked, command)
    return [event]


def _require_requestable(latest: Baseline | None, pending: bool, correcting: bool) -> None:
    if latest is None:
        raise NO_BASELINE.broken("project_id")
    if pending and not correcting:
        raise REBASELINE_PENDING.broken("project_id", number=latest.number)
    if correcting and not pending:
        raise REBASELINE_DECIDED.broken("project_id", number=latest.number)


def _asked(record: ProjectRecord, number: int) -> Baseline:
    asked = record.baselines.get(number)
    if asked is None or number == 1:
        raise REBASELINE_NOT_FOUND.broken("number", number=number)
    return asked


def _require_after_request(asked: Baseline, command: ApproveRebaseline | RejectRebaseline) -> None:
    if asked.requested_on is not None and command.occurred_on < asked.requested_on:
        raise OUT_OF_ORDER.broken(
            "occurred_on",
            earlier="申请",
            earlier_en="the request",
            earlier_on=asked.requested_on.isoformat(),
            later="批复",
            later_en="The decision",
            later_on=command.occurred_on.isoformat(),
        )
