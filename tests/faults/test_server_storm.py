"""A bounded storm over the distributed form; `make storm MINUTES=…` has longer ones."""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, cast

import psycopg
import pytest

from tests.faults.distributed import storm
from tests.faults.distributed.city import StormCity
from tests.faults.distributed.schedule import BROKER_DISK_FULL, DISK_FULL, KILL_DATABASE, KINDS, Fault, schedule
from tests.faults.distributed.storm import run
from tests.faults.distributed.strikes import Strikes
from tests.servers import folder_for

MINUTES = 1.0
EXCUSED = frozenset() if "CI" in os.environ else {DISK_FULL, BROKER_DISK_FULL}
"""The kinds that a machine may not allow, for want of the right to mount a disk: none where every change is tested."""


@pytest.mark.timeout(900)
def test_a_bounded_storm(capsys: pytest.CaptureFixture[str]) -> None:
    with folder_for("storm") as folder:
        folder.mkdir()
        wrong = run(folder, seed=2017, minutes=MINUTES)
    told = capsys.readouterr().out
    assert wrong == [], told
    *_, excused, last = told.splitlines()
    assert last.startswith("storm: seed 2017, 1 minutes, 1 broker, ")
    assert last.endswith(": nothing lost, nothing doubled")
    for kind in dict.fromkeys(KINDS):
        assert f"{kind} " in last or (kind in EXCUSED and f"{kind} (" in excused), told


def test_a_storm_that_breaks_off_says_so_in_its_last_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise psycopg.OperationalError("the server closed the connection")

    monkeypatch.setattr(storm, "storm_city", broken)
    assert run(tmp_path, seed=7, minutes=1.0) != []
    told = capsys.readouterr().out.splitlines()
    assert "the server closed the connection" in told[0]
    assert told[-1] == "storm: seed 7, 1 minutes, 1 broker, 0 faults (), 0 commands, 0 reads, 0 events: 1 FAILURES"


class Struck:
    """Nothing that can be harmed but a disk, which is not there."""

    disk = None
    broker_disks: ClassVar[dict[int, object]] = {}
    workers: ClassVar[dict[str, object]] = {}
    postgres = SimpleNamespace(process=None, log=None, start=None)


def test_what_never_happened_is_named_and_what_can_not_happen_is_excused(tmp_path: Path) -> None:
    city = cast(StormCity, Struck())
    strikes = Strikes(city, lambda _: None)
    faults = [Fault(0.0, kind, "PostgreSQL", 0.1, 1) for kind in (DISK_FULL, KILL_DATABASE)]
    strikes.run(faults)
    assert strikes.make_up() == [KILL_DATABASE]
    assert list(strikes.excused) == [DISK_FULL]
    assert strikes.missed[KILL_DATABASE] > 1


def test_the_seed_gives_the_schedule() -> None:
    faults = list(schedule(7, 600, 3))
    assert faults == list(schedule(7, 600, 3))
    assert faults[: len(list(schedule(7, 60, 3)))] == list(schedule(7, 60, 3))
    assert faults != list(schedule(8, 600, 3))
    assert all(one.at < next_one.at < 600 for one, next_one in pairwise(faults))


def test_every_kind_comes_round() -> None:
    kinds = Counter(fault.kind for fault in list(schedule(7, 600, 3))[: 2 * len(KINDS)])
    assert kinds == Counter({kind: 2 * count for kind, count in Counter(KINDS).items()})
    assert {fault.target for fault in schedule(7, 600, 3)} >= {"broker 1", "broker 2", "broker 3"}
    assert "broker 2" not in {fault.target for fault in schedule(7, 600, 1)}
