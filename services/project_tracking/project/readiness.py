"""Whether a project may start 开工条件: signing and approvals are independent conditions, by the project's kind."""

from __future__ import annotations

from datetime import date

from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.rules import ApprovalItem, ProjectRules
from services.project_tracking.events.terms import ProjectKind
from services.project_tracking.project.commands import StartProject
from services.project_tracking.project.rules import NOT_READY_TO_START


def require_ready(record: ProjectRecord, command: StartProject, rules: ProjectRules) -> None:
    """Refuse a start before its conditions, naming each that is missing on that day.

    A corrected start is held to the approvals that the project has; an item that came onto the checklist later
    doesn't undo it.
    """
    on = command.occurred_on
    missing = [] if _signed(record, on) else [("签约", "the signing")]
    for item in rules.checklist(record.kind):
        if item.required_for_start and not _settled(record, item, on, command.correction_reason is not None):
            missing.append((item.name, item.english or item.name))
    if missing:
        raise NOT_READY_TO_START.broken(
            "occurred_on",
            given=on.isoformat(),
            missing="、".join(words for words, _ in missing),
            missing_en=", ".join(english for _, english in missing),
        )


def _signed(record: ProjectRecord, on: date) -> bool:
    return record.kind is ProjectKind.GOVERNMENT or (record.signed_on is not None and record.signed_on <= on)


def _settled(record: ProjectRecord, item: ApprovalItem, on: date, correcting: bool) -> bool:
    granted = _granted_on(record, item.approval_id)
    return correcting if granted is None else granted <= on


def _granted_on(record: ProjectRecord, approval_id: str) -> date | None:
    """The day on which the approval was granted, if it was."""
    rounds = record.approvals.get(approval_id, {}).values()
    return next((one.granted_on for one in rounds if one.granted_on is not None), None)
