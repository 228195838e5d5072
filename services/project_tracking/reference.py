"""What project_tracking knows of others, fed by their events: units, rules, and which projects get a lamp."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from services.chassis.domain import Command, Facts
from services.chassis.envelope import Envelope
from services.chassis.views import FoldedView, Reader, Received
from services.policy_registry.events import (
    UNIT_REGISTRY_EVENTS,
    RuleSet,
    RuleSetPublished,
    UnitRegister,
    register_after,
    unit_with_code,
)
from services.project_tracking.events import (
    ProjectCompleted,
    ProjectRecord,
    ProjectRegistered,
    ProjectRules,
    ProjectStepRetracted,
    ProjectTerminated,
    ProjectWithdrawn,
)
from services.project_tracking.events.adopted_rules import rules_on
from services.project_tracking.project.commands import RegisterProject
from services.project_tracking.project.facts import ProjectFacts, UnitFact

THE_CITY = "city"
"""The key of what there is once: a store belongs to one city."""


class KnownUnits(msgspec.Struct, frozen=True, kw_only=True):
    """The unit registry 单位名录 up to the version of its stream."""

    register: UnitRegister
    version: int


class KnownRules(msgspec.Struct, frozen=True, kw_only=True):
    """All rule sets that the programme has published."""

    rule_sets: tuple[RuleSet, ...] = ()


class LampDue(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a project is still to be given a lamp each month: until it is completed or has ended."""

    running: bool


def _units(row: KnownUnits | None, fact: Received) -> KnownUnits:
    register = row.register if row is not None else UnitRegister()
    return KnownUnits(register=register_after(register, fact.event), version=fact.envelope.version)


def _rules(row: KnownRules | None, fact: Received) -> KnownRules:
    assert isinstance(fact.event, RuleSetPublished)
    before = row.rule_sets if row is not None else ()
    return KnownRules(rule_sets=(*before, fact.event.rule_set))


def _runs(_row: LampDue | None, _fact: Received) -> LampDue:
    return LampDue(running=True)


def _is_over(_row: LampDue | None, _fact: Received) -> LampDue:
    return LampDue(running=False)


def _the_city(_envelope: Envelope) -> str:
    return THE_CITY


def _project(envelope: Envelope) -> str:
    return envelope.entity


UNITS = FoldedView("known_units", KnownUnits, _the_city, dict.fromkeys(UNIT_REGISTRY_EVENTS, _units))
RULES = FoldedView("known_rules", KnownRules, _the_city, {RuleSetPublished: _rules})
LAMPS_DUE = FoldedView(
    "lamps_due",
    LampDue,
    _project,
    {
        ProjectRegistered: _runs,
        ProjectStepRetracted: _runs,
        ProjectCompleted: _is_over,
        ProjectTerminated: _is_over,
        ProjectWithdrawn: _is_over,
    },
    columns=("running",),
    index=lambda row: {"running": "yes" if row.running else "no"},
)
"""A retraction lets a project run again; one that is over for another reason gets no lamp by its own rule."""


def facts_for(reader: Reader, state: ProjectRecord | None, command: Any, base: Facts) -> ProjectFacts:
    """The unit of the project on the command's day, and the rules in force on that day.

    What happened before the registration (结转项目) is the business of the unit as it is valid on the day of the
    registration. What happened before there were any rules is held to those of the day on which it is told.
    """
    day: date = command.occurred_on
    rules = rules_in_force(reader, day) or rules_in_force(reader, base.today)
    return ProjectFacts(today=base.today, unit=_unit_for(reader, state, command), rules=rules)


def _unit_for(reader: Reader, state: ProjectRecord | None, command: Any) -> UnitFact | None:
    known: KnownUnits | None = reader.get(UNITS.name, THE_CITY)
    if known is None:
        return None
    if isinstance(command, RegisterProject):
        return _UNITS_BY_DAY.unit(known, command.unit_code, command.occurred_on)
    if state is None:
        return None
    return _UNITS_BY_DAY.unit(known, state.unit_code, max(command.occurred_on, state.registered_on))


def _unit(known: KnownUnits, code: str, day: date) -> UnitFact | None:
    span = unit_with_code(known.register, code, day)
    if span is None:
        return None
    return UnitFact(code=code, unit_id=span.unit_id, name=span.name, registry_version=known.version)


def rules_in_force(reader: Reader, day: date) -> ProjectRules | None:
    """The rules of projects in force on a day; None before the programme has published any."""
    known: KnownRules | None = reader.get(RULES.name, THE_CITY)
    return _BY_DAY.rules(known.rule_sets, day) if known is not None else None


class _UnitsByDay:
    """Remembers the unit of each code and day while the register stays the same object."""

    def __init__(self) -> None:
        self._kept: tuple[KnownUnits | None, dict[tuple[str, date], UnitFact | None]] = (None, {})

    def unit(self, known: KnownUnits, code: str, day: date) -> UnitFact | None:
        seen, by_day = self._kept
        if seen is not known or len(by_day) > DAYS_KEPT:
            by_day = {}
            self._kept = (known, by_day)
        if (code, day) not in by_day:
            by_day[code, day] = _unit(known, code, day)
        return by_day[code, day]


class _RulesByDay:
    """Remembers the typed rules of each day while the published rule sets stay the same object."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[RuleSet, ...], dict[date, ProjectRules | None]] = ((), {})

    def rules(self, rule_sets: tuple[RuleSet, ...], day: date) -> ProjectRules | None:
        seen, by_day = self._kept
        if seen is not rule_sets or len(by_day) > DAYS_KEPT:
            by_day = {}
            self._kept = (rule_sets, by_day)
        if day not in by_day:
            by_day[day] = rules_on(rule_sets, day)
        return by_day[day]


DAYS_KEPT = 1000
_UNITS_BY_DAY = _UnitsByDay()
_BY_DAY = _RulesByDay()


def unit_of(state: ProjectRecord | None, command: Command) -> str | None:
    """The unit that a command is about: the project's; for a registration the one it names."""
    if isinstance(command, RegisterProject) and state is None:
        return command.unit_code
    return state.unit_code if state is not None else None


def running_projects(reader: Reader) -> Iterable[str]:
    """Ids of the projects that are still to be given lamps, in order."""
    return [key for key, _ in reader.rows(LAMPS_DUE.name, {"running": "yes"})]
