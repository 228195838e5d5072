"""The rehearsal as a newcomer gets it from `make run` or `make up-local`: made once, served where it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.forms import City, Copies, fleet
from tests.processes import PROGRAMME


@pytest.fixture
def rehearsed(copies: Copies, rehearsed_city: Path, tmp_path: Path) -> City:
    """A copy for this test alone."""
    return copies.of(rehearsed_city, tmp_path / "var")


def contents(city: City) -> object:
    """Of each file what it holds and when it was written, and what the database holds."""
    files = [path for path in city.data.rglob("*") if path.is_file()]
    found = {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}
    return found, city.events() if city.distributed else None


def test_a_rehearsal_is_made_if_it_is_missing_and_left_alone_if_it_is_there(copies: Copies, tmp_path: Path) -> None:
    city = copies.new(tmp_path / "var")
    order = ("rehearse", "--if-missing", "--programme", PROGRAMME, "--until")
    assert "rehearsal made" in city.told(*order, "2017-01-03")
    made = contents(city)
    for again in ("2017-01-03", "2017-01-05"):
        assert city.told(*order, again, "--seed", "2") == ""
        assert contents(city) == made


def test_every_address_that_is_printed_answers(rehearsed: City) -> None:
    with fleet(rehearsed) as processes:
        server = processes.front
        lines = [line.split() for line in server.announced]
        assert server.announced[0].startswith(
            "bizenv 已就绪 · ready (演练数据,纯属虚构 · rehearsal, invented; 2017-09-29)"
        )
        printed = {line[1]: line[2] for line in lines if len(line) > 2} | {"gRPC": server.grpc}
        assert printed["cockpit"] == f"{server.http}/"
        assert printed["stop"] == "Ctrl-C"
        with httpx.Client(follow_redirects=True, timeout=30) as browser:
            assert browser.get(printed["cockpit"]).status_code == 401
            arrived = browser.get(printed["login"])
            assert (arrived.status_code, "演练数据" in arrived.text) == (200, True)
            assert browser.get(printed["cockpit"]).status_code == 200
            assert browser.get(printed["API"]).json()["openapi"].startswith("3.")
            assert "bizenv_build" in browser.get(printed["metrics"]).text
        with grpc.insecure_channel(printed["gRPC"]) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
