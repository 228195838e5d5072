"""Approvals 审批: filed, returned, filed anew, granted; each filing is a round of its item."""

from __future__ import annotations

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known
from services.project_tracking.events.project import (
    ProjectApprovalFiled,
    ProjectApprovalGranted,
    ProjectApprovalReturned,
)
from services.project_tracking.events.record import ApprovalRound, ProjectRecord
from services.project_tracking.events.rules import ApprovalItem, ProjectRules
from services.project_tracking.project.admission import admitted, adopted, in_order, registered
from services.project_tracking.project.commands import FileApproval, GrantApproval, ReturnApproval
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.rules import (
    APPROVAL_NOT_ON_CHECKLIST,
    APPROVAL_NOT_PENDING,
    GRANTED_AFTER_START,
)


def file_approval(state: Known, command: FileApproval, facts: ProjectFacts) -> list[Event]:
    """申报: the first time, or anew after a return; an item of the checklist of the project's kind."""
    record, rules = registered(state), adopted(facts)
    number, latest = _latest(record, command.approval_id)
    anew = latest is not None and latest.returned_on is not None and command.correction_reason is None
    event = ProjectApprovalFiled(
        occurred_on=command.occurred_on,
        approval_id=command.approval_id,
        round=number + 1 if latest is None or anew else number,
        rule_version=rules.version,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=latest is not None and not anew):
        return []
    if latest is None:
        _item(record, command.approval_id, rules)
    return in_order(record, event)


def return_approval(state: Known, command: ReturnApproval, facts: ProjectFacts) -> list[Event]:
    """退回 of the pending filing."""
    record = registered(state)
    number, latest = _latest(record, command.approval_id)
    event = ProjectApprovalReturned(
        occurred_on=command.occurred_on,
        approval_id=command.approval_id,
        round=number,
        reason=command.reason,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=latest is not None and latest.returned_on is not None):
        return []
    _require_pending(command.approval_id, latest, None if latest is None else latest.granted_on)
    return in_order(record, event)


def grant_approval(state: Known, command: GrantApproval, facts: ProjectFacts) -> list[Event]:
    """通过 of the pending filing; what the start needed can't be granted after it."""
    record, rules = registered(state), adopted(facts)
    number, latest = _latest(record, command.approval_id)
    event = ProjectApprovalGranted(
        occurred_on=command.occurred_on,
        approval_id=command.approval_id,
        round=number,
        document_number=command.document_number,
        correction_reason=command.correction_reason,
    )
    if not admitted(record, command, facts, event, known=latest is not None and latest.granted_on is not None):
        return []
    _require_pending(command.approval_id, latest, None if latest is None else latest.returned_on)
    if command.correction_reason is not None:
        _require_granted_by_start(record, command, rules)
    return in_order(record, event)


def _latest(record: ProjectRecord, approval_id: str) -> tuple[int, ApprovalRound | None]:
    """The number of the latest round and the round; (0, None) before the first filing."""
    rounds = record.approvals.get(approval_id, {})
    number = max(rounds, default=0)
    return number, rounds.get(number)


def _item(record: ProjectRecord, approval_id: str, rules: ProjectRules) -> ApprovalItem:
    for item in rules.checklist(record.kind):
        if item.approval_id == approval_id:
            return item
    raise APPROVAL_NOT_ON_CHECKLIST.broken("approval_id", approval_id=approval_id)


def _require_pending(approval_id: str, latest: ApprovalRound | None, otherwise_decided: object) -> None:
    """There is a filing, and it was not decided the other way."""
    if latest is None or otherwise_decided is not None:
        raise APPROVAL_NOT_PENDING.broken("approval_id", approval_id=approval_id)


def _require_granted_by_start(record: ProjectRecord, command: GrantApproval, rules: ProjectRules) -> None:
    started = record.started_on
    for item in rules.checklist(record.kind):
        required = item.approval_id == command.approval_id and item.required_for_start
        if required and started is not None and command.occurred_on > started:
            raise GRANTED_AFTER_START.broken("occurred_on", name=item.name, started=started.isoformat())
