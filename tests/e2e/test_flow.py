"""A project's whole life from the doors to the views, through real processes and by every way in, in both forms."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from services.chassis.commanding.gateway import Receipt
from services.chassis.domain import Command
from services.chassis.event_store.schema import REVISION
from tests import lives
from tests.clients import Door, GrpcClient, HttpClient, Lost, Refused
from tests.e2e.callers import patiently
from tests.e2e.forms import SERVICES, City, Copies, Fleet, fleet
from tests.processes import Server
from tests.waiting import eventually


class Served(NamedTuple):
    """The city under test, with a client of each door and role."""

    city: City
    fleet: Fleet
    http: HttpClient
    grpc: GrpcClient
    staff_http: HttpClient
    staff_grpc: GrpcClient

    @property
    def doors(self) -> tuple[Door, Door]:
        return self.http, self.grpc

    @property
    def server(self) -> Server:
        """The one that everybody comes to."""
        return self.fleet.front


@pytest.fixture(scope="module")
def served(copies: Copies, empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    city = copies.of(empty_city, tmp_path_factory.mktemp("flow") / "var")
    staff = city.token("unit_staff", lives.UNIT, "li")
    with fleet(city) as processes:
        front = processes.front
        with ExitStack() as open_doors:
            enter = open_doors.enter_context
            clients = (
                *(enter(HttpClient(front.http, access)), enter(GrpcClient(front.grpc, access))),
                *(enter(HttpClient(front.http, staff)), enter(GrpcClient(front.grpc, staff))),
            )
            yield Served(city, processes, *clients)
        assert set(processes.stop()) == {0}, processes.log()
        assert not processes.complaints(), processes.log()


@pytest.fixture
def city(copies: Copies, empty_city: Path, access: str, tmp_path: Path) -> City:
    """A copy for this test alone."""
    assert access
    return copies.of(empty_city, tmp_path / "var")


def live(served: Served, orders: Iterator[Command] | list[Command]) -> list[Receipt]:
    """Carry out orders by both doors in turn."""
    return [served.doors[number % 2].do(order) for number, order in enumerate(orders)]


def fresh(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


def test_a_whole_life_shows_in_the_timeline_and_in_the_feed(served: Served) -> None:
    project = fresh("life")
    receipts = live(served, lives.life(project))

    assert [receipt.version for receipt in receipts] == list(range(1, 25))
    latest = receipts[-1].token
    timeline = served.http.ask("GetProjectTimeline", project_id=project, token=latest)
    assert {entry["event_id"] for entry in timeline["entries"]} == {e for r in receipts for e in r.event_ids}
    assert served.http.ask("GetProject", project_id=project, token=latest)["line"]["stage"] == "in_production"
    assert served.grpc.ask("GetProject", project_id=project, token=latest)["line"]["stage"] == "STAGE_IN_PRODUCTION"
    _in_the_feed(served, receipts)


def _in_the_feed(served: Served, receipts: list[Receipt]) -> None:
    """Every fact once, as a CloudEvent over HTTP and with the same data over gRPC."""
    ids = [event_id for receipt in receipts for event_id in receipt.event_ids]
    over_http = {event["id"]: event for event in served.http.events("project_tracking", limit=7)}
    streamed = list(served.grpc.stream("ReadEvents", service="project_tracking"))
    over_grpc = {event["id"]: event for event in streamed}
    assert len(streamed) == len(over_http)
    for receipt in receipts:
        event = over_http[receipt.event_ids[0]]
        assert event["specversion"] == "1.0"
        assert event["source"] == "/bizenv/project_tracking"
        assert event["subject"] == receipt.stream
        assert event["commandid"] == receipt.command_id
        assert event["actor"] == "city_group:wang"
        assert event["type"].startswith("bizenv.project.")
    positions = [int(over_http[event_id]["position"]) for event_id in ids]
    assert positions == sorted(positions)
    assert all(int(over_grpc[event_id]["position"]) == int(over_http[event_id]["position"]) for event_id in ids)


def test_a_writer_reads_what_he_wrote_at_once_by_either_door(served: Served) -> None:
    project = fresh("reads")
    live(served, [lives.registration(project), *lives.preparation(project)])
    for month in range(3, 10):
        writer, reader = served.doors[month % 2], served.doors[(month + 1) % 2]
        receipt = writer.do(lives.progress(project, month, month, 1_000_000 + month))
        answer = reader.ask("GetProject", project_id=project, token=receipt.token)
        assert int(answer["line"]["version"]) == receipt.version
        assert answer["line"]["last_report_month"] == f"2017-{month:02d}"


def test_a_partition_that_the_store_has_not_is_refused_at_once(served: Served) -> None:
    with pytest.raises(Refused) as error:
        _asked_at(served, "1:99:1")
    assert (error.value.status, error.value.code, error.value.fields) == ("400", "INVALID_REQUEST", ("token",))


@pytest.mark.parametrize("position", ["1:0:999999999", "1:4:99999999999999", "9:0:1"])
def test_a_position_that_the_store_never_gave_is_refused_at_once(served: Served, position: str) -> None:
    """Also by a process that has only views of what the store recorded."""
    with pytest.raises(Refused) as error:
        _asked_at(served, position)
    assert (error.value.status, error.value.code, error.value.fields) == ("400", "INVALID_REQUEST", ("token",))


def _asked_at(served: Served, position: str) -> None:
    beside = {"Bizenv-Position": f"project_tracking:{position}", "Bizenv-Timeout": "30"}
    served.http.call("GET", "/v1/overview", headers=beside)


def test_a_correction_is_a_new_fact_and_the_first_one_stays_readable(served: Served) -> None:
    project = fresh("corrected")
    live(served, [lives.registration(project), *lives.preparation(project)])
    first = served.http.do(lives.progress(project, 3, 8, 9_000_000))
    second = served.grpc.do(lives.progress(project, 3, 6, 7_000_000, reason="多报了一笔设备款"))

    now = served.http.ask("GetProject", project_id=project, token=second.token)
    timeline = served.http.ask("GetProjectTimeline", project_id=project)["entries"]
    entries = {entry["event_id"]: entry for entry in timeline}
    wrong = json.loads(entries[first.event_ids[0]]["data"])
    assert now["line"]["invested_yuan"] == 7_000_000
    assert entries[first.event_ids[0]]["replaced_by"] == second.event_ids[0]
    assert entries[second.event_ids[0]]["replaces"] == first.event_ids[0]
    assert wrong["invested_this_month_yuan"] == 9_000_000


def test_county_staff_work_on_their_own_unit_only(served: Served) -> None:
    own, other = fresh("own"), fresh("other")
    assert served.staff_http.do(lives.registration(own)).version == 1
    served.http.do(lives.registration(other, lives.OTHER_UNIT))
    for door, status in ((served.staff_http, "403"), (served.staff_grpc, "PERMISSION_DENIED")):
        for order in (lives.registration(fresh("p"), lives.OTHER_UNIT), lives.weekly(other, 1)):
            with pytest.raises(Refused) as error:
                door.do(order)
            assert (error.value.status, error.value.code) == (status, "PERMISSION_DENIED")
    listed = served.staff_http.ask("ListProjects", page_size=500)["projects"]
    assert {project["unit_code"] for project in listed} == {lives.UNIT}


def test_nobody_reads_or_writes_without_a_token(served: Served) -> None:
    nobody: tuple[Door, Door] = (HttpClient(served.server.http, None), GrpcClient(served.server.grpc, None))
    for opened, status in zip(nobody, ("401", "UNAUTHENTICATED"), strict=True):
        with opened as door:
            with pytest.raises(Refused) as error:
                door.do(lives.registration("p-1"))
            assert error.value.status == status
            with pytest.raises(Refused) as error:
                door.ask("GetOverview")
            assert error.value.status == status


def test_the_same_command_id_answers_the_first_result_by_the_other_door(served: Served) -> None:
    project, command_id = fresh("once"), str(uuid4())
    first = served.http.do(lives.registration(project), command_id)
    again = served.grpc.do(lives.registration(project), command_id)
    assert again == msgspec.structs.replace(first, repeated=True)
    with pytest.raises(Refused) as error:
        served.grpc.do(lives.registration(fresh("else")), command_id)
    assert error.value.code == "COMMAND_ID_REUSED"


def test_a_stale_version_is_refused_by_both_doors(served: Served) -> None:
    project = fresh("stale")
    served.http.do(lives.registration(project), expected_version=0)
    for door, status in zip(served.doors, ("409", "ABORTED"), strict=True):
        with pytest.raises(Refused) as error:
            door.do(lives.weekly(project, 1), expected_version=0)
        assert (error.value.status, error.value.code) == (status, "STALE_VERSION")


def test_the_process_tells_how_it_is(served: Served) -> None:
    health = health_pb2_grpc.HealthStub(served.grpc.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    assert "grpc.health.v1.Health" in served.grpc.services
    assert "bizenv.project_tracking.v1.ProjectService" in served.grpc.services
    assert httpx.get(f"{served.server.http}/livez", timeout=30).json() == {"status": "ok"}
    assert httpx.get(f"{served.server.http}/readyz", timeout=30).json() == {
        "status": "ok",
        "troubles": [],
        "notices": [],
    }


def test_metrics_count_commands_events_and_calls(served: Served) -> None:
    owner, front = served.fleet.of("project_tracking"), served.server
    before = {**_metrics(front), **_metrics(owner)}
    project = fresh("counted")
    served.http.do(lives.registration(project))
    served.grpc.do(lives.weekly(project, 1))
    after = {**_metrics(front), **_metrics(owner)}

    def more(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after[key] - before.get(key, 0.0)

    recorded = {"service": "project_tracking", "outcome": "recorded"}
    assert more("bizenv_commands_total", command="RegisterProject", **recorded) == 1
    assert more("bizenv_commands_total", command="SubmitWeeklyReport", **recorded) == 1
    assert more("bizenv_event_store_appended_total", service="project_tracking") == 2
    method = {"grpc_service": "bizenv.project_tracking.v1.ProjectService", "grpc_method": "SubmitWeeklyReport"}
    assert more("grpc_server_handled_total", grpc_code="OK", **method) == 1
    assert after["bizenv_rehearsal", frozenset()] == 0


def _metrics(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(httpx.get(server.metrics, timeout=30).text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def test_the_command_line_sends_commands_beside_the_running_server(served: Served) -> None:
    project, command_id = fresh("cli"), str(uuid4())
    body = msgspec.json.encode(lives.registration(project)).decode()
    access = served.city.token("unit_staff", lives.UNIT)
    by_hand = ("do", "RegisterProject", "--json", body, "--token", access, "--command-id", command_id)
    receipt = msgspec.json.decode(served.city.told(*by_hand), type=Receipt)
    assert receipt.version == 1

    seen = served.http.ask("GetProject", project_id=project, token=receipt.token)
    assert seen["line"]["version"] == 1
    assert served.http.do(lives.weekly(project, 1)).version == 2
    assert msgspec.json.decode(served.city.told(*by_hand), type=Receipt).repeated
    assert "PERMISSION_DENIED" in served.city.denied(
        *("do", "WithdrawProject", "--token", access),
        *("--json", f'{{"project_id":"{project}","occurred_on":"2017-03-01","reason":"调出"}}'),
    )
    assert "INVALID_REQUEST" in served.city.denied("do", "SignProject", "--json", "{}", "--token", access)
    assert "UNAUTHENTICATED" in served.city.denied("do", "RegisterProject", "--json", body)
    assert "SignProject" in served.city.told("do", "list")


def test_a_token_may_come_from_the_environment(served: Served) -> None:
    access = served.city.token("unit_staff", lives.UNIT)
    body = msgspec.json.encode(lives.registration(fresh("env"))).decode()
    assert '"version": 1' in served.city.told("do", "RegisterProject", "--json", body, token=access)


def test_events_can_be_followed_and_looked_at(served: Served) -> None:
    project = fresh("shown")
    receipt = served.http.do(lives.registration(project))
    tail = served.city.told("events", "tail", "--service", "project_tracking", "-n", "1")
    assert tail.count("\n") == 1
    assert f"{receipt.event_ids[0]} bizenv.project.registered.v1 city_group:wang" in tail
    shown = json.loads(served.city.told("events", "show", receipt.event_ids[0], "--service", "project_tracking"))
    assert shown == next(e for e in served.http.events("project_tracking") if e["id"] == receipt.event_ids[0])
    assert "project-nobody/1" in served.city.denied("events", "show", "project-nobody/1", "--service", SERVICES[1])


def test_views_are_rebuilt_beside_the_live_ones_and_answers_never_go_back(served: Served) -> None:
    project = fresh("rebuilt")
    served.http.do(lives.registration(project))
    done = threading.Event()
    versions: list[int] = []

    def report() -> None:
        number = 0
        while not done.is_set():
            number += 1
            receipt = served.grpc.do(lives.weekly(project, number % 400 + 1))
            answer = served.http.ask("GetProject", project_id=project, token=receipt.token)
            versions.append(int(answer["line"]["version"]))
            assert versions[-1] >= receipt.version

    writing = threading.Thread(target=report)
    writing.start()
    try:
        before = served.city.generation()
        least = len(list(served.http.events("project_tracking")))
        said = re.search(r"generation (\d+) built from (\d+) events$", served.city.told("rebuild", "projection"), re.M)
        assert said is not None
        assert int(said[1]) == before + 1
        assert int(said[2]) >= least
        served.city.told("rebuild", "projection")
        if not served.city.distributed:  # there another process may use it, and keeps it for a minute
            eventually(lambda: not _view_files(served.city, before), 60, "the replaced generation is gone")
        eventually(lambda: len(versions) > 5, 60, "some reports beside the rebuilds")
    finally:
        done.set()
        writing.join()
    assert served.city.generation() == before + 2
    assert versions == sorted(versions)
    assert len(versions) > 5


def _view_files(city: City, number: int) -> list[Path]:
    return list((city.data / "projection").glob(f"views.{number}.sqlite"))


def test_operators_look_after_the_city_while_it_is_served(served: Served) -> None:
    assert served.city.told("parked", "list").startswith("0 ")
    assert "nothing is parked" in served.city.told("parked", "retry")
    assert "with --service: policy_registry, " in served.city.refused("events", "tail")
    assert "with --service: policy_registry, " in served.city.refused("events", "show", "project-P001/1")
    assert "nothing of that name" in served.city.denied("parked", "retry", "project-nobody")
    examined, migrated = served.city.told("doctor"), served.city.told("migrate")
    for service in SERVICES:
        assert f"{service}: " in examined
        assert f"{service}: {REVISION} → {REVISION}" in migrated
    assert "BIZENV_HTTP_PORT=0    (默认 · default: 8080)\n" in served.city.told("doctor", "--settings")


def test_the_stores_are_verified_while_they_are_served(served: Served) -> None:
    served.http.do(lives.registration(fresh("audited")))
    said = served.city.told("audit", "verify")
    assert [line.partition(": ✓ ")[0] for line in said.splitlines()] == list(SERVICES)
    kept = served.city.data / "published" / "truth.pub"
    assert "✓" in served.city.told("audit", "verify", "--service", "project_tracking", "--key", str(kept))
    assert "no such service" in served.city.refused("audit", "verify", "--service", "nobody")


def test_a_login_link_is_printed_for_a_browser(served: Served) -> None:
    link = served.city.told("token", "--role", "leader", "--account", "zhao", "--login", public_url="https://city.cn")
    assert link.startswith("https://city.cn/login?code=")
    assert served.server.login.startswith(f"{served.server.http}/login?code=")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_finishes_what_is_in_hand_and_loses_nothing(
    city: City, access: str, number: signal.Signals
) -> None:
    """The process that has the commands is stopped, those that ask it bear it."""
    with fleet(city) as processes:
        load = Load(processes, access)
        load.start()
        eventually(lambda: len(load.acknowledged) > 60, 60, "some load")
        stopped = processes.of("project_tracking")
        assert stopped.stop(number) == 0, processes.log()
        load.finish()
        assert load.refusals <= {"UNAVAILABLE"}
        assert "Traceback" not in stopped.log()

        processes.start(processes.name_of("project_tracking"))
        with HttpClient(processes.front.http, access) as client:
            events = patiently(lambda: list(client.events("project_tracking")))
        assert set(processes.stop()) == {0}
        assert not processes.complaints(), processes.log()
    recorded = {event["commandid"]: event["id"] for event in events if not event["actor"].startswith("system:")}
    assert not {i: r for i, r in load.acknowledged.items() if recorded.get(i) != r.event_ids[0]}
    assert set(recorded) <= load.sent


class Load:
    """Eight callers by both doors, each with a project of its own, until nobody answers any more."""

    def __init__(self, processes: Fleet, access: str) -> None:
        self.acknowledged: dict[str, Receipt] = {}
        self.sent: set[str] = set()
        self.refusals: set[str] = set()
        self._threads = [threading.Thread(target=self._call, args=(processes, access, number)) for number in range(8)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _call(self, processes: Fleet, access: str, number: int) -> None:
        """By the front's HTTP door, or by the gRPC door of the process that has the commands."""
        front, owner = processes.front, processes.of("project_tracking")
        with HttpClient(front.http, access) if number % 2 else GrpcClient(owner.grpc, access) as door:
            project = fresh(f"load-{number}")
            order: Command = lives.registration(project)
            week = 0
            while True:
                command_id = str(uuid4())
                self.sent.add(command_id)
                try:
                    self.acknowledged[command_id] = door.do(order, command_id)
                except Lost:
                    break
                except Refused as refusal:
                    self.refusals.add(refusal.code)
                    break
                week += 1
                order = lives.weekly(project, week)


def test_later_starts_load_nothing_twice(city: City) -> None:
    with fleet(city) as processes:
        eventually(lambda: city.events()["project_tracking"] > 0, what="the passing of yesterday is recorded")
        assert set(processes.stop()) == {0}
        before = city.events()
        processes.start(processes.name_of("project_tracking"))
        assert processes.stop() == [0]
    assert city.events() == before
