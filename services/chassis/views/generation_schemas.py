"""The generations of one service's views on PostgreSQL: a schema for each, one more with the pointer and with what each
process uses.

    <service>_views        pointer, uses
    <service>_views_<n>    generation n

A process says every second which generation it answers from and which it feeds. A generation behind the pointer that
nobody has used for a minute is dropped. Whoever stood still for longer finds its tables gone, and takes the one that
is pointed to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from services.chassis.postgres.schema import PostgresSchema, lock_key
from services.chassis.views.generations import RebuildRunning

ANSWERS, FEEDS = "answers", "feeds"

_LOCK_WAIT = "SET LOCAL lock_timeout = '2s'"
"""A drop waits for whoever reads; new readers wait behind it, so it gives up soon."""


class GenerationSchemas:
    """As one process sees them."""

    def __init__(self, url: str, service: str, pool: int = 20) -> None:
        self._url = url
        self._pool = pool
        self._base = f"{service}_views"
        self._process = str(uuid4())
        metadata = MetaData()
        self._pointer = Table(
            "pointer",
            metadata,
            Column("one", Boolean, primary_key=True, default=True),
            Column("generation", Integer, nullable=False),
        )
        self._uses = Table(
            "uses",
            metadata,
            Column("generation", Integer, primary_key=True, autoincrement=False),
            Column("process", Text, primary_key=True),
            Column("role", Text, primary_key=True),
            Column("seen_at", DateTime(timezone=True), nullable=False),
        )
        self._place = PostgresSchema(url, self._base, pool)
        self._engine = self._place.engine
        try:
            self._place.create(metadata)
        except BaseException:
            self.close()
            raise

    def name(self, number: int) -> str:
        return f"{self._base}_{number}"

    def pointed(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(self._pointer.c.generation)).scalar() or 0

    def point(self, number: int) -> None:
        new = insert(self._pointer).values(one=True, generation=number)
        with self._engine.begin() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["one"], set_={"generation": number}))

    def numbers(self) -> list[int]:
        """Those of all generations that there are."""
        with self._engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars().all()
        behind = (name.removeprefix(f"{self._base}_") for name in names if name.startswith(f"{self._base}_"))
        return sorted(int(number) for number in behind if number.isdecimal())

    def newest(self) -> int:
        return max(self.numbers(), default=0)

    def open(self, number: int) -> PostgresSchema:
        return PostgresSchema(self._url, self.name(number), self._pool)

    def remove(self, number: int) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_LOCK_WAIT)
            self._place.lock(connection, ["remove"])
            connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{self.name(number)}" CASCADE')
            connection.execute(self._uses.delete().where(self._uses.c.generation == number))

    def retire(self, number: int) -> None:
        """Others may use it yet; `sweep` removes it when nobody does."""

    @contextlib.contextmanager
    def beginning(self) -> Iterator[None]:
        with self._session_lock("beginning", wait=True):
            yield

    def rebuilding(self) -> AbstractContextManager[None]:
        return self._session_lock("rebuild", wait=False)

    def say(self, answers: int, feeds: Sequence[int]) -> None:
        """This process answers from one generation and feeds these."""
        uses = [(answers, ANSWERS), *((number, FEEDS) for number in feeds)]
        rows = [
            {"generation": number, "process": self._process, "role": role, "seen_at": func.clock_timestamp()}
            for number, role in uses
        ]
        new = insert(self._uses).values(rows)
        update = new.on_conflict_do_update(
            index_elements=["generation", "process", "role"], set_={"seen_at": new.excluded.seen_at}
        )
        with self._engine.begin() as connection:
            connection.execute(update)
            self._forget(connection, uses)

    def users(self, number: int, role: str, seconds: float) -> set[str]:
        """The processes that said within so many seconds that they use the generation."""
        uses = self._uses.c
        recent = uses.seen_at > func.clock_timestamp() - _interval(seconds)
        query = select(uses.process).where((uses.generation == number) & (uses.role == role) & recent)
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def others(self, number: int, role: str, seconds: float) -> set[str]:
        """The same without this process."""
        return self.users(number, role, seconds) - {self._process}

    def sweep(self, seconds: float) -> list[int]:
        """Remove what lies behind the pointer and was not used for so long, and words that are older; returns the
        generations that are gone."""
        pointed = self.pointed()
        gone = [
            number
            for number in self.numbers()
            if number < pointed and not any(self.users(number, role, seconds) for role in (ANSWERS, FEEDS))
        ]
        for number in gone:
            self.remove(number)
        old = self._uses.c.seen_at < func.clock_timestamp() - _interval(seconds)
        with self._engine.begin() as connection:
            connection.execute(self._uses.delete().where(old))
        return gone

    def leave(self) -> None:
        """This process uses nothing any more."""
        with self._engine.begin() as connection:
            connection.execute(self._uses.delete().where(self._uses.c.process == self._process))

    def close(self) -> None:
        self._engine.dispose()

    def _forget(self, connection: Connection, uses: Sequence[tuple[int, str]]) -> None:
        """Nobody waits for what this process has stopped to feed. What it answered from is kept in mind: queries may
        be in hand."""
        fed = [number for number, role in uses if role == FEEDS]
        mine = (self._uses.c.process == self._process) & (self._uses.c.role == FEEDS)
        connection.execute(self._uses.delete().where(mine & self._uses.c.generation.not_in(fed)))

    @contextlib.contextmanager
    def _session_lock(self, name: str, *, wait: bool) -> Iterator[None]:
        """Held by a connection of its own, so that it ends with this process, however it ends."""
        key = (lock_key(self._base, name),)
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if wait:
                connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", key)
            elif not connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", key).scalar():
                raise RebuildRunning
            try:
                yield
            finally:
                connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", key)


def _interval(seconds: float) -> ColumnElement[timedelta]:
    return func.make_interval(0, 0, 0, 0, 0, 0, seconds)
