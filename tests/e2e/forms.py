"""A city in either form behind one face: its folder and settings, the processes that serve it, its command line.

`embedded` is one process over files; `distributed` a process for each service on real PostgreSQL and Kafka, where each
copy has a database and topics of its own. Tests written against `City` and `Fleet` run on both.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from deploy.processes import free_port
from tests import processes
from tests.kafka_topics import own_prefix
from tests.processes import BIZENV, START_SECONDS, Server, copy_of
from tests.servers import Kafka, Postgres

EMBEDDED, DISTRIBUTED = "embedded", "distributed"
FORMS = (EMBEDDED, DISTRIBUTED)
SERVICES = ("policy_registry", "project_tracking", "projection")
DOORS = ("http", "grpc", "metrics")


@dataclass(frozen=True)
class City:
    """Where a city is, as a `bizenv` process is told."""

    form: str
    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    url: str = ""
    """Of a distributed city's database, with user and password."""

    @property
    def distributed(self) -> bool:
        return self.form == DISTRIBUTED

    def bizenv(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line to its end."""
        return processes.bizenv(self.data, *arguments, **{**self.settings, **settings})

    def told(self, *arguments: str, **settings: str) -> str:
        """What a command that succeeds prints."""
        return processes.told(self.data, *arguments, **{**self.settings, **settings})

    def refused(self, *arguments: str, **settings: str) -> str:
        """The one sentence with which a command ends that could not be tried."""
        return processes.refused(self.data, *arguments, **{**self.settings, **settings})

    def denied(self, *arguments: str, **settings: str) -> str:
        """The one sentence with which a command ends that was tried, and the answer is no."""
        return processes.denied(self.data, *arguments, **{**self.settings, **settings})

    def token(self, role: str, unit: str | None = None, account: str = "wang") -> str:
        """An access token, as an operator issues it."""
        of_unit = () if unit is None else ("--unit", unit)
        return self.told("token", "--role", role, "--account", account, *of_unit).strip()

    def database(self) -> psycopg.Connection:
        """A connection of one's own to a distributed city's database; each statement counts at once."""
        return psycopg.connect(self.url, autocommit=True)

    def generation(self) -> int:
        """Which one of projection's views answers."""
        if not self.distributed:
            return int((self.data / "projection" / "views.current").read_text())
        with self.database() as database:
            return _count(database, "SELECT generation FROM projection_views.pointer")

    def events(self) -> dict[str, int]:
        """How many events each store holds."""
        if self.distributed:
            with self.database() as database:
                return {each: _count(database, f"SELECT count(*) FROM {each}.events") for each in SERVICES}
        return {each: _events_in(self.data / each / "events.sqlite") for each in SERVICES}


def _count(database: psycopg.Connection, query: str) -> int:
    row = database.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _events_in(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM events").fetchone()[0])


class Fleet:
    """The processes that serve a city, by name. They know of each other at fixed ports, so that one that is killed
    comes back at the same place."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.servers: dict[str, Server] = {}
        self._services: dict[str, tuple[str, ...]] = {}
        self._programs: dict[str, Sequence[str]] = {}
        self._ports: dict[str, dict[str, str]] = {}

    def plan(self, name: str, *services: str, program: Sequence[str] = BIZENV) -> None:
        """Let there be a process of this name for these services; all of them for none."""
        self._services[name] = services
        self._programs[name] = program
        self._ports[name] = {f"{door}_port": str(free_port()) for door in DOORS}

    def begin(self, name: str, **settings: str) -> Server:
        """Start a planned process, which may take its time to be ready."""
        given = {**self.city.settings, **self._ports[name], **self._peers(), **settings}
        services, program = self._services[name], self._programs[name]
        self.servers[name] = Server(self.city.data, *services, program=program, **given)
        return self.servers[name]

    def start(self, name: str, **settings: str) -> Server:
        """Start a planned process and wait until it is ready."""
        return self.begin(name, **settings).ready()

    def _peers(self) -> dict[str, str]:
        if not self.city.distributed:
            return {}
        places = [(each, self.grpc(name)) for name, services in self._services.items() for each in services]
        return {"peers": ",".join(f"{service}={place}" for service, place in places)}

    def grpc(self, name: str) -> str:
        """Where the planned process's gRPC door is, or will be."""
        return f"127.0.0.1:{self._ports[name]['grpc_port']}"

    def name_of(self, service: str) -> str:
        """The first process that has this service itself."""
        return next(name for name, found in self._services.items() if service in found or not found)

    def of(self, service: str) -> Server:
        """The same as it was started last."""
        return self.servers[self.name_of(service)]

    @property
    def front(self) -> Server:
        """The process with the cockpit; it has everything, of its own or by its peers."""
        return self.of("projection")

    def stop(self) -> list[int]:
        """End all in order, those that ask others first; returns their exit codes."""
        return [server.stop() for server in reversed(self.servers.values()) if server.alive]

    def kill(self) -> None:
        for server in self.servers.values():
            if server.alive:
                server.kill()

    def log(self) -> str:
        return "\n".join(f"--- {name}\n{server.log()}" for name, server in self.servers.items())

    def complaints(self) -> list[str]:
        """Lines with which a process tells of a fault of ours."""
        return [line for server in self.servers.values() for line in server.logged if "Traceback" in line]


def plan_of(city: City) -> dict[str, Sequence[str]]:
    """One process for each service, or one for all."""
    return {service: (service,) for service in SERVICES} if city.distributed else {"all": ()}


@contextmanager
def fleet(
    city: City, names: Sequence[str] | None = None, plan: Mapping[str, Sequence[str]] | None = None, **settings: str
) -> Iterator[Fleet]:
    """A served city: the processes of the plan (name → services), or those of these names, are ready. Those that the
    test leaves running are killed."""
    found, planned = Fleet(city), plan_of(city) if plan is None else plan
    for name, services in planned.items():
        found.plan(name, *services)
    try:
        started = [found.begin(name, **settings) for name in (planned if names is None else names)]
        for server in started:
            server.ready(START_SECONDS)
        yield found
    finally:
        found.kill()


class Cities:
    """Makes cities of either form, each a copy of one that was made once by the command line."""

    def __init__(self, postgres: Postgres, kafka: Kafka, place: Path) -> None:
        self._postgres = postgres
        self._kafka = kafka
        self._place = place
        self._made: dict[Path, City] = {}

    def copy(self, origin: Path, data: Path) -> City:
        """The embedded city at `origin`, as it is on PostgreSQL and Kafka, with its folder at `data`."""
        if origin not in self._made:
            self._made[origin] = self._transferred(origin)
        made = self._made[origin]
        return on_servers(copy_of(made.data, data), self._copied(made.url), self._kafka.servers)

    def new(self, data: Path) -> City:
        """A place for a city that is to be made."""
        return on_servers(data, self._postgres.database(), self._kafka.servers)

    def _transferred(self, origin: Path) -> City:
        city = self.new(self._place / f"transferred-{len(self._made)}")
        apart = copy_of(origin, self._place / f"origin-{len(self._made)}")
        city.told("transfer", str(apart))
        return city

    def _copied(self, database: str) -> str:
        """A database like this one, to which nobody is connected; the server copies its files."""
        fresh = self._postgres.database()
        names = {key: sql.Identifier(url.rpartition("/")[2]) for key, url in (("new", fresh), ("old", database))}
        with psycopg.connect(self._postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {new}").format(**names))
            connection.execute(sql.SQL("CREATE DATABASE {new} TEMPLATE {old}").format(**names))
        return fresh


def on_servers(data: Path, url: str, kafka: str) -> City:
    """A distributed city in the database at this address, with topics that no other city has."""
    parts = urlsplit(url)
    assert parts.username is not None
    assert parts.password is not None
    settings = {
        "database": f"postgresql://{parts.hostname}:{parts.port}{parts.path}",
        "database_user": parts.username,
        "database_password": unquote(parts.password),
        "kafka": kafka,
        "kafka_replication": "1",
        "kafka_topic_prefix": own_prefix(),
    }
    return City(DISTRIBUTED, data, settings, url)


class Copies:
    """Cities of one form."""

    def __init__(self, form: str, cities: Callable[[], Cities]) -> None:
        self.form = form
        self._cities = cities

    def of(self, origin: Path, data: Path) -> City:
        """The embedded city at `origin` in this form, to be written to, with its folder at `data`."""
        return City(EMBEDDED, copy_of(origin, data)) if self.form == EMBEDDED else self._cities().copy(origin, data)

    def new(self, data: Path) -> City:
        """A place for a city that is to be made."""
        return City(EMBEDDED, data) if self.form == EMBEDDED else self._cities().new(data)
