"""The steps that end a project or that its clerk can't take back, and what its record says before one is recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from services.project_tracking.events import MilestoneKind
from services.projection.answers.project import MilestoneLine, ProjectAnswer

ENDINGS = frozenset({"CompleteProject", "PutIntoProduction", "TerminateProject", "WithdrawProject"})
"""Their forms are posted to the page itself, which holds them against the record before it tells them."""

TAKES_BACK = "RetractStep"


@dataclass(frozen=True)
class Standing:
    """What the record says now; months that are overdue and the one that is still awaited owe a report."""

    physical_percent: Decimal | None
    last_report_month: str | None
    open_milestones: tuple[MilestoneLine, ...]
    owed_months: tuple[str, ...]

    @property
    def unfinished(self) -> bool:
        return self.physical_percent is None or self.physical_percent < 100

    @property
    def against(self) -> bool:
        """Whether something speaks against the end, so that it must be confirmed."""
        return self.unfinished or bool(self.open_milestones)


def standing_before(command: str, answer: ProjectAnswer) -> Standing:
    """The completion's own milestone is reached by the completion, so it speaks against every other step only."""
    own = {MilestoneKind.COMPLETION} if command == "CompleteProject" else set[MilestoneKind]()
    return Standing(
        physical_percent=answer.line.physical_percent,
        last_report_month=answer.line.last_report_month,
        open_milestones=tuple(m for m in answer.milestones if m.reached_on is None and m.kind not in own),
        owed_months=_owed(answer.line.missing_months, answer.line.awaited_month),
    )


def _owed(missing: Collection[str], awaited: str | None) -> tuple[str, ...]:
    return (*missing, *(() if awaited is None else (awaited,)))
