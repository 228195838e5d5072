"""A record that looks like the next event of its partition, on the topic of a city at work: nothing follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis.envelope import partition_of
from tests import lives
from tests.clients import HttpClient
from tests.e2e.forms import Cities, City, Fleet, fleet
from tests.faults.distributed.stray import Stray
from tests.servers import Kafka
from tests.waiting import eventually


@pytest.fixture
def city(cities: Cities, empty_city: Path, tmp_path: Path) -> City:
    return cities.copy(empty_city, tmp_path / "distributed")


@pytest.fixture
def served(city: City) -> Iterator[Fleet]:
    with fleet(city, plan={"all": ()}) as processes:
        yield processes


class Forger(Stray):
    """Sends the last record of a stream's partition once more as the event behind it."""

    stream = ""

    def _partitions(self, consumer: Any) -> set[int]:
        return {partition_of(self.stream, len(super()._partitions(consumer)))}

    def forge(self) -> None:
        last = self.take(newest=True)[-1]
        position = int(dict(last.headers)["ce_position"])
        other = {"ce_position": str(position + 1).encode(), "ce_previous": str(position).encode()}
        headers = [(name, other.get(name, value)) for name, value in last.headers]
        self.send([last._replace(headers=headers)])


def checkpoints(city: City) -> dict[str, list[tuple[int, int]]]:
    """Per consumer, the partition and position that it says it has applied of project_tracking."""
    found = {}
    with city.database() as database:
        for schema in (f"projection_views_{city.generation()}", "project_tracking_reactions"):
            query = f"SELECT partition, position FROM {schema}.checkpoints WHERE service = 'project_tracking'"
            found[schema] = [(row[0], row[1]) for row in database.execute(query.encode())]
    return found


def test_what_is_recorded_behind_it_reaches_views_and_reactions(
    city: City, served: Fleet, access: str, kafka: Kafka
) -> None:
    with HttpClient(served.front.http, access) as client:
        client.do(lives.registration("p"))
        receipt = client.do(lives.weekly("p", 0))
        client.ask("GetProject", project_id="p", token=receipt.token)
        forger = Forger(kafka.servers, f"{city.settings['kafka_topic_prefix']}project_tracking.events", 1)
        forger.stream = receipt.stream
        forger.forge()
        eventually(lambda: "foreign record skipped" in served.log(), 60, "it is told")
        for week in range(1, 4):
            receipt = client.do(lives.weekly("p", week))
            answer = client.ask("GetProject", project_id="p", token=receipt.token)
            assert int(answer["line"]["version"]) == receipt.version
    told = city.told("rebuild", "projection")
    assert "built from" in told
    done = city.bizenv("audit", "flow")
    assert done.returncode == 1, "somebody wrote on the topic"
    assert "VIEW" not in done.stdout
    assert "CHECKPOINT" not in done.stdout
    positions = {envelope for found in checkpoints(city).values() for envelope in found}
    with city.database() as database:
        rows = database.execute("SELECT partition, position FROM project_tracking.events").fetchall()
    assert positions <= {(row[0], row[1]) for row in rows}
    assert served.stop() == [0]


def test_a_checkpoint_that_went_astray_is_found_and_set_right(city: City, served: Fleet, access: str) -> None:
    """As a version that did not ask the store may have left it."""
    with HttpClient(served.front.http, access) as client:
        client.do(lives.registration("p"))
        receipt = client.do(lives.weekly("p", 0))
        client.ask("GetProject", project_id="p", token=receipt.token)
        client.do(lives.registration("q"))
    eventually(lambda: "behind 0" in city.told("audit", "flow", "--service", "project_tracking"), 60, "all is applied")
    assert served.stop() == [0]
    with city.database() as database:
        row = database.execute(
            "SELECT partition, position FROM project_tracking_reactions.checkpoints WHERE service = 'project_tracking' "
            "AND position < (SELECT max(position) FROM project_tracking.events) ORDER BY position DESC LIMIT 1"
        ).fetchone()
        assert row is not None
        database.execute(
            "UPDATE project_tracking_reactions.checkpoints SET position = position + 1 "
            "WHERE service = 'project_tracking' AND partition = %s",
            (row[0],),
        )
    done = city.bizenv("audit", "flow", "--service", "project_tracking")
    assert done.returncode == 1
    assert f"CHECKPOINT reactions project_tracking/{row[0]}" in done.stdout
    told = city.told("rebuild", "project_tracking")
    assert f"reactions set back from {row[1] + 1} to {row[1]}" in told
    assert "✗" not in city.told("audit", "flow")
