"""The rehearsal as a newcomer gets it from `make run`: made once, served where it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.processes import PROGRAMME, copy_of, serving, told


@pytest.fixture
def rehearsed(rehearsed_city: Path, tmp_path: Path) -> Path:
    """A copy for this test alone."""
    return copy_of(rehearsed_city, tmp_path / "var")


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Of each file what it holds and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


def test_a_rehearsal_is_made_if_it_is_missing_and_left_alone_if_it_is_there(tmp_path: Path) -> None:
    data, order = tmp_path / "var", ("rehearse", "--if-missing", "--programme", PROGRAMME, "--until")
    assert "rehearsal made" in told(data, *order, "2017-01-03")
    made = contents(data)
    for again in ("2017-01-03", "2017-01-05"):
        assert told(data, *order, again, "--seed", "2") == ""
        assert contents(data) == made


def test_every_address_that_is_printed_answers(rehearsed: Path) -> None:
    with serving(rehearsed) as server:
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
