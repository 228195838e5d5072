"""A bounded storm over the distributed form; `make storm MINUTES=…` has longer ones."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.faults.distributed.schedule import KINDS, schedule
from tests.faults.distributed.storm import run
from tests.servers import folder_for

MINUTES = 1.0
FAULTS = 8
"""At the least: how many fit depends on how fast processes start on this machine."""


@pytest.mark.timeout(900)
def test_a_bounded_storm(capsys: pytest.CaptureFixture[str]) -> None:
    with folder_for("storm") as folder:
        folder.mkdir()
        assert run(folder, seed=2017, minutes=MINUTES) == [], capsys.readouterr().out
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("storm: seed 2017, 1 minutes, 1 broker, ")
    assert int(last.split(", ")[3].split()[0]) >= FAULTS, last
    assert last.endswith(": nothing lost, nothing doubled")


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
