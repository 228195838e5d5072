"""Callers as tasks on the loop of the doors, each appending one fact at a time to an event store.

`python -m tests.bench.appending` takes an `Appending` as JSON on its input's first line, says "ready", and appends
once it is given another line: one of several processes on one store.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from hashlib import sha256

import msgspec

from services.chassis.event_store import Append, Appended, EventStore
from services.chassis.event_store.opening import open_store
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.hosting.garbage import calm_garbage_collection
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.random_ids import ordered_uuid
from tests.bench.project_life import progress_report
from tests.stores import RECORDED_AT

OpenStore = Callable[[], AbstractContextManager[EventStore]]


class Appending(msgspec.Struct, frozen=True, kw_only=True):
    """So many callers append so many facts each to a store on PostgreSQL; `first` names their streams."""

    url: str
    service: str
    first: str
    callers: int
    each: int


def appended_rate(open_store: OpenStore, callers: int, calls: int) -> float:
    """Events a second into a new store."""
    ready = new_streams("project", callers, calls // callers)
    with open_store() as store:
        return append_all(store, ready)


def append_all(store: EventStore, ready: Sequence[Sequence[Append]]) -> float:
    """Events a second; each caller goes on when its append is on the disk."""
    doors = LoopThread("bench")

    async def caller(appends: Sequence[Append]) -> None:
        for append in appends:
            assert isinstance(await store.append(append), Appended)

    async def all_callers() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(caller(appends) for appends in ready))
        return sum(map(len, ready)) / (time.perf_counter() - started)

    try:
        return doors.run(all_callers())
    finally:
        doors.close()


def new_streams(first: str, count: int, each: int) -> list[list[Append]]:
    """Appends to a stream of its own for each caller."""
    return [[_append(f"{first}-{number}", turn) for turn in range(each)] for number in range(count)]


def _append(stream: str, version: int) -> Append:
    fact, command_id = progress_report(), ordered_uuid()
    return Append(
        stream=stream,
        expected_version=version,
        command_id=command_id,
        command_hash=sha256(fact.data).digest(),
        events=(fact,),
        recorded_at=RECORDED_AT,
        actor="unit_staff:bench",
        correlation_id=command_id,
        causation_id=command_id,
    )


def main() -> None:
    given = msgspec.json.decode(sys.stdin.readline(), type=Appending)
    ready = new_streams(given.first, given.callers, given.each)
    calm_garbage_collection()
    with closing(open_store(PostgresDialect(given.url, given.service), given.service)) as store:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        append_all(store, ready)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
