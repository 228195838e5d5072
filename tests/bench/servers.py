"""The PostgreSQL and the Kafka of one bench run: started when the first leg asks, durable, ended with the run."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from psycopg import sql

from tests.bench.scratch import SCRATCH
from tests.servers import Kafka, Postgres
from tests.waiting import eventually

T = TypeVar("T")

_prefixes = itertools.count(1)


class Servers:
    """One of each, on free ports, their data on the checkout's disk; `with` ends them.

    PostgreSQL runs with its durable defaults. Kafka's one broker lets groups join without its usual three seconds.
    """

    def __init__(self, postgres: Postgres | None = None, kafka: Kafka | None = None, *, shared: bool = False) -> None:
        """Servers that are given run already, and go on running. `shared`: what is lent to one leg the next may have,
        for a run that wants to know whether the legs run, not how fast."""
        self._postgres, self._kafka = postgres, kafka
        self._shared = shared
        self._kept: dict[str, Any] = {}
        self._lent: dict[str, tuple[str, Any, ExitStack]] = {}
        self._stack = ExitStack()

    @property
    def postgres(self) -> Postgres:
        if self._postgres is None:
            self._postgres = Postgres(self._folder() / "postgres")
            self._stack.callback(self._postgres.stop)
            self._postgres.start()
        return self._postgres

    @property
    def kafka(self) -> Kafka:
        if self._kafka is None:
            self._kafka = Kafka(self._folder() / "kafka", 1, quick=True)
            self._stack.callback(self._kafka.stop)
            self._kafka.start()
        return self._kafka

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database, which goes at the end."""
        url = self.postgres.database()
        try:
            yield url
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.rpartition("/")[2]))
            with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
                eventually(lambda: _dropped(connection, drop), seconds=60, what="the end of a database")

    def topic_prefix(self) -> str:
        """Before the names of topics and groups that nobody else has."""
        return f"bench{next(_prefixes)}."

    def keep(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What took long to make stays until the run ends; whoever asks for the same name gets the same."""
        if name not in self._kept:
            self._kept[name] = self._stack.enter_context(make())
        found: T = self._kept[name]
        return found

    @contextmanager
    def lend(self, kind: str, name: str, make: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
        """What one leg alone has, made for it and ended with it. Where it is shared, it ends when another of its kind
        is asked for."""
        if not self._shared:
            with make() as made:
                yield made
            return
        if kind not in self._lent or self._lent[kind][0] != name:
            self._end(kind)
            own = ExitStack()
            self._lent[kind] = (name, own.enter_context(make()), own)
        found: T = self._lent[kind][1]
        yield found

    def _end(self, kind: str) -> None:
        if kind in self._lent:
            self._lent.pop(kind)[2].close()

    def _folder(self) -> Path:
        """One that the user postgres may enter."""
        SCRATCH.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=SCRATCH, prefix="server-"))
        folder.chmod(0o755)
        self._stack.callback(shutil.rmtree, folder)
        return folder

    def close(self) -> None:
        for kind in tuple(self._lent):
            self._end(kind)
        self._stack.close()
        self._kept.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _dropped(connection: psycopg.Connection, drop: sql.Composed) -> bool:
    """Not while an autovacuum is at work in it, which is the superuser's and can't be sent away by others."""
    try:
        connection.execute(drop)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
