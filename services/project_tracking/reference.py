"""What project_tracking knows of others, fed by their events: units, rules, and which projects get a lamp."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from services.chassis.domain import Facts
from services.chassis.envelope import Envelope
from services.chassis.time.clock import business_day
from services.chassis.views.view import FoldedView, Handler, Reader, Received
from services.policy_registry.events import (
    PROGRAMME_EVENTS,
    UNIT_REGISTRY_EVENTS,
    CityRegister,
    ProgrammeRecord,
    RegistryFactPlace,
    UnitRegister,
    UnitSpan,
    city_register_after,
    programme_after,
    unit_on,
    unit_with_code,
)
from services.project_tracking.events import (
    ProjectCompleted,
    ProjectLampRecorded,
    ProjectRecord,
    ProjectRegistered,
    ProjectRules,
    ProjectStepRetracted,
    ProjectTerminated,
    ProjectWithdrawn,
    Step,
    last_day,
)
from services.project_tracking.events.adopted_rules import rules_on
from services.project_tracking.project.commands import RegisterProject
from services.project_tracking.project.facts import ProjectFacts, UnitFact

THE_CITY = "city"
"""The key of what there is once: a store belongs to one city."""


class KnownProgrammes(msgspec.Struct, frozen=True, kw_only=True):
    """Every programme 推进方案 with its rule sets, by id and in the order of ids, whichever was heard of first."""

    programmes: dict[str, ProgrammeRecord]


class LampDue(msgspec.Struct, frozen=True, kw_only=True):
    """For which months a project is to be given a lamp: what is known of its life, and the last month that has one.

    `over` holds the days on which it was completed and ended; a step taken back is no longer in it. `since` is the
    clock's day from which on its running is known: of the registration, or of the retraction of such a step.
    """

    unit_id: str
    registered_on: date
    since: date
    over: dict[Step, date] = {}
    lamp_of: str | None = None

    def owes(self, month: str, lamp_day: date) -> bool:
        """Whether it lived through the month, was known to by the lamp day, and has no lamp of it yet."""
        end = last_day(month)
        unlit = self.lamp_of is None or self.lamp_of < month
        lived = self.registered_on <= end and all(day > end for day in self.over.values())
        return unlit and lived and self.since <= lamp_day


def _units(row: CityRegister | None, fact: Received) -> CityRegister:
    at = fact.envelope
    return city_register_after(row, RegistryFactPlace(at.entity, at.position, at.version), fact.event)


def _programmes(row: KnownProgrammes | None, fact: Received) -> KnownProgrammes:
    before, key = row.programmes if row is not None else {}, fact.envelope.entity
    record = programme_after(before.get(key, ProgrammeRecord()), fact.event)
    return KnownProgrammes(programmes=dict(sorted({**before, key: record}.items())))


def _listed(row: LampDue | None, fact: Received) -> LampDue:
    told: ProjectRegistered = fact.event  # type: ignore[assignment]
    if row is not None:
        return replace(row, unit_id=told.unit_id, registered_on=told.occurred_on)
    since = business_day(fact.envelope.recorded_at)
    return LampDue(unit_id=told.unit_id, registered_on=told.occurred_on, since=since)


def _over(step: Step) -> Handler:
    def is_over(row: LampDue | None, fact: Received) -> LampDue | None:
        return row and replace(row, over={**row.over, step: fact.event.occurred_on})

    return is_over


def _taken_back(row: LampDue | None, fact: Received) -> LampDue | None:
    told: ProjectStepRetracted = fact.event  # type: ignore[assignment]
    if row is None or told.step not in row.over:
        return row
    left = {step: day for step, day in row.over.items() if step is not told.step}
    return replace(row, over=left, since=business_day(fact.envelope.recorded_at))


def _lit(row: LampDue | None, fact: Received) -> LampDue | None:
    told: ProjectLampRecorded = fact.event  # type: ignore[assignment]
    return row and replace(row, lamp_of=max(row.lamp_of or told.month, told.month))


def _the_city(_envelope: Envelope) -> str:
    return THE_CITY


def _project(envelope: Envelope) -> str:
    return envelope.entity


UNITS = FoldedView(
    "known_units", CityRegister, _the_city, dict.fromkeys(UNIT_REGISTRY_EVENTS, _units), revision=2, shared=True
)
PROGRAMMES = FoldedView(
    "known_programmes",
    KnownProgrammes,
    _the_city,
    dict.fromkeys(PROGRAMME_EVENTS, _programmes),
    revision=2,
    shared=True,
)
LAMPS_DUE = FoldedView(
    "lamps_due",
    LampDue,
    _project,
    {
        ProjectRegistered: _listed,
        ProjectStepRetracted: _taken_back,
        ProjectCompleted: _over(Step.COMPLETED),
        ProjectTerminated: _over(Step.TERMINATED),
        ProjectWithdrawn: _over(Step.WITHDRAWN),
        ProjectLampRecorded: _lit,
    },
    revision=3,
)
"""A project that comes onto the list, or runs again after a retraction, when the lamp day has passed is given its
first lamp on the next one, of the month before it; months whose lamp day had passed meanwhile get none."""


def facts_for(reader: Reader, state: ProjectRecord | None, command: Any, base: Facts) -> ProjectFacts:
    """The unit of the project on the command's day, and the rules in force on that day.

    A registration names its unit by the code of that day; later the project is that unit's, whatever its code. What
    happened before the registration (结转项目) is the business of the unit as it is valid on the day of the
    registration. What happened before there were any rules is held to those of the day on which it is told.
    """
    day: date = command.occurred_on
    rules = rules_in_force(reader, day) or rules_in_force(reader, base.today)
    return ProjectFacts(today=base.today, unit=_unit_for(reader, state, command), rules=rules)


def _unit_for(reader: Reader, state: ProjectRecord | None, command: Any) -> UnitFact | None:
    known: CityRegister | None = reader.get(UNITS.name, THE_CITY)
    span = _span_for(known.register, state, command) if known is not None else None
    if known is None or span is None:
        return None
    return UnitFact(code=span.code, unit_id=span.unit_id, name=span.name, registry_version=known.version)


def _span_for(register: UnitRegister, state: ProjectRecord | None, command: Any) -> UnitSpan | None:
    if isinstance(command, RegisterProject):
        return unit_with_code(register, command.unit_code, command.occurred_on)
    if state is None:
        return None
    return unit_on(register, state.unit_id, max(command.occurred_on, state.registered_on))


def known_units(reader: Reader) -> UnitRegister:
    """The unit registry as far as it is known; at first there are no units."""
    known: CityRegister | None = reader.get(UNITS.name, THE_CITY)
    return known.register if known is not None else UnitRegister()


def rules_in_force(reader: Reader, day: date) -> ProjectRules | None:
    """The rules of projects in force on a day; None before any programme has published such."""
    known: KnownProgrammes | None = reader.get(PROGRAMMES.name, THE_CITY)
    return _BY_DAY.rules(known, day) if known is not None else None


class _RulesByDay:
    """Remembers the typed rules of each day while what is known of the programmes stays the same object."""

    def __init__(self) -> None:
        self._kept: tuple[KnownProgrammes | None, dict[date, ProjectRules | None]] = (None, {})

    def rules(self, known: KnownProgrammes, day: date) -> ProjectRules | None:
        seen, by_day = self._kept
        if seen is not known or len(by_day) > DAYS_KEPT:
            by_day = {}
            self._kept = (known, by_day)
        if day not in by_day:
            by_day[day] = rules_on(known.programmes, day)
        return by_day[day]


DAYS_KEPT = 1000
_BY_DAY = _RulesByDay()


def lamps_owed(reader: Reader, month: str, on: date, lamp_day: date) -> Iterable[str]:
    """Ids of the projects, in order, that lived through the month, have no lamp of it and whose unit is valid on the
    day. What is over since owes its lamp."""
    owing = [(key, row.unit_id) for key, row in reader.rows(LAMPS_DUE.name) if row.owes(month, lamp_day)]
    register = known_units(reader)
    return [key for key, unit_id in owing if unit_on(register, unit_id, on) is not None]
