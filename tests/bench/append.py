"""Appending: ours against the library's application recorder, each event its own durable transaction.

Each caller writes one fact of a project at a time to a stream of its own, at an exact version, into a SQLite file
in WAL with synchronous=FULL, and goes on when its event is on the disk. Our callers are tasks on the loop of the
doors, as they are in a served city; the library's are threads, the one way it has. The fact's bytes are the same,
and what is appended is made before the clock starts. Ours writes more for each call (the command that caused the
fact, so that a repeat answers the first result, who, when, and the stream's head); the library writes four columns.
What is compared is what each does with callers that wait at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha256

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from services.chassis.event_store import Append, Appended
from services.chassis.loop_thread import LoopThread
from services.chassis.random_ids import ordered_uuid
from tests.bench import callers, peer
from tests.bench.project_life import progress_report
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench, folder
from tests.stores import RECORDED_AT, make_store

REFERENCE = f"{peer.NAME}, SQLite application recorder"


def append_sqlite_1(bench: Bench) -> Leg:
    """One caller alone. No gain is promised: a lone caller must not pay for those who wait together."""
    return _leg(bench, 1, calls=bench.sized(4000, 500), target=1.0)


def append_sqlite_8(bench: Bench) -> Leg:
    return _leg(bench, 8, calls=bench.sized(12_000, 1600), target=4.0)


def append_sqlite_64(bench: Bench) -> Leg:
    return _leg(bench, 64, calls=bench.sized(12_800, 1920), target=4.0)


def _leg(bench: Bench, count: int, calls: int, target: float) -> Leg:
    ours, theirs = bench.medians(lambda: _ours(count, calls), lambda: _theirs(count, max(calls // 4, count * 4)))
    return compared(f"append_sqlite_{count}", ours, "events/s", REFERENCE, theirs, target)


def _ours(count: int, calls: int) -> float:
    each = calls // count
    ready = [[_append(f"project-{number}", turn) for turn in range(each)] for number in range(count)]
    with folder() as place:
        store = make_store(place / "events.sqlite", durable=True)
        doors = LoopThread("bench")

        async def caller(appends: Sequence[Append]) -> None:
            for append in appends:
                assert isinstance(await store.append(append), Appended)

        async def all_callers() -> float:
            started = time.perf_counter()
            await asyncio.gather(*(caller(appends) for appends in ready))
            return count * each / (time.perf_counter() - started)

        try:
            return doors.run(all_callers())
        finally:
            doors.close()
            store.close()


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


def _theirs(count: int, calls: int) -> float:
    fact, each = progress_report(), calls // count
    ready = [
        [StoredEvent(f"project-{number}", turn + 1, fact.type, fact.data) for turn in range(each)]
        for number in range(count)
    ]
    with folder() as place:
        datastore = peer.FlushingDatastore(place / "peer.sqlite", count)
        recorder = SQLiteApplicationRecorder(datastore)
        recorder.create_table()
        try:
            return callers.rate(count, each, lambda caller, turn: recorder.insert_events([ready[caller][turn]]))
        finally:
            datastore.close()
