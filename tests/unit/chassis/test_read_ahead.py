"""What is fetched ahead counts as undelivered until its poll, and is read again after a seek."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.bus.port import Delivery, EmbeddedSubscription, Source
from services.chassis.bus.read_ahead import ReadAhead
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from tests.stores import append_events, make_store
from tests.waiting import eventually

EVENTS = 12


class Troubled(EmbeddedSubscription):
    """Counts its polls, fails in one of them, and can have its sources assigned anew."""

    def __init__(self, store: EventStore) -> None:
        super().__init__({store.service: store})
        self.polls = 0
        self.fails_at = -1
        self.assigned = 1
        self.seeks: list[tuple[Source, int]] = []

    @property
    def assignment(self) -> int:
        return self.assigned

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        found = super().poll(timeout, limit) if self.polls != self.fails_at else None
        self.polls += 1
        if found is None:
            raise Unavailable("暂时无法连接", "away for a moment")
        return found

    def seek(self, source: Source, offset: int) -> None:
        self.seeks.append((source, offset))
        super().seek(source, offset)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "east.sqlite", "east")) as made:
        append_events(made, EVENTS, streams=3)
        yield made


def positions(deliveries: list[Delivery]) -> list[int]:
    return [delivery.envelope.position for delivery in deliveries]


def total(lag: Mapping[str, int]) -> int:
    return sum(lag.values())


def test_the_next_batch_is_there_before_it_is_asked_for_and_counts_as_unread(store: EventStore) -> None:
    inner = Troubled(store)
    with closing(ReadAhead(inner)) as subscription:
        assert total(subscription.lag()) == EVENTS
        assert positions(subscription.poll(0.0, 5)) == [1, 2, 3, 4, 5]
        eventually(lambda: inner.polls == 2, what="the poll ahead")
        assert set(inner.progress().values()) == {10}, "it was fetched"
        assert set(subscription.progress().values()) == {5}, "and was not delivered"
        assert total(subscription.lag()) == EVENTS - 5
        assert positions(subscription.poll(0.0, 5)) == [6, 7, 8, 9, 10]
        assert positions(subscription.poll(0.0, 5)) == [11, 12]
        assert subscription.poll(0.0, 5) == []
        assert total(subscription.lag()) == 0


def test_a_seek_leaves_what_was_fetched_and_nothing_of_the_other_sources_is_lost(store: EventStore) -> None:
    with closing(ReadAhead(Troubled(store))) as subscription:
        first = subscription.poll(0.0, 5)
        source = ("east", first[1].envelope.partition)
        subscription.seek(source, 2)
        assert subscription.progress()[source] == 2
        again: set[int] = set()
        while found := subscription.poll(0.0, 5):
            again.update(positions(found))
        assert again == set(range(3, EVENTS + 1))


def test_a_poll_that_failed_ahead_fails_in_its_turn_and_not_twice(store: EventStore) -> None:
    inner = Troubled(store)
    inner.fails_at = 1
    with closing(ReadAhead(inner)) as subscription:
        assert positions(subscription.poll(0.0, 5)) == [1, 2, 3, 4, 5]
        with pytest.raises(Unavailable):
            subscription.poll(0.0, 5)
        assert positions(subscription.poll(0.0, 5)) == [6, 7, 8, 9, 10]


def test_sources_assigned_anew_while_it_read_ahead_are_left_to_their_consumer(store: EventStore) -> None:
    """It seeks each once it has seen the new number: a seek of before would undo what the new ones stand at."""
    inner = Troubled(store)
    with closing(ReadAhead(inner)) as subscription:
        (*_, last) = subscription.poll(0.0, 5)
        eventually(lambda: inner.polls == 2, what="the poll ahead")
        inner.assigned = 2
        assert subscription.assignment == 1, "what was delivered is of the old ones"
        subscription.seek(("east", last.envelope.partition), 0)
        assert inner.seeks == []
        subscription.poll(0.0, 5)
        assert subscription.assignment == 2
        subscription.seek(("east", last.envelope.partition), 0)
        assert inner.seeks[-1] == (("east", last.envelope.partition), 0)
