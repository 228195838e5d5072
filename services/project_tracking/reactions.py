"""What project_tracking does when something happens: a table of event → commands."""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.domain import Command
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.reactions.table import Reaction
from services.chassis.views.view import Reader, Received
from services.project_tracking.events.months import month_before, month_of
from services.project_tracking.project.commands import RecordLamp
from services.project_tracking.reference import lamps_owed, rules_in_force


def give_lamps(fact: Received, reader: Reader) -> Iterable[Command]:
    """From the lamp day 亮灯日 on, every project that ran through the month before is given its lamp, once.

    Usually all get it on the lamp day; where other rules move that day to one that has passed, on the first day after.
    """
    day = fact.event.occurred_on
    rules = rules_in_force(reader, day)
    if rules is None or day.day < rules.lamp_day:
        return
    month = month_before(month_of(day))
    for project_id in lamps_owed(reader, month, day, day.replace(day=rules.lamp_day)):
        yield RecordLamp(project_id=project_id, occurred_on=day, month=month)


REACTIONS = (Reaction("give_lamps", DayPassed, give_lamps),)
