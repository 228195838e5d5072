"""The feed of several services at once: every event once, each service's in order, whoever has written when."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.auth import Principal, Role
from services.chassis.envelope import Envelope
from services.chassis.errors import Forbidden, InvalidRequest
from services.chassis.feed.pages import ReadFeed, read_page
from tests.contract.doors import envelope

pytestmark = pytest.mark.asyncio

READER = Principal(account="tax-office", role=Role.INTEGRATOR)


class TwoFeeds:
    """Events of two services, recorded at these seconds; `services` are those that the reader may read."""

    def __init__(self, works: list[int], roads: list[int], services: tuple[str, ...] = ("works", "roads")) -> None:
        self.events = {"works": _events("works", works), "roads": _events("roads", roads)}
        self._services = services

    def services(self, principal: Principal) -> tuple[str, ...]:
        if not self._services:
            raise Forbidden("没有权限", "no right")
        return self._services

    async def read(
        self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None
    ) -> list[tuple[Envelope, int]]:
        return [event for event in self.events[service] if event[0].position > after][:limit]


def _events(service: str, seconds: list[int]) -> list[tuple[Envelope, int]]:
    found = []
    for position, second in enumerate(seconds, start=1):
        one = envelope(position)
        at = one.recorded_at + timedelta(seconds=second)
        found.append((msgspec.structs.replace(one, service=service, recorded_at=at), position - 1))
    return found


async def read_all(feed: TwoFeeds, limit: int) -> list[tuple[str, int]]:
    after = ""
    read: list[tuple[str, int]] = []
    while True:
        page = await read_page(feed, ReadFeed(after=after, limit=limit), READER)
        if not page.events:
            assert page.after == after or not read
            return read
        assert len(page.events) <= limit
        read += [(each.service, each.position) for each, _ in page.events]
        after = page.after


SECONDS = st.lists(st.integers(0, 20), max_size=12)


@given(works=SECONDS, roads=SECONDS, limit=st.integers(1, 7))
async def test_every_event_comes_once_and_each_services_in_order(
    works: list[int], roads: list[int], limit: int
) -> None:
    read = await read_all(TwoFeeds(works, roads), limit)
    for service, events in (("works", works), ("roads", roads)):
        assert [position for name, position in read if name == service] == list(range(1, len(events) + 1))


async def test_no_service_waits_until_another_has_no_more() -> None:
    read = await read_all(TwoFeeds([1, 3, 5], [2, 4, 6]), 1)
    assert [name for name, _ in read] == ["works", "roads"] * 3


async def test_the_cursor_names_each_service_and_goes_on_after_an_empty_page() -> None:
    feed = TwoFeeds([1, 2], [3])
    page = await read_page(feed, ReadFeed(), READER)
    assert page.after == "roads:1,works:2"
    assert (await read_page(feed, ReadFeed(after=page.after), READER)).events == []
    feed.events["roads"] = _events("roads", [3, 9])
    later = await read_page(feed, ReadFeed(after=page.after), READER)
    assert [(each.service, each.position) for each, _ in later.events] == [("roads", 2)]


async def test_a_service_that_the_cursor_does_not_name_is_read_from_the_beginning() -> None:
    page = await read_page(TwoFeeds([1, 2], [3]), ReadFeed(after="works:2"), READER)
    assert [(each.service, each.position) for each, _ in page.events] == [("roads", 1)]


async def test_only_what_the_reader_may_read_is_in_it() -> None:
    page = await read_page(TwoFeeds([1, 2], [3], ("roads",)), ReadFeed(), READER)
    assert (len(page.events), page.after) == (1, "roads:1")
    with pytest.raises(Forbidden):
        await read_page(TwoFeeds([1], [2], ()), ReadFeed(), READER)


@pytest.mark.parametrize("after", ["7", "works", "works:", "works:-1", "trees:1", "works:1;roads:2", "works:9" * 90])
async def test_what_is_no_cursor_of_ours_is_refused(after: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await read_page(TwoFeeds([1], [2]), ReadFeed(after=after), READER)
    assert [violation.field for violation in refused.value.violations] == ["after"]
