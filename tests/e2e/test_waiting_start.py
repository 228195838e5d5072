"""What keeps a process of the distributed form from starting or from being ready: told in one precise sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from services.chassis.event_store import postgresql_function as function
from services.chassis.event_store.schema import REVISION
from tests import lives
from tests.clients import GrpcClient, HttpClient
from tests.e2e.callers import patiently
from tests.e2e.forms import SERVICES, Cities, City, Fleet, fleet
from tests.processes import refused
from tests.servers import Kafka
from tests.waiting import eventually

SOON = {"wait_for_servers_seconds": "0.5"}
"""For a process that shall not wait long for what does not come."""
READY_SECONDS = 90.0


@pytest.fixture(scope="module")
def unserved(cities: Cities, empty_city: Path, tmp_path_factory: pytest.TempPathFactory) -> City:
    """A city that no test of this module alters for good."""
    return cities.copy(empty_city, tmp_path_factory.mktemp("start") / "var")


@pytest.fixture
def own(cities: Cities, empty_city: Path, access: str, tmp_path: Path) -> City:
    """A copy for this test alone."""
    assert access
    return cities.copy(empty_city, tmp_path / "var")


def other(city: City, part: str, value: str) -> dict[str, str]:
    """The setting of the database's address with one part of it changed."""
    return {"database": city.settings["database"].replace(part, value)}


# --- what is asked for -----------------------------------------------------------------------------------------


def test_a_service_that_nobody_knows(unserved: City) -> None:
    sentence = unserved.refused("serve", "projection", "projecton")
    assert "no such service" in sentence
    assert "projecton" in sentence
    assert "policy_registry, project_tracking, projection" in sentence


def test_some_services_of_a_city_in_files(city: Path) -> None:
    assert "the embedded form serves all from one process" in refused(city, "serve", "projection")


# --- servers ---------------------------------------------------------------------------------------------------


def test_a_database_at_another_address(unserved: City) -> None:
    port = unserved.settings["database"].rpartition(":")[2].partition("/")[0]
    sentence = unserved.refused("serve", **SOON, **other(unserved, f":{port}/", ":9/"))
    assert "127.0.0.1:9" in sentence
    assert "refused" in sentence


def test_a_database_that_is_not_there(unserved: City) -> None:
    name = unserved.settings["database"].rpartition("/")[2]
    sentence = unserved.refused("serve", **SOON, **other(unserved, f"/{name}", "/nowhere"))
    assert '"nowhere" does not exist' in sentence


def test_a_wrong_password_of_the_database(unserved: City) -> None:
    sentence = unserved.refused("serve", "projection", **SOON, database_password="guessed")
    assert "password authentication failed" in sentence
    assert "guessed" not in sentence


def test_a_database_without_the_tls_that_is_asked_for(unserved: City) -> None:
    sentence = unserved.refused("serve", **SOON, database=f"{unserved.settings['database']}?sslmode=require")
    assert "SSL" in sentence


def test_brokers_at_another_address(unserved: City) -> None:
    sentence = unserved.refused("serve", "policy_registry", **SOON, kafka="127.0.0.1:9")
    assert "Kafka at 127.0.0.1:9 does not answer" in sentence


def test_brokers_without_the_tls_that_is_asked_for(unserved: City) -> None:
    sentence = unserved.refused("serve", **SOON, kafka_security="SSL")
    assert "does not take up TLS" in sentence


# --- what is in the database -----------------------------------------------------------------------------------


def test_a_database_without_a_city(cities: Cities, tmp_path: Path) -> None:
    assert "bizenv init" in cities.new(tmp_path / "var").refused("serve", "projection")


def test_a_database_of_a_newer_version(own: City) -> None:
    with own.database() as database:
        database.execute("UPDATE project_tracking.alembic_version SET version_num = '9001'")
    for command in (("serve", "project_tracking"), ("migrate",)):
        sentence = own.refused(*command)
        assert "9001" in sentence
        assert "upgrade" in sentence


def test_a_database_of_an_older_version_is_migrated_and_served(own: City) -> None:
    with own.database() as database:
        _make_older(database)
    assert "run bizenv migrate" in own.refused("serve", "project_tracking")
    assert f"project_tracking: 0001 → {REVISION}" in own.told("migrate")
    with fleet(own, ["policy_registry", "project_tracking"]) as processes:  # the one listens to the other's topic
        assert processes.stop() == [0, 0]


def _make_older(database: psycopg.Connection) -> None:
    """As the first version left it."""
    database.execute("SET search_path TO project_tracking")
    database.execute(function.DROP.encode())
    database.execute("DROP TABLE relays")
    database.execute("DROP TABLE leases")
    database.execute("ALTER TABLE streams RESET (fillfactor)")
    database.execute("UPDATE alembic_version SET version_num = '0001'")


# --- topics ----------------------------------------------------------------------------------------------------


@pytest.fixture
def planned(own: City) -> Iterator[Fleet]:
    """All services in one process, not yet started."""
    found = Fleet(own)
    found.plan("all")
    yield found
    found.kill()


def test_a_topic_with_another_number_of_partitions(planned: Fleet, kafka: Kafka, access: str) -> None:
    """Readiness says so; commands are recorded meanwhile, and all goes on once the topic is put right."""
    topic, command_id = f"{planned.city.settings['kafka_topic_prefix']}project_tracking.events", str(uuid4())
    with ExitStack() as opened:
        admin = opened.enter_context(kafka.admin())
        made = {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "-1"}}
        admin.create_topics({topic: made}, wait_for_metadata=True)
        server = planned.begin("all").announce()
        eventually(lambda: "partitions = 3" in "".join(server.troubles()), READY_SECONDS, "the number is told")
        assert httpx.get(f"{server.http}/readyz", timeout=30).status_code == 503
        door = opened.enter_context(GrpcClient(server.grpc, access))
        receipt = patiently(lambda: door.do(lives.registration("kept"), command_id))
        admin.delete_topics([topic])
        server.ready(READY_SECONDS)
        assert door.ask("GetProject", project_id="kept", token=receipt.token)["line"]["version"] == str(receipt.version)
    assert server.stop() == 0
    assert any("partitions = 3" in line for line in server.logged), server.log()


def test_a_topic_that_would_let_records_go(planned: Fleet, kafka: Kafka, access: str) -> None:
    topic = f"{planned.city.settings['kafka_topic_prefix']}policy_registry.events"
    server = planned.start("all")
    assert server.stop() == 0
    with kafka.admin() as admin:
        _keep_for(admin, topic, "60000")
        server = planned.begin("all").announce()
        eventually(lambda: "retention.ms = 60000" in "".join(server.troubles()), READY_SECONDS, "the setting is told")
        _keep_for(admin, topic, "-1")
    server.ready(READY_SECONDS)
    with HttpClient(server.http, access) as client:
        assert list(client.events(SERVICES[0]))
    assert server.stop() == 0


def _keep_for(admin: KafkaAdminClient, topic: str, milliseconds: str) -> None:
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": milliseconds})])
