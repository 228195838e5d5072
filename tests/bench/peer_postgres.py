"""The `eventsourcing` library on PostgreSQL, as its users have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from sqlalchemy import make_url

PATIENCE_SECONDS = 60.0


@contextmanager
def datastore(url: str, callers: int = 1) -> Iterator[PostgresDatastore]:
    """The library's datastore with a connection for each caller, all of them open. Its stored functions stay off: with
    them its followers can miss events."""
    address = make_url(url)
    found = PostgresDatastore(
        dbname=address.database or "",
        host=address.host or "",
        port=address.port or 5432,
        user=address.username or "",
        password=address.password or "",
        connect_timeout=PATIENCE_SECONDS,
        pool_size=callers,
        originator_id_type="text",
        enable_db_functions=False,
    )
    with closing(found):
        found.pool.open(wait=True, timeout=PATIENCE_SECONDS)
        yield found


@contextmanager
def application_recorder(url: str, callers: int = 1) -> Iterator[Any]:
    """The safe one: its table is locked for each append."""
    with datastore(url, callers) as opened:
        recorder = PostgresApplicationRecorder(opened)
        recorder.create_table()
        yield recorder
