"""A store of project facts, as many as a leg wants, in the order in which a year would bring them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, cycle, islice
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection

from services.chassis.event_store import Append, Appended, EventStore, NewEvent
from services.chassis.random_ids import ordered_uuid
from services.project_tracking.events import (
    ProjectLampRecorded,
    ProjectProgressReported,
    ProjectRegistered,
    ProjectWeeklyReportSubmitted,
)
from tests.bench.project_life import facts
from tests.stores import RECORDED_AT, make_store

SERVICE = "project_tracking"
AT_ONCE = 200
"""Projects that live side by side: as many as the plan's city has."""


_REPORTS = {fact.type for fact in (ProjectProgressReported, ProjectWeeklyReportSubmitted, ProjectLampRecorded)}


class Fact(msgspec.Struct, frozen=True):
    """One fact of one project's stream, as bytes."""

    stream: str
    version: int
    new: NewEvent


def project_facts(count: int, at_once: int = AT_ONCE) -> Iterator[Fact]:
    """`count` facts of whole lives. So many projects live side by side, each with a fact in turn."""
    generations = range(count // (at_once * len(facts())) + 1)
    names = ([f"p-{generation}-{number}" for number in range(at_once)] for generation in generations)
    return islice(chain.from_iterable(_lived(each, _life()) for each in names), count)


def long_history(projects: int) -> Iterator[Fact]:
    """Facts without end of a city that stays as large as it is: when its projects have lived their lives, their months
    and weeks are reported and their lamps recorded over and over. What is known of a project does not grow by that."""
    reports = [fact for fact in _life() if fact.type in _REPORTS]
    return _lived([f"p-{number}" for number in range(projects)], chain(_life(), cycle(reports)))


def _life() -> list[NewEvent]:
    return [NewEvent(fact.type, fact.occurred_on, msgspec.json.encode(fact)) for fact in facts()]


def _lived(names: Sequence[str], life: Iterable[NewEvent]) -> Iterator[Fact]:
    """The same life of all these projects, side by side, each registered by its own name."""
    registration = next(fact for fact in facts() if isinstance(fact, ProjectRegistered))
    own = {name: msgspec.json.encode(msgspec.structs.replace(registration, project_id=name)) for name in names}
    for version, fact in enumerate(life, 1):
        for name in names:
            data = own[name] if fact.type == registration.type else fact.data
            yield Fact(f"project-{name}", version, NewEvent(fact.type, fact.occurred_on, data))


def whole_lives(count: int) -> int:
    """How many projects must live side by side, so that `count` facts are whole lives."""
    return max(min(count // len(facts()), AT_ONCE), 1)


def filled_store(path: Path, count: int) -> EventStore:
    """A store in a file with `count` project facts. The caller closes it."""
    store = make_store(path, SERVICE, partitions=12)
    at_once = whole_lives(count)
    with store.engine.connect() as connection:
        fill(store, connection, project_facts(count, at_once), at_once)
    assert store.last_position() == count
    return store


def fill(store: EventStore, connection: Connection, facts: Iterable[Fact], at_once: int) -> None:
    """Append facts, each the work of its own command, so many at a time; no two of those may be of one stream."""
    facts = iter(facts)
    while waiting := [append_of(fact) for fact in islice(facts, at_once)]:
        outcomes = store.dialect.append(connection, waiting, store.info.partitions)
        assert all(isinstance(outcome, Appended) for outcome in outcomes)


def append_of(fact: Fact) -> Append:
    """The command's work that records the fact."""
    command_id = ordered_uuid()
    return Append(
        stream=fact.stream,
        expected_version=fact.version - 1,
        command_id=command_id,
        command_hash=command_id.encode()[:32],
        events=(fact.new,),
        recorded_at=RECORDED_AT,
        actor="unit_staff:bench",
        correlation_id=command_id,
        causation_id=command_id,
    )
