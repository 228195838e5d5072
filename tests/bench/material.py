"""A store of project facts, as many as a leg wants, in the order in which a year would bring them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection

from services.chassis.event_store import Append, Appended, EventStore, NewEvent
from services.chassis.random_ids import ordered_uuid
from services.project_tracking.events import ProjectRegistered
from tests.bench.project_life import facts
from tests.stores import RECORDED_AT, make_store

SERVICE = "project_tracking"
AT_ONCE = 200
"""Projects that live side by side: as many as the plan's city has."""


class Fact(msgspec.Struct, frozen=True):
    """One fact of one project's stream, as bytes."""

    stream: str
    version: int
    new: NewEvent


def project_facts(count: int, at_once: int = AT_ONCE) -> Iterator[Fact]:
    """`count` facts of whole lives. So many projects live side by side, each with a fact in turn."""
    life = [NewEvent(fact.type, fact.occurred_on, msgspec.json.encode(fact)) for fact in facts()]
    registration = next(fact for fact in facts() if isinstance(fact, ProjectRegistered))
    for generation in range(count // (at_once * len(life)) + 1):
        names = [f"p-{generation}-{number}" for number in range(at_once)]
        own = {name: msgspec.json.encode(msgspec.structs.replace(registration, project_id=name)) for name in names}
        for version, fact in enumerate(life, 1):
            for name in names:
                if not count:
                    return
                count -= 1
                data = own[name] if fact.type == registration.type else fact.data
                yield Fact(f"project-{name}", version, NewEvent(fact.type, fact.occurred_on, data))


def whole_lives(count: int) -> int:
    """How many projects must live side by side, so that `count` facts are whole lives."""
    return max(min(count // len(facts()), AT_ONCE), 1)


def filled_store(path: Path, count: int) -> EventStore:
    """A store with `count` project facts, each the work of its own command. The caller closes it."""
    store = make_store(path, SERVICE, partitions=12)
    at_once = whole_lives(count)
    with store.engine.connect() as connection:
        waiting: list[Append] = []
        for fact in project_facts(count, at_once):
            waiting.append(_append(fact))
            if len(waiting) == at_once:
                _write(store, connection, waiting)
                waiting = []
        _write(store, connection, waiting)
    assert store.last_position() == count
    return store


def _write(store: EventStore, connection: Connection, waiting: list[Append]) -> None:
    if waiting:
        outcomes = store.dialect.append(connection, waiting, store.info.partitions)
        assert all(isinstance(outcome, Appended) for outcome in outcomes)


def _append(fact: Fact) -> Append:
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
