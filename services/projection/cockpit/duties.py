"""What a project's clerk owes now, and which commands are usual at its stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.project_tracking.events import MilestoneKind, Stage
from services.projection.answers.project_lines import ProjectLine

SOON = timedelta(days=30)
"""A milestone is announced this long before it is due."""


@dataclass(frozen=True)
class Due:
    """One thing owed: the label's key and its values, the command that answers it, and values for its form."""

    key: str
    values: dict[str, object]
    command: str
    fields: dict[str, str]
    late: bool


def due_of(line: ProjectLine, today: date) -> list[Due]:
    """Overdue first."""
    found = [_month(month, late=True) for month in line.missing_months]
    if line.awaited_month is not None:
        found.append(_month(line.awaited_month, late=False))
    monday = today - timedelta(days=today.weekday())
    if line.owes_weekly_report and (line.last_week is None or line.last_week < monday):
        found.append(Due("report.week", {"week": monday}, "SubmitWeeklyReport", {"week": monday.isoformat()}, False))
    milestone = _milestone(line, today)
    return [*found, milestone] if milestone is not None else found


def _month(month: str, *, late: bool) -> Due:
    key = "report.month_overdue" if late else "report.month"
    return Due(key, {"month": month}, "ReportProgress", {"month": month}, late)


_STEPS = {MilestoneKind.START: "StartProject", MilestoneKind.COMPLETION: "CompleteProject"}


def _milestone(line: ProjectLine, today: date) -> Due | None:
    one = line.next_milestone
    if one is None or one.due - today > SOON:
        return None
    command = _STEPS.get(one.kind, "ReachMilestone")
    fields = {} if one.kind in _STEPS else {"milestone_id": one.milestone_id}
    if one.late_days:
        return Due("report.milestone_late", {"text": one.text, "days": one.late_days}, command, fields, True)
    return Due("report.milestone_soon", {"text": one.text, "due": one.due}, command, fields, False)


_ALWAYS = ("SubmitWeeklyReport",)
_USUAL: dict[Stage, tuple[str, ...]] = {
    Stage.PREPARING: (*_ALWAYS, "FileApproval", "GrantApproval", "SignProject", "StartProject", "SetBaseline"),
    Stage.UNDER_CONSTRUCTION: ("ReportProgress", *_ALWAYS, "ReachMilestone", "CompleteProject", "RequestRebaseline"),
    Stage.SUSPENDED: (*_ALWAYS, "ResumeProject"),
    Stage.COMPLETED: (*_ALWAYS, "PutIntoProduction"),
    Stage.IN_PRODUCTION: (),
    Stage.TERMINATED: (),
    Stage.WITHDRAWN: (),
}


def usual(line: ProjectLine) -> tuple[str, ...]:
    """The commands that fit the stage; any other may still be sent and is refused with its reason."""
    known = _USUAL[line.stage]
    decide = ("ApproveRebaseline", "RejectRebaseline") if line.pending_baseline is not None else ()
    return (*decide, *known)
