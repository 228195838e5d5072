"""What a month's report 月报 must be, and what may be invested in all."""

from __future__ import annotations

from decimal import Decimal

from services.project_tracking.events.fold import Known
from services.project_tracking.events.months import first_day, last_day, month_of
from services.project_tracking.events.reading import suspended_through
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.project.commands import ReportProgress
from services.project_tracking.project.numbers import at_most_decimals
from services.project_tracking.project.order import require_month_in_life
from services.project_tracking.project.rules import (
    INVESTED_ABOVE_TOTAL,
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
    if record.suspensions and suspended_through(record, first_day(month), last_day(month)):
        raise MONTH_SUSPENDED.broken("month", month=month)


def require_no_way_back(record: ProjectRecord, command: ReportProgress) -> None:
    """Physical progress between what the months before and after report; a correction may break it. The month named
    is the nearest one before, else the nearest one after."""
    given = command.physical_percent
    before = [m for m, report in record.progress.items() if m < command.month and report.physical_percent > given]
    after = [m for m, report in record.progress.items() if m > command.month and report.physical_percent < given]
    if before or after:
        nearest = max(before) if before else min(after)
        known = record.progress[nearest].physical_percent
        raise PHYSICAL_DECREASED.broken("physical_percent", month=nearest, known=known)


def require_within_total(before: Known, after: Known, field: str) -> None:
    """What was invested in all may exceed the registered total by a fifth (our number); more is taken for a slip.

    Of a record that is beyond it already, what makes it no worse is taken: a correction can be made bit by bit.
    Raises DomainError about `field`.
    """
    if after is None or (excess := _fifths_above(after)) <= 0:
        return
    if before is None or excess > _fifths_above(before):
        total = after.total_investment_yuan
        raise INVESTED_ABOVE_TOTAL.broken(field, invested=_invested(after), total=total, limit=total * 6 // 5)


def _fifths_above(record: ProjectRecord) -> int:
    """By how many fifths of a yuan more than six fifths of the total is invested."""
    return 5 * _invested(record) - 6 * record.total_investment_yuan


def _invested(record: ProjectRecord) -> int:
    return (record.invested_before_yuan or 0) + sum(report.invested_yuan for report in record.progress.values())
