"""With which code a command ends (services/cli/README.md): 0 well, 1 the answer is no, 2 it could not be tried."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from services.cli.exit_codes import Exit
from tests.e2e.forms import Cities, City
from tests.processes import PROGRAMME

AWAY = {"kafka": "127.0.0.1:9", "wait_for_servers_seconds": "0.5"}
MAKE = ("init", "--programme", PROGRAMME)


@pytest.fixture(scope="module")
def unserved(cities: Cities, empty_city: Path, tmp_path_factory: pytest.TempPathFactory) -> City:
    return cities.copy(empty_city, tmp_path_factory.mktemp("codes") / "var")


@pytest.fixture
def newer(cities: Cities, empty_city: Path, tmp_path: Path) -> City:
    """Its database was migrated by a build that is yet to come."""
    city = cities.copy(empty_city, tmp_path / "var")
    with city.database() as database:
        database.execute("UPDATE policy_registry.alembic_version SET version_num = '9001'")
    return city


@pytest.mark.parametrize(
    "command",
    [("rebuild",), ("relay", "status"), ("audit", "flow"), ("audit", "verify", "--from", "kafka"), ("serve",)],
)
def test_what_needs_kafka_is_not_tried_without_it(unserved: City, command: tuple[str, ...]) -> None:
    assert "Kafka" in unserved.refused(*command, **AWAY)


def test_no_city_is_made_without_kafka(cities: Cities, tmp_path: Path) -> None:
    place = cities.new(tmp_path / "var")
    assert "Kafka" in place.refused(*MAKE, **AWAY)
    assert not (place.data / "origin").exists()


@pytest.mark.parametrize("command", [("relay", "restart", "policy_registry"), ("relay", "status"), ("rebuild",)])
def test_a_newer_database_is_left_alone(newer: City, command: tuple[str, ...]) -> None:
    assert "9001" in newer.refused(*command)


def test_an_audit_accuses_no_newer_database(newer: City) -> None:
    done = newer.bizenv("audit", "verify")
    assert done.returncode == Exit.NOT_TRIED
    assert "not audited" in done.stderr
    assert "✗" not in done.stdout
    assert "project_tracking: ✓" in done.stdout


def test_a_city_is_made_once(unserved: City, tmp_path: Path) -> None:
    """Whatever lies in the folder: the database is looked at before anything is made."""
    other = City(unserved.form, tmp_path / "other", unserved.settings, unserved.url)
    assert "this database has a city already" in other.refused(*MAKE)
    assert not list(other.data.glob("*")), "nothing was made"


def test_an_audit_of_topics_makes_no_key(unserved: City, tmp_path: Path) -> None:
    auditor = City(unserved.form, tmp_path / "auditor", unserved.settings, unserved.url)
    assert "--key" in auditor.refused("audit", "verify", "--from", "kafka")
    assert not auditor.data.exists()


def test_a_taken_port_while_servers_are_waited_for(unserved: City) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = str(listening.getsockname()[1])
        sentence = unserved.refused("serve", http_port=port, kafka="127.0.0.1:9")
    assert f"127.0.0.1:{port}" in sentence
    assert "BIZENV_HTTP_PORT sets another" in sentence


def test_a_certificate_that_is_none_is_refused_at_once(unserved: City, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    settings = {"kafka_security": "SSL", "kafka_ca_file": str(tmp_path / "ca.pem")}
    assert "BIZENV_KAFKA_CA_FILE" in unserved.refused("serve", **settings)
