"""What a running project had behind it on the first day; it is carried over 结转 as one sum."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from services.rehearsal.course.record import Past, Preparation, Times
from services.rehearsal.portfolio import Phase, Project
from services.rehearsal.season import month_before, month_of, weight

WAN = 10_000
"""万: reports are in whole ten thousands of yuan."""

MOST_DONE = 0.85
NOTHING = Past(0, Decimal(0))


def behind(project: Project, preparation: Preparation, times: Times, chance: Random) -> Past:
    """From the month of the start to the month before the first day, along the seasons; nothing when not begun."""
    if project.phase is not Phase.BUILDING:
        return NOTHING
    first, last = month_of(preparation.started_on), month_before(month_of(times.first_day))
    planned = weight(first, month_of(max(preparation.planned_completion, times.first_day)))
    share = min(MOST_DONE, weight(first, last) / planned) * chance.uniform(0.8, 1.05)
    physical = Decimal(round(share * 1000 * chance.uniform(0.97, 1.03))).scaleb(-1)
    return Past(int(project.total_yuan * share) // WAN * WAN, physical)
