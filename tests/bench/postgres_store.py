"""Event stores on the bench's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import create_store, open_store
from services.chassis.event_store.postgresql import PostgresDialect
from tests.bench.material import SERVICE, fill, project_facts, whole_lives
from tests.bench.servers import Servers
from tests.stores import store_info

PARTITIONS = 12


class Filled(NamedTuple):
    """A store of project facts, and the address of its database."""

    store: EventStore
    url: str


@contextmanager
def postgres_store(url: str) -> Iterator[EventStore]:
    """A new store in the database, in the schema of its service."""
    dialect = PostgresDialect(url, SERVICE)
    create_store(dialect, store_info(SERVICE, partitions=PARTITIONS))
    with closing(open_store(dialect, SERVICE)) as store:
        yield store


@contextmanager
def filled_postgres_store(servers: Servers, count: int) -> Iterator[Filled]:
    """A store with `count` project facts in a database of its own."""
    at_once = whole_lives(count)
    with servers.database() as url, postgres_store(url) as store:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            fill(store, connection, project_facts(count, at_once), at_once)
            connection.exec_driver_sql("COMMIT")
        assert store.last_position() == count
        yield Filled(store, url)
