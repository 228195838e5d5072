"""A city that outgrows one machine: its folder's facts are copied into PostgreSQL as they are, all or nothing.

The events keep their positions, versions and bytes, the log its leaves and heads, so every proof and every position
token stays good. Views are not copied: they are built from the bus. Reactions go on where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL, Engine, Table, func, select

from services.chassis.event_store import EventStore, StoreUnusable, schema
from services.chassis.event_store.opening import open_file, prepare_store, require_unaltered
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.forms.embedded import EVENTS_FILE, REACTIONS_FILE
from services.chassis.service import Service
from services.chassis.sinks.database import SinkDatabase

Progress = Callable[[str, int, int], None]
"""(whose rows, rows done, rows in all)"""

PAGE = 2000

TABLES = (schema.events, schema.streams, schema.commands, schema.merkle_nodes, schema.tree_heads, schema.store)
"""What is copied of a store. Leases and relays say who works on a database, and begin anew."""


def transfer(
    folder: Path, services: Sequence[Service], url: URL, reactions: Callable[[str], SinkDatabase], progress: Progress
) -> dict[str, int]:
    """Copy the stores of a city in a folder, which nobody serves, into a database; returns the events per service.

    `reactions` opens the place in the database where a service's reactions keep how far they got. Raises StoreUnusable
    where a store can't be read or was altered, or the database holds a city already or can't be written. Then nothing
    was copied.
    """
    for service in services:
        prepare_store(PostgresDialect(url, service.name))
        reactions(service.name).close()
    with closing(_Stores(folder, services)) as stores:
        try:
            with psycopg.connect(**_parts(url)) as target:
                for name in stores.opened:
                    _require_empty(target, name)
                _copy_all(target, folder, stores, progress)
        except psycopg.Error as error:
            place = f"{url.host}:{url.port}/{url.database}"
            raise StoreUnusable(f"无法迁入数据库 {place}:{error} · can't be copied into the database") from error
        return {name: store.last_position() for name, store in stores.opened.items()}


def _parts(url: URL) -> dict[str, Any]:
    """For libpq, which takes a blank in a password here, and not within an address."""
    return {**url.translate_connect_args(username="user", database="dbname"), **url.query}


class _Stores:
    """The stores of a folder, each of them whole."""

    def __init__(self, folder: Path, services: Iterable[Service]) -> None:
        self.opened: dict[str, EventStore] = {}
        try:
            for service in services:
                store = self.opened[service.name] = open_file(folder / service.name / EVENTS_FILE, service.name)
                require_unaltered(store)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for store in self.opened.values():
            store.close()


def _copy_all(target: psycopg.Connection, folder: Path, stores: _Stores, progress: Progress) -> None:
    total, done = sum(_size(store.engine) for store in stores.opened.values()), 0
    for name, store in stores.opened.items():
        for table in TABLES:
            for page in _pages(store.engine, table):
                _copy(target, name, table, page)
                done += len(page)
                progress(name, done, total)
        path = folder / name / REACTIONS_FILE
        if path.exists():
            with closing(SinkDatabase(path)) as progressed:
                _copy_progress(target, f"{name}_reactions", progressed)


def _copy_progress(target: psycopg.Connection, place: str, progressed: SinkDatabase) -> None:
    """How far reactions got, and what they set aside. Positions stay; the new bus is read from its beginning, and what
    was applied before is dropped by its position."""
    table = progressed.checkpoints.table
    rows = [(*row[:-1], 0) for page in _pages(progressed.engine, table) for row in page]
    assert table.columns.keys()[-1] == "offset"
    _copy(target, place, table, rows)
    for page in _pages(progressed.engine, progressed.parked):
        _copy(target, place, progressed.parked, [(*row[:-1], bool(row[-1])) for row in page])


def _require_empty(target: psycopg.Connection, service: str) -> None:
    """Nobody else may begin meanwhile: the lock is held until the end."""
    place = sql.Identifier(service, schema.store.name)
    target.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(place))
    if target.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(place)).fetchone() is not None:
        raise StoreUnusable(f"数据库中已有 {service} 的事件库 · the database holds a store of {service} already")


def _size(engine: Engine) -> int:
    with engine.connect() as connection:
        return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES)


def _pages(engine: Engine, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=PAGE).execute(select(table).order_by(*table.primary_key.columns))
        yield from (list(map(tuple, page)) for page in rows.partitions())


def _copy(target: psycopg.Connection, place: str, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    order = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(place, table.name), columns)
    with target.cursor() as cursor, cursor.copy(order) as copy:
        for row in rows:
            copy.write_row(row)
