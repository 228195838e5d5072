"""The process dies at each named point once: nothing acknowledged is lost, nothing is done twice, views are whole."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from services.chassis.faults import POINTS
from services.chassis.gateway import Receipt
from tests import lives
from tests.clients import GrpcClient, HttpClient, Lost
from tests.faults.check import check_log, check_positions, check_views, open_stores
from tests.processes import Server, bizenv, serving, told
from tests.waiting import eventually

KILLED = -9
SERVING_POINTS = sorted(point for point in POINTS if not point.startswith("rebuild."))
REBUILD_POINTS = sorted(POINTS - set(SERVING_POINTS))
SETTINGS = {"tree_head_seconds": "0.2"}


def whole(data: Path) -> None:
    """After a clean stop: no gap, nothing altered, views as a replay gives them."""
    wrong = list(check_views(data))
    for name, store in open_stores(data).items():
        wrong += [*check_positions(name, list(store.scan())), *check_log(data, store)]
        store.close()
    assert wrong == []


@pytest.mark.parametrize("point", SERVING_POINTS)
def test_a_server_that_dies_at_a_point_takes_up_where_it_was(city: Path, access: str, point: str) -> None:
    project, command_id = "p-1", str(uuid4())
    answered = _until_death(Server(city, fault=point, **SETTINGS), access, project, command_id)

    with serving(city, **SETTINGS) as server:
        client = HttpClient(server.http, access)
        again = client.do(lives.registration(project), command_id)
        assert answered in (None, msgspec.structs.replace(again, repeated=False))
        events = [event for event in client.events("project_tracking") if event["subject"] == again.stream]
        assert [event["commandid"] for event in events] == [command_id]
        assert client.ask("GetProject", project_id=project, token=again.token)["line"]["version"] == 1
        client.close()
        assert server.stop() == 0
    whole(city)


def _until_death(server: Server, access: str, project: str, command_id: str) -> Receipt | None:
    """Send one command to a process that will die, before or after it answers, or before it opens its doors."""
    try:
        eventually(lambda: server.is_announced or not server.alive, 60)
        if not server.is_announced:
            return None
        client = HttpClient(server.http, access)
        try:
            return client.do(lives.registration(project), command_id)
        except Lost:
            return None
        finally:
            client.close()
    finally:
        try:
            assert server.wait(30) == KILLED
        finally:
            server.process.kill()


def test_what_was_recorded_but_never_answered_is_answered_when_it_is_repeated(city: Path, access: str) -> None:
    with serving(city) as server:
        assert server.stop() == 0  # yesterday has passed: the next commit is the command's
    server, command_id = Server(city, fault="store.committed").ready(), str(uuid4())
    caller = GrpcClient(server.grpc, access)
    with pytest.raises(Lost):
        caller.do(lives.registration("p-1"), command_id)
    caller.close()
    assert server.wait(30) == KILLED
    with serving(city) as server:
        caller = GrpcClient(server.grpc, access)
        assert caller.do(lives.registration("p-1"), command_id).repeated
        caller.close()


@pytest.mark.parametrize("point", REBUILD_POINTS)
def test_a_rebuild_that_dies_leaves_the_live_views_and_can_be_done_again(city: Path, point: str) -> None:
    pointer = city / "projection" / "views.current"
    with serving(city) as server:
        before = pointer.read_text()
        assert bizenv(city, "rebuild", "projection", fault=point).returncode == KILLED
        assert pointer.read_text() == before
        assert server.troubles() == []
        told(city, "rebuild", "projection")
        eventually(lambda: not (city / "projection" / f"views.{before}.sqlite-wal").exists() or _swapped(server), 30)
        assert int(pointer.read_text()) == int(before) + 1
        assert server.stop() == 0
    whole(city)


def _swapped(server: Server) -> bool:
    return any("views swapped" in line for line in server.logged)
