"""Position tokens in a process without the stores: what may come is waited for, what can't be is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.commanding.local_gateway import LocalGateway
from services.chassis.errors import DeadlineExceeded, InvalidRequest
from services.chassis.forms.embedded import Embedded
from services.chassis.positions.known import PublishedPositions
from services.chassis.positions.position import PositionToken
from services.chassis.settings import Settings
from tests.sample_service import Add, FindCounter, FoundCounter, OpenCounter, call, do, open_city
from tests.waiting import eventually

UNIT = "130602"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        yield opened


def gateway_of(city: Embedded, partitions: int | None) -> LocalGateway:
    """As a projection process has it: the views, and of the topic how many partitions it has, if that."""
    (host,) = city.hosts.values()
    positions = PublishedPositions(lambda service: partitions)
    return LocalGateway([host.service], [], {host.service.name: host.views}, positions, city.clock, Settings())


def recorded(city: Embedded) -> PositionToken:
    """A fact that the views don't show yet."""
    receipts = do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    return PositionToken.parse(receipts[-1].token)


@pytest.mark.parametrize("partitions", [12, None])
def test_a_position_is_waited_for(city: Embedded, partitions: int | None) -> None:
    at = recorded(city)
    with closing(gateway_of(city, partitions)) as gateway:
        answer = city.loop.submit(gateway.ask(FindCounter(counter="a", token=str(at)), call()))
        eventually(lambda: gateway._waiters.waiting == 1)
        city.settle()
        assert answer.result(10) == FoundCounter(total=5, title="")
        again = gateway.ask(FindCounter(counter="a", token=str(at)), call())
        assert city.loop.run(again) == FoundCounter(total=5, title="")


def test_one_that_only_the_store_could_refuse_is_waited_for_until_the_deadline(city: Embedded) -> None:
    at = recorded(city)
    city.settle()
    with closing(gateway_of(city, 12)) as gateway:
        for never in (at._replace(position=10**9), at._replace(epoch=7)):
            with pytest.raises(DeadlineExceeded):
                city.loop.run(gateway.ask(FindCounter(counter="a", token=str(never)), call(seconds=0.2)))
        assert gateway._waiters.waiting == 0


@pytest.mark.parametrize("bad", ["sample:1:12:1", "sample:1:999:0", "other:1:1:1", "sample:0:1:2x"])
def test_one_that_cannot_be_is_refused_at_once(city: Embedded, bad: str) -> None:
    recorded(city)
    with closing(gateway_of(city, 12)) as gateway, pytest.raises(InvalidRequest) as refused:
        city.loop.run(gateway.ask(FindCounter(counter="a", token=bad), call()))
    assert refused.value.violations[0].field == "token"
