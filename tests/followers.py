"""Consumers that keep every fact they are given, so that what was lost or doubled is seen."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus
from services.chassis.event_store import Append, Appended, EventStore, NewEvent
from services.chassis.hosting.city import registry_of
from services.chassis.sinks.sink import ViewSink
from services.chassis.views.database import ViewDatabase
from tests.sample_service import COUNTER_FACTS, CounterAdded, new_id, sample_service
from tests.stores import RECORDED_AT, version_of
from tests.waiting import eventually

REGISTRY = registry_of([sample_service()])


def record(store: EventStore, count: int, *, streams: int = 20, text: str = "") -> None:
    """`count` facts, one command each, on some streams."""
    for number in range(count):
        stream = f"counter-{store.service}{number % streams}"
        event = CounterAdded(occurred_on=date(2017, 3, 1), amount=number % 9 + 1)
        data = REGISTRY.encode(event)
        command_id = new_id()
        outcome = store.append_now(
            Append(
                stream=stream,
                expected_version=version_of(store, stream),
                command_id=command_id,
                command_hash=b"x",
                events=(NewEvent(event.type, event.occurred_on, data),),
                recorded_at=RECORDED_AT + number,
                actor=f"city_group:{text or 'wang'}",
                correlation_id=command_id,
                causation_id=command_id,
            )
        )
        assert isinstance(outcome, Appended)


class Follower:
    """A member of a group with a table of facts in a file, which the members of a group may share."""

    def __init__(self, path: Path, bus: Bus, services: Sequence[str], group: str = "facts") -> None:
        self.path = path
        self.database = ViewDatabase(path, [COUNTER_FACTS], REGISTRY, durable=False)
        self.intake = Intake(ViewSink(group, self.database), REGISTRY, lambda: datetime(2017, 3, 1, tzinfo=UTC), 100)
        self.consumer = Consumer(group, bus, services, [self.intake], batch=100)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Follower:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self.consumer.stopped:
            self.consumer.turn(0.05)

    def positions(self, service: str) -> list[int]:
        """Of all facts that were applied, in order: each is a row, and a second one would not go in."""
        table = self.database.tables["counter_facts"]
        statement = select(table.c.position).where(table.c.service == service).order_by(table.c.position)
        with self.database.engine.connect() as connection:
            return list(connection.execute(statement).scalars())

    def actors(self) -> set[str]:
        """Who recorded what was applied."""
        with self.database.engine.connect() as connection:
            return set(connection.execute(select(self.database.tables["counter_facts"].c.actor)).scalars())

    def wait_for(self, store: EventStore, seconds: float = 30.0) -> None:
        """Until every fact of the store was applied, each once; AssertionError when it does not come to that."""
        wanted = [envelope.position for envelope in store.scan()]
        told = f"facts of {store.service}: {self.consumer.failure}"
        eventually(lambda: len(self.positions(store.service)) >= len(wanted), seconds, told)
        assert self.positions(store.service) == wanted
        assert self.consumer.failure is None

    def close(self) -> None:
        self.consumer.stop()
        if self._thread.is_alive():
            self._thread.join(30)
        self.database.close()
