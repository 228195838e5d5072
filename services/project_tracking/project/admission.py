"""What every clerk's fact goes through before its own rules: known? corrected? ended? unit valid? dates in order?"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from services.chassis.domain import Event, require_not_in_future
from services.project_tracking.events.fold import Known, evolve
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.rules import ProjectRules
from services.project_tracking.project.facts import ProjectFacts, UnitFact
from services.project_tracking.project.order import require_order
from services.project_tracking.project.rules import (
    ALREADY_RECORDED,
    DATE_TOO_EARLY,
    FACT_WORDS,
    NOT_REGISTERED,
    NOTHING_TO_CORRECT,
    PROJECT_ENDED,
    RULES_NOT_ADOPTED,
    UNIT_NOT_VALID,
)

_EARLIEST = date(1978, 1, 1)


class ClerksCommand(Protocol):
    """An order that tells a fact, for the first time or as a correction."""

    @property
    def occurred_on(self) -> date: ...

    @property
    def correction_reason(self) -> str | None: ...


def registered(record: Known) -> ProjectRecord:
    """The record, or PROJECT_NOT_REGISTERED."""
    if record is None:
        raise NOT_REGISTERED.broken("project_id")
    return record


def adopted(facts: ProjectFacts) -> ProjectRules:
    """The rule set in force, or RULES_NOT_ADOPTED."""
    if facts.rules is None:
        raise RULES_NOT_ADOPTED.broken("project_id")
    return facts.rules


def valid_unit(unit_code: str, on: date, facts: ProjectFacts) -> UnitFact:
    """The unit as valid on the day, or UNIT_NOT_VALID."""
    if facts.unit is None:
        raise UNIT_NOT_VALID.broken("unit_code", unit_code=unit_code, given=on.isoformat())
    return facts.unit


def admitted(
    record: ProjectRecord,
    command: ClerksCommand,
    facts: ProjectFacts,
    event: Event,
    *,
    known: bool,
    ending: bool = False,
) -> bool:
    """Whether there is something to record: False for an exact repeat of what is known already.

    A fact is admitted as a first one of a living project whose unit is valid, or as the correction of a known
    one. `known`: a fact of this key is recorded. `ending`: it takes the project off the list, for which the unit
    need not be valid any more (its county may have left).
    """
    if evolve(record, event) == record:
        return False
    require_date(command.occurred_on, facts)
    words, english = FACT_WORDS[type(event)]
    if command.correction_reason is not None:
        if not known:
            raise NOTHING_TO_CORRECT.broken("correction_reason", fact=words, fact_en=english)
        return True
    if known:
        raise ALREADY_RECORDED.broken("correction_reason", fact=words, fact_en=english)
    _require_living(record, command, facts, ending)
    return True


def _require_living(record: ProjectRecord, command: ClerksCommand, facts: ProjectFacts, ending: bool) -> None:
    if record.ended_on is not None:
        raise PROJECT_ENDED.broken("project_id", ended=record.ended_on.isoformat())
    if not ending:
        valid_unit(record.unit_code, max(command.occurred_on, record.registered_on), facts)


def require_date(given: date, facts: ProjectFacts) -> None:
    """Refuse days in the future and years that must be a slip."""
    require_not_in_future(given, facts)
    require_not_too_early(given, "occurred_on")


def require_not_too_early(given: date, field: str) -> None:
    """Refuse a year that must be a slip."""
    if given < _EARLIEST:
        raise DATE_TOO_EARLY.broken(field, given=given.isoformat())


def in_order(record: Known, event: Event) -> list[Event]:
    """The event, if the record after it is in order."""
    require_order(registered(evolve(record, event)))
    return [event]
