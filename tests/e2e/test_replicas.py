"""Several processes of one service: tokens hold across them, one that is added takes its share, one that dies is made
up for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import lives
from tests.clients import Door, GrpcClient, HttpClient
from tests.e2e.callers import Callers, calling
from tests.e2e.forms import Cities, Fleet, fleet
from tests.processes import Server
from tests.waiting import eventually

TURNS = 60
"""Commands whose effect is looked for at once at each door."""
PROCESSES = {
    "policy_registry": ("policy_registry",),
    "tracking-1": ("project_tracking",),
    "tracking-2": ("project_tracking",),
    "projection-1": ("projection",),
    "projection-2": ("projection",),
}
LATER = "tracking-2"
"""Started by the test that adds it."""


@pytest.fixture(scope="module")
def served(cities: Cities, empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    assert access
    city = cities.copy(empty_city, tmp_path_factory.mktemp("replicas") / "var")
    with fleet(city, [name for name in PROCESSES if name != LATER], PROCESSES) as processes:
        yield processes
        assert set(processes.stop()) <= {0}, processes.log()
        assert not processes.complaints(), processes.log()


def doors(served: Fleet, access: str) -> list[Callable[[], Door]]:
    """Ways in for six callers: by a peer that has the views, by one process's own door, by all doors in turn."""
    owners = f"ipv4:{served.grpc('tracking-1')},{served.grpc('tracking-2')}"
    front = served.front.http
    return [
        *[lambda: HttpClient(front, access)] * 3,
        lambda: GrpcClient(served.grpc("tracking-1"), access),
        *[lambda: GrpcClient(owners, access)] * 2,
    ]


def metric(server: Server, name: str, **labels: str) -> float:
    """The sum of a metric's samples that bear these labels."""
    families = text_string_to_metric_families(httpx.get(server.metrics, timeout=30).text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def recorded(server: Server) -> float:
    """How many commands of callers a process has carried out."""
    return metric(server, "bizenv_commands_total", service="project_tracking", outcome="recorded")


def require_all(served: Fleet, access: str, callers: Callers) -> None:
    """What was acknowledged is in the store once, and the views are right."""
    with HttpClient(served.front.http, access) as client:
        assert not callers.missing_in(client.events("project_tracking"))
    said = served.city.told("audit", "flow")
    assert said.count("✓") == len(said.splitlines()), said


def test_what_a_writer_wrote_is_shown_at_once_by_every_process(served: Fleet, access: str) -> None:
    """The command goes to the door of the process that has it, each query to one of those that have the views."""
    places = [served.servers[f"projection-{number}"].http for number in (1, 2)]
    with ExitStack() as opened, calling(doors(served, access)[:4]):
        writer = opened.enter_context(GrpcClient(served.grpc("tracking-1"), access))
        readers = [opened.enter_context(HttpClient(place, access)) for place in places]
        writer.do(lives.registration("told"))
        for week in range(TURNS):
            receipt = writer.do(lives.weekly("told", week))
            shown = [reader.ask("GetProject", project_id="told", token=receipt.token) for reader in readers]
            assert [int(answer["line"]["version"]) for answer in shown] == [receipt.version] * 2


def test_a_process_that_is_added_under_load_takes_its_share(served: Fleet, access: str) -> None:
    with calling(doors(served, access)) as callers:
        callers.more(60)
        added, first = served.start(LATER), served.servers["tracking-1"]
        before = recorded(first)
        eventually(lambda: recorded(added) > 60, 60, "commands of the process that was added")
        eventually(lambda: recorded(first) > before + 20, 60, "commands of the first process")
    assert not callers.refusals, "nobody is refused or not answered because a process comes"
    require_all(served, access, callers)


def test_a_process_that_is_stopped_under_load_ends_in_time_and_loses_nothing(served: Fleet, access: str) -> None:
    """Whoever has no answer repeats the command by its id and gets one, from the other process."""
    with calling(doors(served, access)) as callers:
        callers.more(60)
        assert served.servers["tracking-2"].stop() == 0, served.log()
        callers.more(60)
    assert set(callers.refusals) <= {"UNAVAILABLE", "LOST"}, callers.refusals
    require_all(served, access, callers)
    served.start("tracking-2")


def test_one_of_two_processes_with_the_views_is_killed(served: Fleet, access: str) -> None:
    """Both apply facts and both answer; what one was about to apply the other does, and no answer goes back."""
    left, killed = served.servers["projection-1"], served.servers["projection-2"]
    applied = "bizenv_consumer_applied_total"
    with calling([lambda: GrpcClient(served.grpc("tracking-1"), access)] * 4) as callers, watched(left, access) as seen:
        before = [metric(each, applied, group="projection") for each in (left, killed)]
        eventually(
            lambda: all(
                metric(s, applied, group="projection") > b for s, b in zip((left, killed), before, strict=True)
            ),
            60,
            "both apply facts",
        )
        killed.kill()
        for _ in range(5):
            callers.more(10)
            shown(left, access, callers)
        looked = len(seen)
        eventually(lambda: len(seen) > looked + 5, 60, "answers after the kill")
    assert seen == sorted(seen), "an answer went back in time"
    served.start("projection-2")
    shown(served.servers["projection-2"], access, callers)
    require_all(served, access, callers)


def shown(server: Server, access: str, callers: Callers) -> None:
    """Return once the process shows what one of the last commands recorded."""
    receipt = callers.latest()
    with HttpClient(server.http, access) as client:
        answer = client.ask("GetProject", project_id=receipt.stream.removeprefix("project-"), token=receipt.token)
        assert int(answer["line"]["version"]) >= receipt.version


@contextmanager
def watched(server: Server, access: str) -> Iterator[list[int]]:
    """The versions of one project that is reported on all the while, as somebody sees them who names no position."""
    seen: list[int] = []
    ending = threading.Event()

    def write() -> None:
        for week in range(400):
            if ending.is_set():
                return
            receipt = writer.do(lives.weekly("watched", week))
            reader.ask("GetProject", project_id="watched", token=receipt.token)

    def look() -> None:
        while not ending.is_set():
            seen.append(int(client.ask("GetProject", project_id="watched", token=first.token)["line"]["version"]))

    with ExitStack() as opened:
        writer, reader, client = [opened.enter_context(HttpClient(server.http, access)) for _ in range(3)]
        writer.do(lives.registration("watched"))
        first = writer.do(lives.weekly("watched", 400))
        threads = [threading.Thread(target=act) for act in (write, look)]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            ending.set()
            for thread in threads:
                thread.join()
