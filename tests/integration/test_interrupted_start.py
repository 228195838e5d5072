"""A start that loses its servers in its middle waits for them and begins again, at whatever point that is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from deploy.processes import free_port
from services.catalogue import SERVICES
from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreKind, StoreUnusable
from services.chassis.event_store.opening import create_store
from services.chassis.event_store.store_info import new_store_info
from services.chassis.forms.distributed import DistributedForm
from services.chassis.hosting import waiting_start
from services.chassis.hosting.city import City
from services.chassis.hosting.waiting_start import start_with_servers
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock
from tests.e2e.forms import on_servers
from tests.servers import Kafka, Postgres, kafka_server, postgres_server

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A connection that is cut off before its first question is answered is closed by being forgotten; psycopg tells so."""

STRIDE = 23
"""Every so many statements of a start one is cut off."""


class Place(NamedTuple):
    """Servers that this module may stop, and where a city is on them."""

    postgres: Postgres
    kafka: Kafka
    settings: Settings
    url: str

    def form(self) -> DistributedForm:
        return DistributedForm(self.settings, [service.name for service in SERVICES])

    def start(self) -> City:
        """As `bizenv serve` does."""
        with closing(self.form()) as form:
            return start_with_servers(form.reach, self.open, self.settings)

    def open(self) -> City:
        form = self.form()
        try:
            return City(form, SERVICES, self.settings, city_clock(form, SERVICES))
        except BaseException:
            form.close()
            raise

    def cut_off(self) -> None:
        """End every connection to the database, as a server that crashed and is back at once."""
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            name = self.url.rpartition("/")[2]
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Kafka]]:
    with postgres_server() as postgres, kafka_server() as kafka:
        yield postgres, kafka


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_start, "LOOK_SECONDS", 0.02)


@pytest.fixture
def place(servers: tuple[Postgres, Kafka], tmp_path: Path) -> Place:
    """A city that nobody has started yet: its first start makes views and all that is beside the facts."""
    postgres, kafka = servers
    city = on_servers(tmp_path / "var", postgres.database(), kafka.servers)
    given = {f"BIZENV_{name.upper()}": value for name, value in city.settings.items()}
    settings = Settings.load({**given, "BIZENV_DATA": str(city.data), "BIZENV_HTTP_PORT": str(free_port())})
    found = Place(postgres, kafka, settings, city.url)
    about = {"store_id": str(uuid4()), "kind": StoreKind.REAL, "programme": "baoding-2017", "partitions": 12}
    with closing(found.form()) as form:
        for service in SERVICES:
            info = new_store_info(service=service.name, created_at=datetime.now(UTC), **about)  # type: ignore[arg-type]
            create_store(form.dialect(service.name), info)
    return found


@contextmanager
def at_statement(number: int, happens: Callable[[], object] = lambda: None) -> Iterator[list[str]]:
    """Let something happen before this statement of this thread; yields all of them."""
    told: list[str] = []
    starting = threading.get_ident()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.get_ident() == starting:
            told.append(statement)
            if len(told) == number:
                happens()

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def is_whole(city: City) -> bool:
    return set(city.hosts) == {service.name for service in SERVICES} and all(
        host.fault is None and list(host.followers) for host in city.hosts.values() if host.service.listens_to
    )


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_cut_off_at_any_statement(place: Place) -> None:
    before = threads()
    number = cut = 1
    while cut:
        with at_statement(number, place.cut_off) as told:
            city = place.start()
        assert is_whole(city)
        city.close()
        cut = int(len(told) >= number)
        number += STRIDE
    assert number > 3 * STRIDE, "a start asks for more than that"
    assert threads() <= before, "nothing is left of the starts that failed"


@pytest.mark.parametrize("number", [15, 80])
def test_the_database_is_away_for_a_while(place: Place, number: int) -> None:
    back = threading.Timer(1.0, place.postgres.start)

    def stop() -> None:
        place.postgres.stop()
        back.start()

    with at_statement(number, stop):
        city = place.start()
    back.join()
    assert is_whole(city)
    city.close()


def test_kafka_goes_away_in_the_middle(place: Place) -> None:
    """Only the look before the start asks it; relay and consumers wait for it by themselves."""
    with at_statement(5, place.kafka.stop):
        city = place.start()
    place.kafka.start()
    assert is_whole(city)
    city.close()


def test_what_waiting_does_not_mend_ends_it_at_once(place: Place) -> None:
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("UPDATE project_tracking.alembic_version SET version_num = '9001'")
    with pytest.raises(StoreUnusable, match="9001"):
        place.start()


def test_it_ends_in_time_where_the_database_stays_away(place: Place) -> None:
    impatient = place._replace(settings=msgspec.structs.replace(place.settings, wait_for_servers_seconds=0.5))
    try:
        with at_statement(9, place.postgres.stop), pytest.raises((StoreUnusable, Unavailable, DBAPIError)):
            impatient.start()
    finally:
        place.postgres.start()
