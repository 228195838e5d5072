"""What project_tracking does when something happens: a table of event → commands."""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.domain import Command
from services.chassis.passing_time import DayPassed
from services.chassis.reactions import Reaction
from services.chassis.views import Reader, Received
from services.project_tracking.events.months import month_before, month_of
from services.project_tracking.project.commands import RecordLamp
from services.project_tracking.reference import rules_in_force, running_projects


def give_lamps(fact: Received, reader: Reader) -> Iterable[Command]:
    """On the lamp day 亮灯日 every project that ran through the month before is given its lamp."""
    day = fact.event.occurred_on
    rules = rules_in_force(reader, day)
    if rules is None or day.day != rules.lamp_day:
        return
    month = month_before(month_of(day))
    for project_id in running_projects(reader, month):
        yield RecordLamp(project_id=project_id, occurred_on=day, month=month)


REACTIONS = (Reaction("give_lamps", DayPassed, give_lamps),)
