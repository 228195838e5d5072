"""Processes of the distributed form die at each named point once, one after another in one city; then nothing is
missing and nothing is there twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis.domain import Command
from services.chassis.faults import POINTS
from tests import lives
from tests.clients import HttpClient, Lost, Refused
from tests.e2e.forms import SERVICES, Cities, City, Fleet, plan_of
from tests.faults.check import Sent, Told
from tests.faults.distributed.check import check_facts, check_flow, check_heads, left
from tests.waiting import eventually

KILLED = -9
START_SECONDS = DEATH_SECONDS = 120.0
"""On a machine that has much else to do."""
SETTINGS = {"tree_head_seconds": "0.2", "consumer_batch": "40"}
CONSUMING = sorted(point for point in POINTS if point.startswith("consumer."))
REBUILDING = sorted(point for point in POINTS if point.startswith("rebuild."))
RECORDING = sorted(POINTS.difference(CONSUMING, REBUILDING))


class Attacked:
    """A served city whose processes die, with what its one caller was told."""

    def __init__(self, processes: Fleet) -> None:
        self.processes = processes
        self.told = Told()
        self._access = self.city.token("city_group", account="storm")
        self._orders = _orders()
        self._pending: tuple[Command, Sent] | None = None

    @property
    def city(self) -> City:
        return self.processes.city

    def revive(self) -> None:
        """Start what is dead. The leases of the dead count as ended, so that nobody waits for their seconds."""
        for name, server in list(self.processes.servers.items()):
            if not server.alive:
                with self.city.database() as database:
                    database.execute("UPDATE project_tracking.leases SET ends_at = 0")
                self.processes.begin(name, **SETTINGS).announce(START_SECONDS)

    def die(self, name: str, point: str) -> None:
        """Let this process go on armed, under load until it is dead."""
        self.processes.servers[name].stop()
        dying = self.processes.begin(name, fault=f"{point}:2", **SETTINGS)
        eventually(lambda: dying.is_announced or not dying.alive, DEATH_SECONDS, "a start")
        deadline = time.monotonic() + DEATH_SECONDS
        while dying.alive and time.monotonic() < deadline:
            self._pending = self._pending or self._next()
            if self._try(*self._pending):
                self._pending = None
        assert dying.wait(DEATH_SECONDS) == KILLED

    def answer(self) -> None:
        """Send again what was not answered."""
        if (pending := self._pending) is not None:
            eventually(lambda: self._try(*pending), DEATH_SECONDS, "an answer")
            self._pending = None

    def _next(self) -> tuple[Command, Sent]:
        sent = Sent(str(uuid4()), time.monotonic())
        self.told.commands[sent.command_id] = sent
        return next(self._orders), sent

    def _try(self, command: Command, sent: Sent) -> bool:
        client = HttpClient(self.processes.of("project_tracking").http, self._access)
        try:
            receipt = client.do(command, sent.command_id)
        except (Lost, Refused):
            return False
        finally:
            client.close()
        sent.acknowledged_at, sent.stream, sent.version = time.monotonic(), receipt.stream, receipt.version
        sent.event_ids = tuple(receipt.event_ids)
        return True


def _orders() -> Iterator[Command]:
    yield lives.registration("p-1")
    week = 0
    while True:
        yield lives.weekly("p-1", week)
        week += 1


@pytest.fixture(scope="module")
def attacked(cities: Cities, empty_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    city = cities.copy(empty_city, tmp_path_factory.mktemp("attacked") / "var")
    processes = Fleet(city)
    for name, services in plan_of(city).items():
        processes.plan(name, *services)
    try:
        for name in SERVICES:
            processes.begin(name, **SETTINGS)
        for server in processes.servers.values():
            server.ready(START_SECONDS)
        yield Attacked(processes)
    finally:
        processes.kill()


@pytest.mark.parametrize("point", RECORDING)
def test_it_dies_where_it_records_relays_or_signs(attacked: Attacked, point: str) -> None:
    attacked.revive()
    attacked.die("project_tracking", point)
    attacked.revive()
    attacked.answer()
    assert check_facts(attacked.city, attacked.told) == []


@pytest.mark.parametrize("point", CONSUMING)
def test_it_dies_where_it_folds_views(attacked: Attacked, point: str) -> None:
    attacked.revive()
    attacked.die("projection", point)


@pytest.mark.parametrize("point", REBUILDING)
def test_it_dies_where_it_builds_views_anew(attacked: Attacked, point: str) -> None:
    attacked.revive()
    before = attacked.city.generation()
    assert attacked.city.bizenv("rebuild", "projection", fault=point).returncode == KILLED
    assert attacked.city.generation() == before


def test_after_all_that_nothing_is_missing(attacked: Attacked) -> None:
    attacked.revive()
    attacked.answer()
    eventually(lambda: not left(attacked.city), DEATH_SECONDS, "everything in its place")
    for server in attacked.processes.servers.values():
        server.ready(START_SECONDS)
    assert attacked.processes.stop() == [0, 0, 0]
    assert attacked.processes.complaints() == []
    wrong = [*check_facts(attacked.city, attacked.told), *check_flow(attacked.city), *check_heads(attacked.city)]
    assert wrong == []
    assert len(attacked.told.acknowledged) == len(attacked.told.commands) > len(POINTS)
