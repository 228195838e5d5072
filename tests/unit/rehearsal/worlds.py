"""Lives of a whole portfolio, taken through the project's decider without any store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from services.chassis.domain import Command, Event
from services.policy_registry.programme_files import load_programme
from services.project_tracking.events import ProjectRecord, month_before, month_of
from services.project_tracking.project.commands import RecordLamp
from services.project_tracking.project.decider import PROJECT
from services.project_tracking.project.facts import ProjectFacts, UnitFact
from services.rehearsal.chance import stream
from services.rehearsal.course import Course, Times, build
from services.rehearsal.orders import Programme
from services.rehearsal.portfolio import Project, portfolio
from services.rehearsal.telling import Intention, life_of
from services.rehearsal.units import Unit, units_of

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "programmes" / "baoding-2017"
UNTIL = date(2017, 9, 29)


@lru_cache(maxsize=1)
def programme() -> Programme:
    return Programme(load_programme(FOLDER))


def times() -> Times:
    return Times(programme().first_day, programme().adoption.issued_on, date(2018, 12, 31))


@lru_cache(maxsize=4)
def units(seed: int) -> tuple[Unit, ...]:
    return units_of(programme().orders, programme().first_day, seed)


@dataclass(frozen=True)
class Lived:
    project: Project
    course: Course
    told: list[Intention]


@lru_cache(maxsize=4)
def lived(seed: int, count: int = 200) -> tuple[Lived, ...]:
    """Every project of a seed with its course and what is told of it up to UNTIL."""
    return tuple(_lived(project, seed) for project in portfolio(units(seed), count, seed))


def _lived(project: Project, seed: int) -> Lived:
    items = programme().rules.checklist(project.kind)
    course = build(project, items, times(), stream(seed, "course", project.number))
    told = life_of(project, course, times(), stream(seed, "telling", project.number))
    return Lived(project, course, [each for each in told if each.at.date() <= UNTIL])


@lru_cache(maxsize=4)
def recorded(seed: int) -> tuple[tuple[Event, ...], ...]:
    """What each life of a seed records, in the order of the portfolio."""
    return tuple(tuple(events_of(life)) for life in lived(seed))


def events_of(life: Lived) -> list[Event]:
    """What a life records, the month's lamps on the 6th included; raises the DomainError of what is refused."""
    state, found = PROJECT.initial, list[Event]()
    for day, command in _with_lamps(life):
        if state is None and isinstance(command, RecordLamp):
            continue
        events = PROJECT.decide(state, command, facts(life.project, state, command, day))
        assert events or isinstance(command, RecordLamp), f"nothing to record: {command}"
        found += events
        state = PROJECT.fold(events, state)
    return found


def _with_lamps(life: Lived) -> Iterator[tuple[date, Command]]:
    lamps = [date(2017, month, 6) for month in range(1, 10)]
    for intention in life.told:
        while lamps and intention.at.date() > lamps[0]:
            yield _lamp(life.project, lamps.pop(0))
        yield intention.at.date(), intention.command
    for day in lamps:
        yield _lamp(life.project, day)


def _lamp(project: Project, day: date) -> tuple[date, Command]:
    month = month_before(month_of(day))
    return day + timedelta(days=1), RecordLamp(project_id=project.project_id, occurred_on=day, month=month)


def facts(project: Project, state: ProjectRecord | None, command: Command, today: date) -> ProjectFacts:
    """As the service's reference tables would say."""
    told: date = getattr(command, "occurred_on")  # noqa: B009 - every command of a project has it
    on = told if state is None else max(told, state.registered_on)
    unit = project.unit
    valid = unit.since <= on and (unit.left_on is None or on < unit.left_on)
    known = UnitFact(code=unit.code, unit_id=unit.unit_id, name=unit.name, registry_version=1)
    return ProjectFacts(today=today, unit=known if valid else None, rules=programme().rules)
