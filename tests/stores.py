"""Real event stores for tests: migrated, empty, in a folder of the test."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
from sqlalchemy import select

from services.chassis.event_store import (
    Append,
    Appended,
    EventStore,
    NewEvent,
    SqliteDialect,
    StoreInfo,
    StoreKind,
    schema,
)
from services.chassis.event_store.migrations import migrate
from services.chassis.event_store.opening import create_store
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.event_store.store_info import write_info

CREATED_AT = "2017-01-01T00:00:00+00:00"
RECORDED_AT = 1_483_228_800_000_000
"""2017-01-01T00:00:00Z in microseconds; each further event of `append_events` is one second later."""


def make_store(path: Path, service: str = "sample", *, durable: bool = False, **info: Any) -> EventStore:
    """A new store in the file `path`; `info` overrides fields of its StoreInfo. The caller closes it.

    `durable` flushes at each commit; a test needs it only where it measures, or pulls the plug.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    dialect = SqliteDialect(path, durable=durable)
    engine = dialect.engine()
    migrate(engine)
    engine.dispose()
    write_info(dialect, store_info(service, **info))
    return EventStore(dialect, service)


def open_store(path: Path, service: str = "sample") -> EventStore:
    """A further opening of a store that `make_store` made, as another process would."""
    return EventStore(SqliteDialect(path, durable=False), service)


def make_store_at(place: str) -> EventStore:
    """A new store in a file or, where `place` is its address, in a database. The caller closes it."""
    if not _is_address(place):
        return make_store(Path(place))
    create_store(PostgresDialect(place, "sample"), store_info("sample"))
    return open_store_at(place)


def open_store_at(place: str) -> EventStore:
    """A further opening of that store, as another process would."""
    return EventStore(PostgresDialect(place, "sample"), "sample") if _is_address(place) else open_store(Path(place))


def _is_address(place: str) -> bool:
    return place.startswith("postgresql:")


def store_info(service: str, **info: Any) -> StoreInfo:
    """What a test's store says of itself; the same for the same arguments."""
    plain = StoreInfo(
        store_id=str(uuid5(NAMESPACE_URL, f"bizenv:test:{service}")),
        service=service,
        kind=StoreKind.REHEARSAL,
        programme="sample-2017",
        epoch=1,
        partitions=8,
        created_at=CREATED_AT,
    )
    return msgspec.structs.replace(plain, **info)


def append_events(
    store: EventStore, count: int = 1, *, streams: int = 3, events: int = 1, stream: str = "sample"
) -> list[Appended]:
    """Append `count` facts by commands of `events` facts each, in turn to streams `<stream>-0` … `-<streams-1>`.

    Goes on where the store stands; the same calls on stores alike record the same bytes.
    """
    done: list[Appended] = []
    while count > 0:
        position = store.last_position()
        batch = min(events, count)
        done.append(append_to(store, f"{stream}-{position // events % streams}", batch))
        count -= batch
    return done


def append_to(store: EventStore, stream: str, events: int = 1) -> Appended:
    """Append one command's facts to this stream and return what the store answered."""
    position, version = store.last_position(), version_of(store, stream)
    command_id = str(uuid5(NAMESPACE_URL, f"{stream}/{version}"))
    outcome = store.append_now(
        Append(
            stream=stream,
            expected_version=version,
            command_id=command_id,
            command_hash=sha256(command_id.encode()).digest(),
            events=tuple(_fact(position + step) for step in range(1, events + 1)),
            recorded_at=RECORDED_AT + position * 1_000_000,
            actor="tester",
            correlation_id=command_id,
            causation_id=command_id,
            traceparent=None if position % 2 else f"00-{position + 1:032x}-{position + 1:016x}-01",
        )
    )
    assert isinstance(outcome, Appended), outcome
    return outcome


def version_of(store: EventStore, stream: str) -> int:
    """The version that the store says the stream is at; 0 when it is new."""
    with store.engine.connect() as connection:
        found = connection.execute(select(schema.streams.c.version).where(schema.streams.c.stream == stream)).scalar()
    return 0 if found is None else int(found)


def _fact(number: int) -> NewEvent:
    data = msgspec.json.encode({"number": number, "text": f"第{number}条"})
    return NewEvent("bizenv.sample.noted.v1", date(2017, 1 + number % 12, 1 + number % 28), data)
