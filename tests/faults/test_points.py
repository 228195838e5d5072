"""The process dies at each named point once: nothing acknowledged is lost, nothing is done twice, views are whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.catalogue import SERVICES
from services.chassis.commanding.gateway import Receipt
from services.chassis.faults import POINTS
from tests import lives
from tests.clients import GrpcClient, HttpClient, Lost
from tests.faults.check import check_log, check_positions, check_views, open_stores
from tests.processes import Server, bizenv, serving, told
from tests.waiting import eventually

KILLED = -9
PROJECT = "p-1"
CONSUMER_POINTS, TRUTH_POINTS, REBUILD_POINTS = (
    sorted(point for point in POINTS if point.startswith(what)) for what in ("consumer.", "truth.", "rebuild.")
)


def test_every_point_is_tried() -> None:
    """Those of the relay, which this form has not, are tried in `test_server_points`."""
    relayed = {point for point in POINTS if point.startswith("relay.")}
    assert {"store.committed", *CONSUMER_POINTS, *TRUTH_POINTS, *REBUILD_POINTS} == POINTS - relayed


def whole(data: Path) -> None:
    """After a clean stop: no gap, nothing altered, views as a replay gives them."""
    wrong = list(check_views(data))
    for name, store in open_stores(data).items():
        wrong += [*check_positions(name, list(store.scan())), *check_log(data, store)]
        store.close()
    assert wrong == []


@pytest.fixture
def rested(city: Path) -> Path:
    """A city whose yesterday has passed and whose views and logs hold everything: no fault point is reached before a
    command comes."""
    with serving(city) as server:
        assert server.stop() == 0
    whole(city)
    return city


@pytest.mark.parametrize("door", [HttpClient, GrpcClient])
def test_what_was_recorded_but_never_answered_is_answered_when_it_is_repeated(
    rested: Path, access: str, door: type[HttpClient | GrpcClient]
) -> None:
    command_id = str(uuid4())
    with (
        dying(rested, "store.committed") as server,
        door(server.http if door is HttpClient else server.grpc, access) as client,
        pytest.raises(Lost),
    ):
        client.do(lives.registration(PROJECT), command_id)
    assert recorded(rested) == [command_id]

    with serving(rested) as server:
        with door(server.http if door is HttpClient else server.grpc, access) as client:
            again = client.do(lives.registration(PROJECT), command_id)
            assert (again.repeated, again.version) == (True, 1)
            assert int(client.ask("GetProject", project_id=PROJECT, token=again.token)["line"]["version"]) == 1
        assert server.stop() == 0
    assert recorded(rested) == [command_id]
    whole(rested)


@pytest.mark.parametrize("point", CONSUMER_POINTS)
@pytest.mark.parametrize("weeks", [1, 5])
def test_a_batch_that_was_cut_off_is_applied_whole_or_not_at_all(
    rested: Path, access: str, point: str, weeks: int
) -> None:
    """Both groups pass the point with the registration. The reports are sent, and answered, while they gather for the
    next batch, with which the first group dies: as soon as a query asks for it."""
    groups = [service.name for service in SERVICES if "project_tracking" in service.listens_to and service.views]
    before = shown(rested, groups)
    with (
        dying(rested, f"{point}:{len(groups) + 1}", poll_busy_milliseconds="10000") as server,
        HttpClient(server.http, access) as client,
    ):
        client.do(lives.registration(PROJECT))
        eventually(lambda: _applied(server, groups) == [1] * len(groups), 30, "the registration in the views")
        receipts = [client.do(lives.weekly(PROJECT, week)) for week in range(weeks)]
        with suppress(Lost):
            client.ask("GetProject", project_id=PROJECT, token=receipts[-1].token)
    assert [receipt.version for receipt in receipts] == list(range(2, weeks + 2))
    told_of = [at - was for at, was in zip(shown(rested, groups), before, strict=True)]
    if point == "consumer.committed":
        assert weeks + 1 in told_of
    else:
        assert told_of == [1] * len(groups)

    with serving(rested) as server:
        with HttpClient(server.http, access) as client:
            line = client.ask("GetProject", project_id=PROJECT, token=receipts[-1].token)["line"]
            assert line["version"] == weeks + 1
        assert server.stop() == 0
    assert len(recorded(rested)) == weeks + 1
    whole(rested)


@pytest.mark.parametrize("point", TRUTH_POINTS)
def test_a_log_that_was_cut_off_is_signed_to_its_end_after_the_restart(rested: Path, access: str, point: str) -> None:
    """The first command passes the point with its own head; the log dies of the second one, which by then is as good
    as always answered."""
    first, second = str(uuid4()), str(uuid4())
    with dying(rested, f"{point}:2", tree_head_seconds="0.2") as server, HttpClient(server.http, access) as client:
        client.do(lives.registration(PROJECT), first)
        eventually(lambda: _leaves(server) == _events(rested), 30, "a head over the first command")
        try:
            answer: Receipt | None = client.do(lives.weekly(PROJECT, 1), second)
        except Lost:
            answer = None
    assert recorded(rested) == [first, second]

    with serving(rested, tree_head_seconds="0.2") as server:
        with HttpClient(server.http, access) as client:
            again = client.do(lives.weekly(PROJECT, 1), second)
            assert (again.repeated, again.version) == (True, 2)
            assert answer in (None, msgspec.structs.replace(again, repeated=False))
        assert server.stop() == 0
    assert recorded(rested) == [first, second]
    whole(rested)


@contextmanager
def dying(data: Path, fault: str, **settings: str) -> Iterator[Server]:
    """A server that is ready, and that dies by itself, at its fault point, because of what is done in the block."""
    server = Server(data, fault=fault, **settings)
    try:
        yield server.ready()
        assert server.wait() == KILLED
    finally:
        server.process.kill()


def recorded(data: Path) -> list[str]:
    """The ids of the commands to the project, in the order of what they recorded."""
    with closing(sqlite3.connect(data / "project_tracking" / "events.sqlite")) as database:
        found = database.execute(
            "SELECT command_id FROM events WHERE stream = ? ORDER BY position", (f"project-{PROJECT}",)
        )
        return [command_id for (command_id,) in found]


def _events(data: Path) -> int:
    with closing(sqlite3.connect(data / "project_tracking" / "events.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM events").fetchone()
        return int(count)


def shown(data: Path, groups: list[str]) -> list[int]:
    """Per group, up to which position of project_tracking its views hold everything, on the disk."""
    return [_shown(data / group) for group in groups]


def _shown(folder: Path) -> int:
    path = folder / f"views.{(folder / 'views.current').read_text()}.sqlite"
    with closing(sqlite3.connect(path)) as database:
        (position,) = database.execute(
            "SELECT max(position) FROM checkpoints WHERE service = 'project_tracking'"
        ).fetchone()
        return int(position)


def _applied(server: Server, groups: list[str]) -> list[float]:
    """Per group, how many facts its views took since the start."""
    found = _metric(server, "bizenv_consumer_applied_total", "group")
    return [found.get(group, 0.0) for group in groups]


def _leaves(server: Server) -> float | None:
    return _metric(server, "bizenv_merkle_tree_leaves", "service").get("project_tracking")


def _metric(server: Server, name: str, label: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(server.metrics, timeout=30).text)
    samples = (sample for family in families for sample in family.samples)
    return {sample.labels[label]: sample.value for sample in samples if sample.name == name}


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
