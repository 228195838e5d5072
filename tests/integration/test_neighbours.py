"""What a process finds out about stores of other services, in the database that it shares with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from services.chassis.errors import InvalidRequest, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.event_store.neighbours import Before, Neighbours
from services.chassis.event_store.opening import create_store, open_store
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.positions.known import DatabasePositions
from services.chassis.positions.position import PositionToken
from tests.followers import record
from tests.servers import Postgres
from tests.stores import store_info


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


def made(url: str, service: str) -> EventStore:
    dialect = PostgresDialect(url, service)
    create_store(dialect, store_info(service))
    return open_store(dialect, service)


@pytest.fixture
def here(url: str) -> Iterator[EventStore]:
    with closing(made(url, "here")) as store:
        yield store


@pytest.fixture
def there(url: str) -> Iterator[EventStore]:
    with closing(made(url, "there")) as store:
        record(store, 20, streams=3)
        yield store


def test_where_each_partition_of_another_store_stands(here: EventStore, there: EventStore) -> None:
    neighbours = Neighbours(here)
    for event in there.scan():
        assert neighbours.before("there", event.partition, event.position + 1) == Before(1, event.position)
        previous = there.previous_in_partition(event.partition, event.position)
        assert neighbours.before("there", event.partition, event.position) == Before(1, previous)
    assert neighbours.before("here", 0, 10) == Before(1, 0)
    assert neighbours.before("nowhere", 0, 10) is None


def test_both_forms_judge_a_position_alike(here: EventStore, there: EventStore) -> None:
    positions = DatabasePositions({"here": here}, Neighbours(here))
    newest = list(there.scan())[-1]
    given = PositionToken("there", 1, newest.partition, newest.position)
    assert positions.to_come(given)
    for never in (given._replace(position=10**14), given._replace(epoch=7), given._replace(service="here")):
        with pytest.raises(InvalidRequest):
            positions.to_come(never)
    with pytest.raises(InvalidRequest):
        positions.require_possible(given._replace(partition=there.info.partitions))


def test_a_database_that_is_away_is_told(own_postgres: Callable[..., Postgres]) -> None:
    server = own_postgres()
    url = server.database()
    with closing(made(url, "here")) as here, closing(made(url, "there")):
        neighbours = Neighbours(here)
        assert neighbours.before("there", 0, 1) == Before(1, 0)
        server.kill()
        with pytest.raises(Unavailable):
            neighbours.before("there", 0, 1)
