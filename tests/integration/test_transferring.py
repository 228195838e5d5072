"""A city's facts moved from its folder into PostgreSQL: the same, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.event_store import EventStore, StoreUnusable
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.hosting.serving import keep_logs
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.settings import Settings
from services.chassis.sinks.database import SinkDatabase
from services.chassis.truth import verify
from services.chassis.upkeep.transferring import transfer
from tests.sample_service import UNLUCKY, Add, OpenCounter, do, open_city, sample_service
from tests.servers import Postgres

SERVICES = (sample_service(),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A city of some facts, one of them set aside by the reactions, with signed heads."""
    settings = Settings(data=tmp_path)
    with closing(open_city(tmp_path, settings=settings)) as city:
        keep_logs(city, settings)
        for name in ("a", "b", "c"):
            do(city, OpenCounter(counter=name, unit="130602"), *(Add(counter=name, amount=n) for n in range(1, 20)))
        do(city, Add(counter="a", amount=UNLUCKY))
        city.settle()
    return tmp_path


@pytest.fixture
def url(postgres: Postgres) -> URL:
    return make_url(postgres.database())


@pytest.fixture
def copied(folder: Path, url: URL) -> Iterator[EventStore]:
    told: list[tuple[int, int]] = []
    counts = transfer(folder, SERVICES, url, opened(url), lambda _name, done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert counts == {"sample": told_positions(folder)}
    with closing(EventStore(PostgresDialect(url, "sample"), "sample")) as store:
        yield store


def opened(url: URL) -> Callable[[str], SinkDatabase]:
    def reactions(service: str) -> SinkDatabase:
        return SinkDatabase(PostgresSchema(url.render_as_string(hide_password=False), f"{service}_reactions"))

    return reactions


def told_positions(folder: Path) -> int:
    with closing(open_city(folder)) as city:
        return city.stores["sample"].last_position()


def test_every_fact_is_there_as_it_was(folder: Path, copied: EventStore) -> None:
    with closing(open_city(folder)) as city:
        assert list(copied.scan()) == list(city.stores["sample"].scan())
        assert copied.info == city.info
        first = next(copied.scan())
        assert copied.find_command(first.command_id) == city.stores["sample"].find_command(first.command_id)


def test_the_log_is_good_there(folder: Path, copied: EventStore) -> None:
    report = verify(copied, folder / "published", signing_key(folder / "keys", TRUTH_KEY).public_key())
    assert report.ok
    assert report.events == report.covered > 0


def test_reactions_go_on_where_they_were(folder: Path, copied: EventStore, url: URL) -> None:
    with closing(opened(url)("sample")) as there, closing(open_city(folder)) as city:
        here = city.hosts["sample"]._reactions
        positions = {source: (at.epoch, at.position) for source, at in here.read_checkpoints().items()}
        assert {source: (at.epoch, at.position) for source, at in there.read_checkpoints().items()} == positions
        assert all(at.offset == 0 for at in there.read_checkpoints().values())
        assert there.read_parked() == here.read_parked() != []


def test_a_database_that_holds_a_city_is_left_alone(folder: Path, copied: EventStore, url: URL) -> None:
    before = list(copied.scan())
    with pytest.raises(StoreUnusable, match="already"):
        transfer(folder, SERVICES, url, opened(url), lambda *_: None)
    assert list(copied.scan()) == before


def test_nothing_is_there_when_it_was_interrupted(folder: Path, url: URL) -> None:
    def stop(_name: str, done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer(folder, SERVICES, url, opened(url), stop)
    assert transfer(folder, SERVICES, url, opened(url), lambda *_: None)["sample"] > 0


def test_an_odd_password_is_taken_as_it_is(folder: Path, url: URL, postgres: Postgres) -> None:
    role, password = f"odd_{url.database}", "it's a/$ecret + 100%"
    with psycopg.connect(postgres.as_superuser(url.render_as_string(hide_password=False))) as connection:
        name, owned = sql.Identifier(role), sql.Identifier(url.database or "")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
        connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(owned, name))
    theirs = url.set(username=role, password=password)
    assert transfer(folder, SERVICES, theirs, opened(theirs), lambda *_: None)["sample"] > 0


def test_a_folder_without_a_store_is_refused(folder: Path, url: URL, tmp_path: Path) -> None:
    (tmp_path / "sample" / "events.sqlite").rename(tmp_path / "sample" / "gone.sqlite")
    with pytest.raises(StoreUnusable, match="missing"):
        transfer(folder, SERVICES, url, opened(url), lambda *_: None)
