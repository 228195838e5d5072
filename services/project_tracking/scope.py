"""Whose business a command is: the units it is about, each by the code that it bears today.

A project stays its unit's when the unit's code changes, and codes are re-used: units are told apart by their ids.
"""

from __future__ import annotations

from datetime import date

from services.chassis.domain import Command
from services.chassis.views.view import Reader
from services.policy_registry.events import UnitRegister, last_with_code, unit, unit_on
from services.project_tracking.events import ProjectRecord
from services.project_tracking.project.commands import RegisterProject
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.reference import known_units


def units_of(reader: Reader, state: ProjectRecord | None, command: Command, facts: ProjectFacts) -> tuple[str, ...]:
    """The project's unit, and of a registration the one it names: moving a project to another unit is both units'.

    A name that no unit bears is not looked at further; the decision refuses it.
    """
    units = {} if state is None else {state.unit_id: state.unit_code}
    if isinstance(command, RegisterProject) and facts.unit is not None:
        units.setdefault(facts.unit.unit_id, command.unit_code)
    if not units:
        return (command.unit_code,) if isinstance(command, RegisterProject) else ()
    register = known_units(reader)
    return tuple(_code_today(register, unit_id, code, facts.today) for unit_id, code in units.items())


def _code_today(register: UnitRegister, unit_id: str, recorded: str, today: date) -> str:
    """The code of a unit; when it has left, its last one, until another takes that up: then nobody may act for it."""
    now = unit_on(register, unit_id, today)
    if now is not None:
        return now.code
    record = unit(register, unit_id)
    borne = [span.code for span in record.spans if span.valid_from <= today] if record is not None else []
    code = borne[-1] if borne else recorded
    bearer = last_with_code(register, code, today)
    return code if bearer is None or bearer.unit_id == unit_id else f"{code}/{unit_id}"
