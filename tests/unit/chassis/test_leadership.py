"""When a lease is asked for, renewed and left, by a clock of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.event_store import EventStore
from services.chassis.leadership import Leadership
from services.chassis.leases import Lease
from tests.stores import make_store


class Clock:
    """Seconds that the test lets pass; the database's own clock hardly moves meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Asked(Lease):
    """Counts what it is asked."""

    acquired = renewed = 0

    def acquire(self) -> int | None:
        self.acquired += 1
        return super().acquire()

    def renew(self) -> bool:
        self.renewed += 1
        return super().renew()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(store: EventStore, owner: str) -> Asked:
    return Asked(store.engine, "work", owner, seconds=30.0)


def test_a_holder_renews_three_times_within_its_span(store: EventStore, clock: Clock) -> None:
    held = lease(store, "one")
    leading = Leadership(held, clock)
    assert leading.gain()
    for _ in range(31):
        assert leading.gain()
        clock.now += 1.0
    assert (held.acquired, held.renewed) == (1, 3)


def test_who_wants_it_asks_ten_times_within_its_span(store: EventStore, clock: Clock) -> None:
    assert Leadership(lease(store, "one"), clock).gain()
    wanted = lease(store, "two")
    waiting = Leadership(wanted, clock)
    for _ in range(30):
        assert not waiting.gain()
        clock.now += 1.0
    assert wanted.acquired == 10


def test_who_leaves_may_lead_again_at_once(store: EventStore, clock: Clock) -> None:
    leading = Leadership(lease(store, "one"), clock)
    assert leading.gain()
    leading.leave()
    assert leading.owner_epoch is None
    assert leading.gain()
    assert leading.owner_epoch == 2


def test_who_stands_aside_leaves_it_to_whoever_wants_it(store: EventStore, clock: Clock) -> None:
    first, second = Leadership(lease(store, "one"), clock), Leadership(lease(store, "two"), clock)
    assert first.gain()
    assert not second.gain()
    first.stand_aside()
    assert not first.gain(), "it leaves others the time to ask"
    clock.now += 3.0
    assert not first.gain()
    assert second.gain()
    clock.now += 100.0
    assert not first.gain(), "it is held"


def test_who_stands_aside_alone_leads_again_soon(store: EventStore, clock: Clock) -> None:
    leading = Leadership(lease(store, "one"), clock)
    assert leading.gain()
    leading.stand_aside()
    clock.now += 8.9
    assert not leading.gain()
    clock.now += 0.2
    assert leading.gain()
