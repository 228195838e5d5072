"""Taking back a step 撤销环节 that was recorded by mistake; the record of the mistake stays in the history."""

from __future__ import annotations

from services.chassis.domain import DomainError, Event
from services.project_tracking.events.fold import Known, evolve
from services.project_tracking.events.project import ProjectStepRetracted
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.terms import Step
from services.project_tracking.project.admission import registered, require_date
from services.project_tracking.project.commands import RetractStep
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.order import holds_together, require_order
from services.project_tracking.project.rules import STEP_NOT_LATEST, STEP_NOT_RECORDED, STEP_WORDS


def retract_step(state: Known, command: RetractStep, facts: ProjectFacts) -> list[Event]:
    """撤销 of the latest step, also after the project's end; nothing that is recorded may rest on it."""
    record = registered(state)
    require_date(command.occurred_on, facts)
    words, english = STEP_WORDS[command.step]
    if record.step_on(command.step) is None:
        raise STEP_NOT_RECORDED.broken("step", step=words, step_en=english)
    event = ProjectStepRetracted(
        occurred_on=command.occurred_on,
        step=command.step,
        number=len(record.suspensions) if command.step in (Step.SUSPENDED, Step.RESUMED) else None,
        reason=command.reason,
    )
    if _has_later_step(record, command.step) or not _stands(evolve(record, event)):
        raise STEP_NOT_LATEST.broken("step", step=words, step_en=english.lower())
    return [event]


def _has_later_step(record: ProjectRecord, step: Step) -> bool:
    if step is Step.SUSPENDED and record.step_on(Step.RESUMED) is not None:
        return True
    on = record.step_on(step)
    others = (record.step_on(other) for other in Step)
    return any(on is not None and other is not None and other > on for other in others)


def _stands(record: Known) -> bool:
    """Whether the record without the step is still in order."""
    if record is None or not holds_together(record):
        return False
    try:
        require_order(record)
    except DomainError:
        return False
    return True
