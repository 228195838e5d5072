"""Which recorded fact a figure rests on: every figure of a project has a key, every fact of a project one figure.

A later fact with the same key takes the place of the earlier one (that is what a correction is).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.chassis.domain import Event
from services.project_tracking.events import (
    ProjectApprovalFiled,
    ProjectApprovalGranted,
    ProjectApprovalReturned,
    ProjectBaselineSet,
    ProjectCompleted,
    ProjectLampRecorded,
    ProjectMilestoneReached,
    ProjectProgressReported,
    ProjectPutIntoProduction,
    ProjectRebaselineApproved,
    ProjectRebaselineRejected,
    ProjectRebaselineRequested,
    ProjectRegistered,
    ProjectResumed,
    ProjectSigned,
    ProjectStarted,
    ProjectStepRetracted,
    ProjectSuspended,
    ProjectTerminated,
    ProjectWeeklyReportSubmitted,
    ProjectWithdrawn,
    Step,
)

REGISTERED = "registered"

_KEYS: dict[type[Event], Callable[[Any], str]] = {
    ProjectRegistered: lambda _: REGISTERED,
    ProjectSigned: lambda _: step_key(Step.SIGNED),
    ProjectStarted: lambda _: step_key(Step.STARTED),
    ProjectCompleted: lambda _: step_key(Step.COMPLETED),
    ProjectPutIntoProduction: lambda _: step_key(Step.IN_PRODUCTION),
    ProjectTerminated: lambda _: step_key(Step.TERMINATED),
    ProjectWithdrawn: lambda _: step_key(Step.WITHDRAWN),
    ProjectSuspended: lambda event: step_key(Step.SUSPENDED, event.number),
    ProjectResumed: lambda event: step_key(Step.RESUMED, event.number),
    ProjectStepRetracted: lambda event: step_key(event.step, event.number),
    ProjectApprovalFiled: lambda event: approval_key("filed", event.approval_id, event.round),
    ProjectApprovalReturned: lambda event: approval_key("returned", event.approval_id, event.round),
    ProjectApprovalGranted: lambda event: approval_key("granted", event.approval_id, event.round),
    ProjectBaselineSet: lambda _: baseline_key(1),
    ProjectRebaselineRequested: lambda event: baseline_key(event.number),
    ProjectRebaselineApproved: lambda event: decision_key(event.number),
    ProjectRebaselineRejected: lambda event: decision_key(event.number),
    ProjectMilestoneReached: lambda event: milestone_key(event.milestone_id),
    ProjectProgressReported: lambda event: month_key(event.month),
    ProjectWeeklyReportSubmitted: lambda event: week_key(event.week.isoformat()),
    ProjectLampRecorded: lambda event: lamp_key(event.month),
}


def source_key(event: Event) -> str:
    """The figure that this fact tells; facts of a kind that we do not know keep to themselves."""
    key = _KEYS.get(type(event))
    return key(event) if key is not None else event.type


def corrects(event: Event) -> bool:
    """更正: told again with a reason, or taken back."""
    return getattr(event, "correction_reason", None) is not None or isinstance(event, ProjectStepRetracted)


def step_key(step: Step, number: int | None = None) -> str:
    return f"step:{step.value}" if number is None else f"step:{step.value}:{number}"


def approval_key(part: str, approval_id: str, number: int) -> str:
    return f"{part}:{approval_id}:{number}"


def baseline_key(number: int) -> str:
    return f"baseline:{number}"


def decision_key(number: int) -> str:
    """The decision on a requested baseline."""
    return f"decision:{number}"


def milestone_key(milestone_id: str) -> str:
    return f"milestone:{milestone_id}"


def month_key(month: str) -> str:
    return f"month:{month}"


def week_key(week: str) -> str:
    return f"week:{week}"


def lamp_key(month: str) -> str:
    return f"lamp:{month}"
