"""Event stores on the bench's PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import create_store, open_store
from services.chassis.event_store.postgresql import PostgresDialect
from tests.stores import store_info

SERVICE = "project_tracking"
PARTITIONS = 12


@contextmanager
def postgres_store(url: str) -> Iterator[EventStore]:
    """A new store in the database, in the schema of its service."""
    dialect = PostgresDialect(url, SERVICE)
    create_store(dialect, store_info(SERVICE, partitions=PARTITIONS))
    with closing(open_store(dialect, SERVICE)) as store:
        yield store
