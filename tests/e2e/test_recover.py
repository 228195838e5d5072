"""A distributed city whose database was put back from a backup, as an operator brings it up again; and its audits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from services.chassis.event_store import EventStore
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.kafka.cluster import Cluster
from tests import lives
from tests.clients import HttpClient
from tests.e2e.forms import SERVICES, Cities, City, Fleet
from tests.kafka_topics import Publisher, access_to
from tests.servers import Kafka, Postgres

FIRST, SECOND = ("p1", "p2", "p3"), ("p4", "p5", "p6")


@pytest.fixture
def city(cities: Cities, empty_city: Path, access: str, tmp_path: Path) -> City:
    assert access
    return cities.copy(empty_city, tmp_path / "var")


@contextmanager
def served_by_one(city: City) -> Iterator[Fleet]:
    """One process for all services: what is tried here is not how they find each other."""
    found = Fleet(city)
    found.plan("all", *SERVICES)
    try:
        found.start("all")
        yield found
    finally:
        found.kill()


def live(city: City, access: str, *projects: str) -> dict[str, str]:
    """Serve the city for these registrations, audited on the way; the position token of each."""
    with served_by_one(city) as served:
        with HttpClient(served.front.http, access) as client:
            tokens = {project: client.do(lives.registration(project)).token for project in projects}
            for project, token in tokens.items():
                assert client.ask("GetProject", project_id=project, token=token)["line"]["version"] == 1
            assert "✗" not in city.told("audit", "flow")
        assert set(served.stop()) == {0}, served.log()
    return tokens


def backed_up(postgres: Postgres, city: City) -> City:
    """The same city on a copy of its database as it is now."""
    fresh = postgres.database()
    names = {key: sql.Identifier(url.rpartition("/")[2]) for key, url in (("new", fresh), ("old", city.url))}
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {new}").format(**names))
        connection.execute(sql.SQL("CREATE DATABASE {new} TEMPLATE {old}").format(**names))
    parts = urlsplit(fresh)
    settings = {**city.settings, "database": f"postgresql://{parts.hostname}:{parts.port}{parts.path}"}
    return City(city.form, city.data, settings, fresh)


def test_a_database_put_back_from_a_backup_gets_back_what_it_lost(
    postgres: Postgres, city: City, access: str, tmp_path: Path
) -> None:
    tokens = live(city, access, *FIRST)
    backup = backed_up(postgres, city)
    tokens |= live(city, access, *SECOND)
    before = city.events()
    city = backup
    done = city.bizenv("audit", "flow")
    assert done.returncode == 1, done.stdout
    assert "UNKNOWN_TO_STORE" in done.stdout
    assert "bizenv recover --service project_tracking" in done.stdout
    order = msgspec.json.encode(lives.registration("new")).decode()
    assert "bizenv recover" in city.refused("do", "RegisterProject", "--json", order, "--token", access)
    for service in SERVICES:
        said = city.told("recover", "--service", service)
        assert "may be missing" not in said
        assert "given up" not in said
    assert city.events() == before
    with served_by_one(city) as served:
        with HttpClient(served.front.http, access) as client:
            tokens["p7"] = client.do(lives.registration("p7")).token
            for project, token in tokens.items():
                assert client.ask("GetProject", project_id=project, token=token)["line"]["version"] == 1
            assert json.loads(city.told("audit", "flow", "--json"))["ok"]
            assert "✗" not in city.told("audit", "verify")
        assert set(served.stop()) == {0}, served.log()
    key = tmp_path / "auditor.pub"
    key.write_bytes((city.data / "published" / "truth.pub").read_bytes())
    said = city.told("audit", "verify", "--from", "kafka", "--key", str(key))
    assert said.count("✓") == len(SERVICES) - 1, said  # projection records nothing


def forge(kafka: Kafka, city: City, service: str) -> int:
    """Write a copy of a service's newest event behind it on its topic, as somebody else might; returns its position."""
    with closing(EventStore(PostgresDialect(make_url(city.url), service), service)) as store:
        newest = list(store.scan())[-1]
    forged = msgspec.structs.replace(
        newest, position=newest.position + 1, version=newest.version + 1, command_id=str(UUID(int=7))
    )
    with closing(Publisher(kafka)) as publisher:
        publisher.cluster.close()
        publisher.cluster = Cluster(access_to(kafka), city.settings["kafka_topic_prefix"])
        publisher.send(forged, newest.position)
        publisher.flush()
    return forged.position


@pytest.mark.timeout(600)
def test_a_foreign_record_is_listed_and_left_behind(kafka: Kafka, city: City, access: str) -> None:
    live(city, access, "p1")
    before = city.events()
    position = forge(kafka, city, "project_tracking")
    assert "which lists those that are unproved" in _refusal(city, access)
    recover = ("recover", "--service", "project_tracking")
    done = city.bizenv(*recover)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"  {position} '" in done.stdout
    assert f"command='{UUID(int=7)}'" in done.stdout
    assert "--accept-unproved" in done.stderr
    said = city.told(*recover, "--leave-unproved")
    assert "1 events of the topic were given up, run: bizenv rebuild" in said
    assert city.events() == before
    live(city, access, "p2")  # audited on the way: views pass over what was left


def _refusal(city: City, access: str) -> str:
    order = msgspec.json.encode(lives.registration("refused")).decode()
    return city.refused("do", "RegisterProject", "--json", order, "--token", access)


def test_a_city_at_work_is_not_recovered(city: City) -> None:
    with served_by_one(city) as served:
        assert "stop all its processes first" in city.refused("recover", "--service", "project_tracking")
        assert set(served.stop()) == {0}, served.log()
    assert "no such service" in city.refused("recover", "--service", "nobody")


def test_nothing_can_be_recovered_in_one_process(empty_city: Path) -> None:
    assert "run bizenv restored" in City("embedded", empty_city).refused("recover", "--service", "projection")


def test_an_audit_without_kafka_says_so_and_ends_with_2(city: City) -> None:
    away = {"kafka": "127.0.0.1:1"}
    for command in (("audit", "flow"), ("audit", "verify", "--from", "kafka")):
        done = city.bizenv(*command, **away)
        assert done.returncode == 2, done.stdout
        assert "127.0.0.1:1" in done.stderr
        assert "Traceback" not in done.stderr
