"""Recording the month's lamp 月度亮灯."""

from __future__ import annotations

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known
from services.project_tracking.events.lamp import lamp_of_month
from services.project_tracking.events.months import last_day, last_due_month
from services.project_tracking.events.project import ProjectLampRecorded
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.project.admission import adopted, registered, require_not_too_early
from services.project_tracking.project.commands import RecordLamp
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.rules import LAMP_NOT_DUE


def record_lamp(state: Known, command: RecordLamp, facts: ProjectFacts) -> list[Event]:
    """月度亮灯, once a month, with the reports that had come by `occurred_on`, the lamp day.

    Quiet when the month has its lamp, when the project was not yet registered or already completed or ended at
    the month's end, and when its unit has left: it could not report any more.

    That `occurred_on` is over the calendar says, which is recorded; the clock of the process that decides may have been
    set back since, or be behind that of the one that recorded it.
    """
    record, rules = registered(state), adopted(facts)
    require_not_too_early(command.occurred_on, "occurred_on")
    if command.month > last_due_month(command.occurred_on, rules.lamp_day):
        raise LAMP_NOT_DUE.broken("month", month=command.month)
    if command.month in record.lamps or facts.unit is None or not _lived_through(record, command.month):
        return []
    judgement = lamp_of_month(record, command.month, command.occurred_on, rules)
    return [
        ProjectLampRecorded(
            occurred_on=command.occurred_on,
            month=command.month,
            lamp=judgement.lamp,
            rule_version=judgement.rule_version,
            evidence=judgement.evidence,
        )
    ]


def _lived_through(record: ProjectRecord, month: str) -> bool:
    """Registered by the month's end, and neither completed nor ended by it."""
    end = last_day(month)
    over = [day for day in (record.completed_on, record.ended_on) if day is not None]
    return record.registered_on <= end and all(day > end for day in over)
