"""Making a rehearsed city: its stores, its programme, and its life up to a day."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import uuid5

from services.catalogue import SERVICES
from services.chassis.event_store import StoreKind, StoreUnusable
from services.chassis.forms.embedded import Embedded, create_city
from services.chassis.settings import Settings
from services.chassis.time.clock import SHANGHAI, SetClock
from services.chassis.upkeep.making import in_the_making
from services.policy_registry.programme_files import load_programme
from services.project_tracking.project.commands import RegisterProject
from services.rehearsal.chance import stream
from services.rehearsal.course import Times, build
from services.rehearsal.living import NAMESPACE, Living, Progress
from services.rehearsal.orders import Programme
from services.rehearsal.portfolio import Project, portfolio
from services.rehearsal.telling import Intention, life_of
from services.rehearsal.units import units_of

PROJECTS = 200

CLOSING_TIME = time(18, 0)
"""A rehearsal ends with the working day; from there its clock goes on when the city is served."""


@dataclass(frozen=True)
class RehearsalSummary:
    """What was made. `projects` counts those registered by `until`, `events` facts by service."""

    until: date
    seed: int
    units: int
    projects: int
    commands: int
    events: dict[str, int]

    def __str__(self) -> str:
        facts = sum(self.events.values())
        return (
            f"截至 {self.until.isoformat()}(种子 {self.seed}):"
            f"{self.units} 个单位,{self.projects} 个虚构项目,{facts} 条事实 · "
            f"{self.units} units, {self.projects} invented projects, {facts} facts"
        )


def rehearse(
    data: Path,
    programme: Path,
    until: date,
    seed: int,
    settings: Settings,
    progress: Progress,
    projects: int = PROJECTS,
) -> RehearsalSummary:
    """Make a rehearsed city in the (empty or missing) folder `data`, lived from New Year to the end of `until`.

    Everything follows from the arguments: nothing depends on real time or chance. Interrupted, it leaves no city.
    Raises StoreUnusable (the folder, the day), ProgrammeFileError, RehearsalBroken.
    """
    folder = Programme(load_programme(programme))
    times = _times(folder, until)
    units = units_of(folder.orders, times.first_day, seed)
    invented = portfolio(units, projects, seed)
    told = [*folder.intentions(), *_lives(invented, folder, times, seed)]
    told = sorted((each for each in told if each.at.date() <= until), key=lambda each: each.at)
    with in_the_making(data) as making:
        _create(making, programme.name, until, seed)
        commands, events = _live(making, told, times.first_day, until, seed, settings, progress)
    registered = {each.command.project_id for each in told if isinstance(each.command, RegisterProject)}
    return RehearsalSummary(until, seed, len(units), len(registered), commands, events)


def _times(folder: Programme, until: date) -> Times:
    """The frame of the lives, which doesn't depend on `until`: a longer rehearsal begins like a shorter one."""
    first, last = folder.first_day, date(folder.first_day.year + 1, 12, 31)
    if not first <= until <= last:
        raise StoreUnusable(
            f"演练日期应在 {first} 至 {last} 之间 · a rehearsal of this programme ends from {first} to {last}"
        )
    return Times(first_day=first, weekly_from=folder.adoption.issued_on, horizon=last)


def _lives(invented: Sequence[Project], folder: Programme, times: Times, seed: int) -> list[Intention]:
    """Everything that will be told of all projects; each draws from streams of its own."""
    rules, told = folder.rules, []
    for project in invented:
        course = build(project, rules.checklist(project.kind), times, stream(seed, "course", project.number))
        told += life_of(project, course, times, stream(seed, "telling", project.number))
    return told


def _create(making: Path, programme: str, until: date, seed: int) -> None:
    """The empty stores; `created_at` is when the rehearsal will be complete, by its own clock."""
    store_id = str(uuid5(NAMESPACE, f"{programme}/{until.isoformat()}/{seed}"))
    complete = datetime.combine(until, CLOSING_TIME, SHANGHAI).astimezone(UTC)
    create_city(making, SERVICES, StoreKind.REHEARSAL, programme, store_id=store_id, created_at=complete)


def _live(
    making: Path, told: Sequence[Intention], first: date, until: date, seed: int, settings: Settings, progress: Progress
) -> tuple[int, dict[str, int]]:
    clock = SetClock(datetime.combine(first, time.min, SHANGHAI))
    with closing(Embedded(making, SERVICES, settings, clock, durable=False, ordered=True)) as city:
        living = Living(city, clock, seed)
        living.live(told, first, until, progress)
        return living.commands, {name: store.last_position() for name, store in city.stores.items()}
