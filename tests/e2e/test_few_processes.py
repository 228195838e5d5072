"""A city of which not all processes are there yet, and one whose processes ask each other over TLS."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests import lives
from tests.certificates import Authority
from tests.clients import HttpClient, Refused
from tests.e2e.forms import Cities, City, Fleet, fleet
from tests.waiting import eventually

READY_SECONDS = 60.0


@pytest.fixture
def own(cities: Cities, empty_city: Path, access: str, tmp_path: Path) -> City:
    """A copy for this test alone."""
    assert access
    return cities.copy(empty_city, tmp_path / "var")


def test_a_process_waits_for_the_topic_of_a_service_that_nobody_has_served(own: City, access: str) -> None:
    """It names the topic and decides nothing without the other's facts; both go on once the other is started."""
    found = Fleet(own)
    for service in ("policy_registry", "project_tracking"):
        found.plan(service, service)
    try:
        alone = found.begin("project_tracking").announce()
        topic = f"the topic {own.settings['kafka_topic_prefix']}policy_registry.events is not there (yet)"
        eventually(lambda: topic in "".join(alone.troubles()), READY_SECONDS, "the topic is named")
        assert httpx.get(f"{alone.http}/livez", timeout=30).status_code == 200
        assert httpx.get(f"{alone.http}/readyz", timeout=30).status_code == 503
        with HttpClient(alone.http, access) as client:
            with pytest.raises(Refused, match="facts of policy_registry are not here yet"):
                client.do(lives.registration("early"))
            found.start("policy_registry")
            alone.ready(READY_SECONDS)
            assert client.do(lives.registration("early")).version == 1
        assert any("consumer waits" in line and topic in line for line in alone.logged), alone.log()
        assert found.stop() == [0, 0]
    finally:
        found.kill()


def test_processes_that_ask_each_other_over_tls(own: City, access: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = str(authority.identity())
    tls = {"grpc_certificate_file": identity, "grpc_key_file": identity, "peers_ca_file": str(authority.certificate)}
    with fleet(own, None, None, **tls) as served, HttpClient(served.front.http, access) as client:
        token = client.do(lives.registration("sealed")).token
        assert client.ask("GetProject", project_id="sealed", token=token)["line"]["version"] == 1
        assert set(served.stop()) == {0}, served.log()
        assert served.complaints() == []
