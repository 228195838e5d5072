"""Instants at which steps were told that reports rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from services.project_tracking.project import commands as orders
from services.rehearsal.season import month_of
from services.rehearsal.telling.intentions import Intention

_ENDS = (orders.PutIntoProduction, orders.TerminateProject, orders.WithdrawProject)


@dataclass
class Landmarks:
    """The instants are None while nothing was told."""

    registered: datetime | None = None
    started: datetime | None = None
    resumed: datetime | None = None
    resumed_on: date | None = None
    ended: datetime | None = None

    def note(self, intention: Intention) -> None:
        """Remember when this was told; of a start the last time, corrections apart."""
        command, at = intention.command, intention.at
        if getattr(command, "correction_reason", None) is not None:
            return
        if isinstance(command, orders.RegisterProject):
            self.registered = at
        elif isinstance(command, orders.StartProject):
            self.started = at
        elif isinstance(command, orders.ResumeProject):
            self.resumed, self.resumed_on = at, command.occurred_on
        elif isinstance(command, _ENDS):
            self.ended = at

    def before_report(self, month: str) -> Iterator[datetime]:
        """What must be told before a report of the month: the start, and the end of a standstill."""
        if self.started is not None:
            yield self.started
        if self.resumed is not None and self.resumed_on is not None and month >= month_of(self.resumed_on):
            yield self.resumed
