"""Appending: ours against the library's application recorder, each event its own durable transaction.

Each caller writes one fact of a project at a time to a stream of its own, at an exact version, into a SQLite file
in WAL with synchronous=FULL, and goes on when its event is on the disk. Our callers are tasks on the loop of the
doors, as they are in a served city; the library's are threads, the one way it has. The fact's bytes are the same,
and what is appended is made before the clock starts. Ours writes more for each call (the command that caused the
fact, so that a repeat answers the first result, who, when, and the stream's head); the library writes four columns.
What is compared is what each does with callers that wait at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from services.chassis.event_store import EventStore
from tests.bench import callers, peer
from tests.bench.appending import appended_rate
from tests.bench.project_life import progress_report
from tests.bench.report import Leg, compared
from tests.bench.rounds import Bench
from tests.bench.scratch import folder
from tests.stores import make_store

REFERENCE = f"{peer.NAME}, SQLite application recorder"

OpenRecorder = Callable[[int], AbstractContextManager[Any]]
"""An application recorder of the library with its tables made, for so many callers."""


def append_sqlite_1(bench: Bench) -> Leg:
    """One caller alone. No gain is promised: a lone caller must not pay for those who wait together."""
    return _leg(bench, 1, calls=bench.sized(4000, 500), target=1.0)


def append_sqlite_8(bench: Bench) -> Leg:
    return _leg(bench, 8, calls=bench.sized(12_000, 1600), target=4.0)


def append_sqlite_64(bench: Bench) -> Leg:
    return _leg(bench, 64, calls=bench.sized(12_800, 1920), target=4.0)


def _leg(bench: Bench, count: int, calls: int, target: float) -> Leg:
    ours, theirs = bench.medians(
        lambda: appended_rate(_store, count, calls),
        lambda: recorded_rate(_recorder, count, max(calls // 4, count * 4)),
    )
    return compared(f"append_sqlite_{count}", ours, "events/s", REFERENCE, theirs, target)


def recorded_rate(open_recorder: OpenRecorder, count: int, calls: int) -> float:
    """Events a second into the library's recorder, by threads."""
    fact, each = progress_report(), calls // count
    ready = [
        [StoredEvent(f"project-{number}", turn + 1, fact.type, fact.data) for turn in range(each)]
        for number in range(count)
    ]
    with open_recorder(count) as recorder:
        return callers.rate(count, each, lambda caller, turn: recorder.insert_events([ready[caller][turn]]))


@contextmanager
def _store() -> Iterator[EventStore]:
    with folder() as place, closing(make_store(place / "events.sqlite", durable=True)) as store:
        yield store


@contextmanager
def _recorder(count: int) -> Iterator[Any]:
    with folder() as place, closing(peer.FlushingDatastore(place / "peer.sqlite", count)) as datastore:
        recorder = SQLiteApplicationRecorder(datastore)
        recorder.create_table()
        yield recorder
