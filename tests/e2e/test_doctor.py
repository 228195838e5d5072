"""`bizenv doctor` on servers: it looks at all there is, whatever of it is away, and writes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from services.chassis.hosting.http_server import CITY_HEADER
from tests.e2e.forms import SERVICES, Cities, City, Fleet
from tests.processes import bizenv
from tests.servers import Kafka
from tests.waiting import eventually

AWAY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def served(cities: Cities, empty_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """All services in one process, with all events relayed."""
    found = Fleet(cities.copy(empty_city, tmp_path_factory.mktemp("doctor") / "var"))
    found.plan("all", *SERVICES)
    try:
        found.start("all")
        eventually(lambda: not examined(found)[1], 60, "all is well")
        yield found
    finally:
        found.kill()


def lines_of(city: City, **settings: str) -> tuple[list[str], list[str]]:
    """What is well and what is not; the exit code agrees, and nothing else is said."""
    done = city.bizenv("doctor", **settings)
    lines = done.stdout.splitlines()
    good = [line[2:] for line in lines if line.startswith("✓ ")]
    bad = [line[2:] for line in lines if line.startswith("✗ ")]
    assert len(good) + len(bad) == len(lines), done.stdout
    assert done.stderr == "", "no line of a log"
    assert done.returncode == (1 if bad else 0)
    return good, bad


def examined(fleet: Fleet, **settings: str) -> tuple[list[str], list[str]]:
    """With the ports and peers of the process that serves."""
    ports = fleet._ports["all"]
    return lines_of(fleet.city, **{**ports, **fleet._peers(), **settings})


def one(lines: list[str], *words: str) -> str:
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


def test_a_city_that_is_well(served: Fleet) -> None:
    good, bad = examined(served)
    assert bad == []
    assert "answers (15" in one(good, "PostgreSQL")
    assert "PLAINTEXT" in one(good, "Kafka")
    assert "behind; 由" in one(good, "policy_registry: 转发 relayed")
    assert one(good, "policy_registry: 主题完好")
    assert one(good, "projection: 视图落后 0 条")
    assert "a process of this city is ready" in one(good, "HTTP")
    assert "serving" in one(good, "gRPC 127.0.0.1")
    assert "metrics of bizenv's" in one(good, "metrics 127.0.0.1")
    assert len([line for line in good if line.startswith("BIZENV_PEERS")]) == 3


def test_postgresql_is_away(served: Fleet) -> None:
    port = served.city.settings["database"].rpartition(":")[2].partition("/")[0]
    good, bad = examined(served, database=served.city.settings["database"].replace(f":{port}/", ":9/"))
    assert "refused" in one(bad, AWAY)
    assert one(bad, "the database is away")
    assert one(good, "Kafka")
    assert one(good, "metrics of bizenv's")


def test_kafka_is_away(served: Fleet) -> None:
    good, bad = examined(served, kafka=AWAY)
    assert f"Kafka at {AWAY} does not answer" in one(bad)
    assert one(good, "PostgreSQL")
    assert one(good, "policy_registry: 转发 relayed")
    assert one(good, "projection: 视图落后 0 条")


class ElsewhereReady(BaseHTTPRequestHandler):
    """Answers as a process of another city does that is ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header(CITY_HEADER, "elsewhere")
        self.end_headers()
        self.wfile.write(json.dumps({"status": "ok", "troubles": [], "notices": []}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def test_another_city_and_another_program_at_the_ports(served: Fleet) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), ElsewhereReady) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        ours = served._ports["all"]
        theirs = {
            "http_port": str(other.server_port),
            "grpc_port": ours["http_port"],
            "metrics_port": ours["grpc_port"],
        }
        _, bad = examined(served, **theirs)
        other.shutdown()
    assert "serves another city (elsewhere)" in one(bad, "HTTP")
    assert "no answer over gRPC" in one(bad, "gRPC 127.0.0.1")
    assert "is not a process of bizenv's" in one(bad, "metrics 127.0.0.1")


def test_peers_that_are_not_there_or_have_something_else(served: Fleet) -> None:
    ours = served.grpc("all")
    good, bad = examined(served, peers=f"projection={AWAY},policy_registry={ours}")
    assert "no answer over gRPC" in one(bad, f"projection {AWAY}")
    assert "serving" in one(good, f"policy_registry {ours}")


def test_topics_that_were_altered_and_deleted(cities: Cities, empty_city: Path, tmp_path: Path, kafka: Kafka) -> None:
    fleet = Fleet(cities.copy(empty_city, tmp_path / "var"))
    fleet.plan("all")
    try:
        fleet.start("all")
        eventually(lambda: not examined(fleet)[1], 60, "all is relayed")
        assert fleet.stop() == [0]
    finally:
        fleet.kill()
    topic = f"{fleet.city.settings['kafka_topic_prefix']}policy_registry.events"
    with kafka.admin() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "60000"})])
        _, bad = lines_of(fleet.city)
        assert "retention.ms = 60000" in one(bad)
        admin.delete_topics([topic])
        _, bad = lines_of(fleet.city)
    assert "run bizenv relay restart" in one(bad)


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    done = bizenv(tmp_path / "var", "doctor")
    assert done.returncode == 1
    assert not (tmp_path / "var").exists()
    assert "the data folder is not there" in done.stdout


def test_settings_are_told_as_they_are(served: Fleet) -> None:
    assert f"BIZENV_KAFKA={served.city.settings['kafka']}" in served.city.told("doctor", "--settings")
    assert json.dumps(served.city.settings["database_password"])[1:-1] not in served.city.told("doctor", "--settings")
