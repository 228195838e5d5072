"""The months that a running project had behind it on the first day."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from services.rehearsal.course.pace import WELL
from services.rehearsal.course.record import Month, Preparation, Times
from services.rehearsal.portfolio import Phase, Project
from services.rehearsal.season import month_before, month_of, months_from, weight

WAN = 10_000
MOST_DONE = 0.85


def past_months(project: Project, preparation: Preparation, times: Times, chance: Random) -> list[Month]:
    """From the month of the start to the month before the first day, what each brought; none when not begun."""
    if project.phase is not Phase.BUILDING:
        return []
    first, last = month_of(preparation.started_on), month_before(month_of(times.first_day))
    planned = weight(first, month_of(max(preparation.planned_completion, times.first_day)))
    share = min(MOST_DONE, weight(first, last) / planned) * chance.uniform(0.8, 1.05)
    done, physical, found = 0.0, Decimal(0), []
    for month in months_from(first, last):
        part = share * weight(month, month) / weight(first, last)
        done += part
        physical = max(physical, Decimal(round(done * 1000 * chance.uniform(0.97, 1.03))).scaleb(-1))
        found.append(Month(month, int(project.total_yuan * part) // WAN * WAN, physical, WELL))
    return found
