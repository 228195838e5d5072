"""A city whose Kafka wants TLS and a password and whose PostgreSQL shows a certificate: served, audited, and refused to
whoever trusts another authority."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka.server import Security
from tests import lives
from tests.certificates import Authority
from tests.clients import HttpClient
from tests.e2e.forms import Cities, City, fleet
from tests.processes import copy_of
from tests.servers import kafka_server, postgres_server

PROCESSES = {"recording": ("policy_registry", "project_tracking"), "showing": ("projection",)}
USER, PASSWORD = "bizenv", "right"


@pytest.fixture(scope="module")
def guarded(empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    assert access
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    identity = authority.identity()
    security = Security("SASL_SSL", USER, PASSWORD, identity, authority.certificate)
    with postgres_server(durable=False, identity=identity) as postgres, kafka_server(security=security) as kafka:
        city = Cities(postgres, kafka, folder).new(folder / "var")
        city.settings.update(
            database=f"{city.settings['database']}?sslmode=verify-full&sslrootcert={authority.certificate}",
            kafka_security="SASL_SSL",
            kafka_user=USER,
            kafka_password=PASSWORD,
            kafka_ca_file=str(authority.certificate),
        )
        city.told("transfer", str(copy_of(empty_city, folder / "origin")))
        yield city


def test_a_city_is_served_over_tls_and_passwords(guarded: City) -> None:
    with fleet(guarded, plan=PROCESSES) as served, HttpClient(served.front.http, guarded.token("city_group")) as client:
        receipt = client.do(lives.registration("guarded"))
        shown = client.ask("GetProject", project_id="guarded", token=receipt.token)
        assert shown["line"]["version"] == receipt.version == 1
        with guarded.database() as database:
            clear = database.execute(
                "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
                "WHERE application_name LIKE 'bizenv%' AND NOT ssl"
            ).fetchone()
        assert clear == (0,)
        assert served.stop() == [0, 0]
        assert served.complaints() == []
    for audit in (("audit", "flow"), ("audit", "verify"), ("audit", "verify", "--from", "kafka")):
        assert "✗" not in guarded.told(*audit)


def test_who_trusts_another_authority_comes_in_nowhere(guarded: City, tmp_path: Path) -> None:
    stranger = str(Authority(tmp_path).certificate)
    base = guarded.settings["database"].partition("&")[0]
    city = dataclasses.replace(guarded, settings={**guarded.settings, "wait_for_servers_seconds": "0.5"})
    assert "certificate verify failed" in city.refused("serve", database=f"{base}&sslrootcert={stranger}")
    assert "certificate that is not trusted" in city.refused("serve", kafka_ca_file=stranger)
    assert "refuses the user bizenv or the password" in city.refused("serve", kafka_password="wrong")
