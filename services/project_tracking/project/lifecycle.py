"""The steps of a project's life 环节: signed, started, suspended, resumed, completed, in production, ended."""

from __future__ import annotations

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known
from services.project_tracking.events.project import (
    ProjectCompleted,
    ProjectPutIntoProduction,
    ProjectResumed,
    ProjectSigned,
    ProjectStarted,
    ProjectSuspended,
    ProjectTerminated,
    ProjectWithdrawn,
)
from services.project_tracking.events.terms import ProjectKind, Step
from services.project_tracking.project.admission import (
    admitted,
    adopted,
    in_order,
    registered,
)
from services.project_tracking.project.commands import (
    CompleteProject,
    PutIntoProduction,
    ResumeProject,
    SignProject,
    StartProject,
    SuspendProject,
    TerminateProject,
    WithdrawProject,
)
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.readiness import require_ready
from services.project_tracking.project.rules import (
    GOVERNMENT_SIGNS_NOTHING,
    NOT_COMPLETED,
    NOT_STARTED,
    NOT_SUSPENDED,
)


def sign(state: Known, command: SignProject, facts: ProjectFacts) -> list[Event]:
    """签约, of an investment project only."""
    record = registered(state)
    if record.kind is ProjectKind.GOVERNMENT:
        raise GOVERNMENT_SIGNS_NOTHING.broken("project_id")
    event = ProjectSigned(occurred_on=command.occurred_on, correction_reason=command.correction_reason)
    if not admitted(record, command, facts, event, known=record.signed_on is not None):
        return []
    return in_order(record, event)


def start(state: Known, command: StartProject, facts: ProjectFacts) -> list[Event]:
    """开工: signed (an investment project) and every required approval granted, each on its own."""
    record, rules = registered(state), adopted(facts)
    event = ProjectStarted(
        occurred_on=command.occurred_on, rule_version=rules.version, correction_reason=command.correction_reason
    )
    if not admitted(record, command, facts, event, known=record.started_on is not None):
        return []
    require_ready(record, command, rules)
    return in_order(record, event)


def suspend(state: Known, command: SuspendProject, facts: ProjectFacts) -> list[Event]:
    """暂停; a project can be suspended again after each resumption."""
    record = registered(state)
    latest = max(record.suspensions, default=0)
    again = command.correction_reason is None and (not latest or record.suspensions[latest].resumed_on is not None)
    event = ProjectSuspended(
        occurred_on=command.occurred_on,
        number=latest + 1 if again else latest,
        reason=command.reason,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=not again and latest > 0):
        return []
    return in_order(record, event)


def resume(state: Known, command: ResumeProject, facts: ProjectFacts) -> list[Event]:
    """复工 after the latest suspension."""
    record = registered(state)
    latest = max(record.suspensions, default=0)
    event = ProjectResumed(occurred_on=command.occurred_on, number=latest, correction_reason=command.correction_reason)
    if not admitted(record, command, facts, event, known=record.step_on(Step.RESUMED) is not None):
        return []
    if not latest:
        raise NOT_SUSPENDED.broken("project_id")
    return in_order(record, event)


def complete(state: Known, command: CompleteProject, facts: ProjectFacts) -> list[Event]:
    """竣工: only what has started."""
    record = registered(state)
    event = ProjectCompleted(occurred_on=command.occurred_on, correction_reason=command.correction_reason)
    if not admitted(record, command, facts, event, known=record.completed_on is not None):
        return []
    if record.started_on is None:
        raise NOT_STARTED.broken("project_id")
    return in_order(record, event)


def put_into_production(state: Known, command: PutIntoProduction, facts: ProjectFacts) -> list[Event]:
    """投产: only what is completed; the project's life as a project ends with it."""
    record = registered(state)
    event = ProjectPutIntoProduction(occurred_on=command.occurred_on, correction_reason=command.correction_reason)
    if not admitted(record, command, facts, event, known=record.in_production_on is not None):
        return []
    if record.completed_on is None:
        raise NOT_COMPLETED.broken("project_id")
    return in_order(record, event)


def terminate(state: Known, command: TerminateProject, facts: ProjectFacts) -> list[Event]:
    """终止; also when the unit is not valid any more."""
    record = registered(state)
    event = ProjectTerminated(
        occurred_on=command.occurred_on, reason=command.reason, correction_reason=command.correction_reason
    )
    if not admitted(record, command, facts, event, known=record.terminated_on is not None, ending=True):
        return []
    return in_order(record, event)


def withdraw(state: Known, command: WithdrawProject, facts: ProjectFacts) -> list[Event]:
    """调出; also when the unit is not valid any more."""
    record = registered(state)
    event = ProjectWithdrawn(
        occurred_on=command.occurred_on, reason=command.reason, correction_reason=command.correction_reason
    )
    if not admitted(record, command, facts, event, known=record.withdrawn_on is not None, ending=True):
        return []
    return in_order(record, event)
