"""What a month's report 月报 must be."""

from __future__ import annotations

from decimal import Decimal

from services.project_tracking.events.months import first_day, last_day, month_of
from services.project_tracking.events.reading import suspended_through
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.project.commands import ReportProgress
from services.project_tracking.project.numbers import at_most_decimals
from services.project_tracking.project.order import require_month_in_life
from services.project_tracking.project.rules import (
    MONTH_AFTER_END,
    MONTH_NOT_BEGUN,
    MONTH_SUSPENDED,
    NOT_STARTED,
    PERCENT_NOT_VALID,
    PHYSICAL_DECREASED,
)


def require_percent(percent: Decimal) -> None:
    """From 0 to 100, at most two decimals."""
    if not (at_most_decimals(percent, 2) and 0 <= percent <= 100):
        raise PERCENT_NOT_VALID.broken("physical_percent")


def require_month(record: ProjectRecord, command: ReportProgress) -> None:
    """A month that has begun, from the start and the registration to the completion or end, not wholly suspended."""
    month = command.month
    if month > month_of(command.occurred_on):
        raise MONTH_NOT_BEGUN.broken("month", given=command.occurred_on.isoformat(), month=month)
    if record.started_on is None:
        raise NOT_STARTED.broken("month")
    require_month_in_life(record, month, "month")
    over = min((day for day in (record.completed_on, record.ended_on) if day is not None), default=None)
    if over is not None and month > month_of(over):
        raise MONTH_AFTER_END.broken("month", month=month, ended=month_of(over))
    if suspended_through(record, first_day(month), last_day(month)):
        raise MONTH_SUSPENDED.broken("month", month=month)


def require_no_way_back(record: ProjectRecord, command: ReportProgress) -> None:
    """Physical progress between what the months before and after report; a correction may break it."""
    for month, report in record.progress.items():
        earlier, known = month < command.month, report.physical_percent
        if (known > command.physical_percent) if earlier else (known < command.physical_percent):
            raise PHYSICAL_DECREASED.broken("physical_percent", month=month, known=known)
