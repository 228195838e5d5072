"""`bizenv relay`: an operator sees how far the events were brought, and has a deleted topic filled again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg import sql

from tests.e2e.forms import Cities, City, fleet
from tests.processes import refused
from tests.servers import Kafka
from tests.waiting import eventually


@pytest.fixture
def city_of_several(cities: Cities, empty_city: Path, tmp_path: Path) -> City:
    return cities.copy(empty_city, tmp_path / "distributed")


def relayed(city: City, service: str) -> bool:
    """Whether everything that the store holds was brought to its topic."""
    with city.database() as database:
        query = sql.SQL("SELECT (SELECT max(position) FROM {s}.events) = (SELECT position FROM {s}.relays)")
        row = database.execute(query.format(s=sql.Identifier(service))).fetchone()
    return row is not None and row[0] is True


def test_a_deleted_topic_is_named_and_filled_again(city_of_several: City, kafka: Kafka) -> None:
    city = city_of_several
    assert "nothing of policy_registry was relayed yet" in city.bizenv("relay", "restart", "policy_registry").stderr
    assert "nobody relays now" in city.told("relay", "status")
    with fleet(city, plan={"all": ()}) as served:
        eventually(lambda: relayed(city, "policy_registry"), 60, "relayed at first")
        with kafka.admin() as admin:
            admin.delete_topics([f"{city.settings['kafka_topic_prefix']}policy_registry.events"])
        done = city.bizenv("relay", "status")
        assert done.returncode == 1
        assert re.search(r"policy_registry: ✗ .*run bizenv relay restart.* · by ", done.stdout)
        assert "project_tracking: ✓" in done.stdout
        assert "projection" not in done.stdout, "it records nothing"
        city.told("relay", "restart", "policy_registry")
        eventually(lambda: relayed(city, "policy_registry"), 60, "relayed again")
        eventually(lambda: not served.front.troubles(), 60, "relay and readers of the topic are well again")
        assert "✗" not in city.told("relay", "status")
        assert '"ok":true' in city.told("audit", "flow", "--json")


def test_what_is_asked_of_the_wrong_city_is_refused(city_of_several: City, city: Path) -> None:
    assert "known: policy_registry" in city_of_several.refused("relay", "restart", "elsewhere")
    assert "the embedded form relays nothing" in refused(city, "relay", "status")
