"""Position tokens in a process without the store: what may come is waited for, what was never given is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.commanding.local_gateway import LocalGateway
from services.chassis.errors import DeadlineExceeded, InvalidRequest
from services.chassis.event_store.neighbours import Before
from services.chassis.forms.embedded import Embedded
from services.chassis.positions.known import DatabasePositions
from services.chassis.positions.position import PositionToken
from services.chassis.settings import Settings
from tests.sample_service import Add, FindCounter, FoundCounter, OpenCounter, call, do, open_city
from tests.waiting import eventually

UNIT = "130602"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        yield opened


class Database:
    """The city's stores, as another process sees them by way of their database."""

    partitions = 12

    def __init__(self, city: Embedded, *, readable: bool = True, epoch: int = 1) -> None:
        self._stores = city.stores
        self._readable = readable
        self._epoch = epoch
        self.asked = 0

    def before(self, service: str, partition: int, position: int) -> Before | None:
        self.asked += 1
        if not self._readable:
            return None
        return Before(self._epoch, self._stores[service].previous_in_partition(partition, position))


def gateway_of(city: Embedded, database: Database) -> LocalGateway:
    """As a projection process has it: the views, and no store of what they show."""
    (host,) = city.hosts.values()
    positions = DatabasePositions({}, database)
    return LocalGateway([host.service], [], {host.service.name: host.views}, positions, city.clock, Settings())


def recorded(city: Embedded) -> PositionToken:
    """A fact that the views don't show yet."""
    receipts = do(city, OpenCounter(counter="a", unit=UNIT), Add(counter="a", amount=5))
    return PositionToken.parse(receipts[-1].token)


@pytest.mark.parametrize("readable", [True, False])
def test_a_position_is_waited_for(city: Embedded, readable: bool) -> None:
    at, database = recorded(city), Database(city, readable=readable)
    with closing(gateway_of(city, database)) as gateway:
        answer = city.loop.submit(gateway.ask(FindCounter(counter="a", token=str(at)), call()))
        eventually(lambda: gateway._waiters.waiting == 1)
        city.settle()
        assert answer.result(10) == FoundCounter(total=5, title="")
        again = gateway.ask(FindCounter(counter="a", token=str(at)), call())
        assert city.loop.run(again) == FoundCounter(total=5, title="")
        assert database.asked == 1, "what the views show needs no asking"


def nevers(at: PositionToken) -> list[PositionToken]:
    far = at._replace(position=10**9)
    return [far, at._replace(position=99999999999999), at._replace(epoch=7), far._replace(epoch=7)]


def test_one_that_was_never_given_is_refused_at_once(city: Embedded) -> None:
    at = recorded(city)
    city.settle()
    with closing(gateway_of(city, Database(city))) as gateway:
        for never in nevers(at):
            with pytest.raises(InvalidRequest) as refused:
                city.loop.run(gateway.ask(FindCounter(counter="a", token=str(never)), call(seconds=60)))
            assert refused.value.violations[0].field == "token"
        assert gateway._waiters.waiting == 0


def test_where_the_store_cannot_be_read_it_is_waited_for_until_the_deadline(city: Embedded) -> None:
    at = recorded(city)
    city.settle()
    with closing(gateway_of(city, Database(city, readable=False))) as gateway:
        for never in nevers(at):
            with pytest.raises(DeadlineExceeded):
                city.loop.run(gateway.ask(FindCounter(counter="a", token=str(never)), call(seconds=0.2)))
        assert gateway._waiters.waiting == 0


def test_one_of_an_epoch_before_a_restore_is_waited_for_if_anything_is_kept(city: Embedded) -> None:
    at = recorded(city)
    database = Database(city, epoch=2)
    assert DatabasePositions({}, database).to_come(at._replace(position=10**9))
    empty = at._replace(partition=(at.partition + 1) % database.partitions)
    assert not DatabasePositions({}, database).to_come(empty)


@pytest.mark.parametrize("bad", ["sample:1:12:1", "sample:1:999:0", "other:1:1:1", "sample:0:1:2x"])
def test_one_that_cannot_be_is_refused_at_once(city: Embedded, bad: str) -> None:
    recorded(city)
    with closing(gateway_of(city, Database(city))) as gateway, pytest.raises(InvalidRequest) as refused:
        city.loop.run(gateway.ask(FindCounter(counter="a", token=bad), call()))
    assert refused.value.violations[0].field == "token"
