"""The event feed read from a real store: every place that it gave stands, no other does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.auth import Principal, Rights, Role, Scope
from services.chassis.commanding.local_gateway import StoreFeed
from services.chassis.errors import InvalidRequest
from services.chassis.event_store import EventStore
from services.chassis.feed.rights import READ_FEED
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.service import Service
from tests.stores import append_events, make_store

pytestmark = pytest.mark.asyncio

READER = Principal(account="tax-office", role=Role.INTEGRATOR)
RIGHTS = Rights({READ_FEED: {Role.INTEGRATOR: Scope.ALL}})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    store = make_store(tmp_path / "sample" / "events.sqlite")
    yield store
    store.close()


@pytest.fixture
def feed(store: EventStore) -> StoreFeed:
    service = Service(name="sample", title="样例", events=(DayPassed,), rights=RIGHTS)
    return StoreFeed([service], {"sample": store})


async def test_an_empty_store_is_read_from_its_beginning_only(feed: StoreFeed) -> None:
    assert await feed.read("sample", 0, 10, READER) == []
    with pytest.raises(InvalidRequest):
        await feed.read("sample", 1, 10, READER)


async def test_the_end_is_empty_and_a_place_beyond_it_says_what_to_do(store: EventStore, feed: StoreFeed) -> None:
    append_events(store, 3)
    assert [event.position for event, _ in await feed.read("sample", 1, 10, READER)] == [2, 3]
    assert await feed.read("sample", 3, 10, READER) == []
    with pytest.raises(InvalidRequest) as refused:
        await feed.read("sample", 4, 10, READER)
    (violation,) = refused.value.violations
    assert violation.field == "after"
    assert violation.message.startswith("位置 4 超出 sample 的末尾 3,")
    assert violation.english.endswith("compare the events' `epoch` and begin again from 0")
