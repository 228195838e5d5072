"""`bizenv rebuild` on servers: what it says is what was read, and nothing is said besides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.forms import Cities, City, fleet
from tests.waiting import eventually


@pytest.fixture
def rehearsed(cities: Cities, rehearsed_city: Path, tmp_path: Path) -> City:
    return cities.copy(rehearsed_city, tmp_path / "distributed")


def test_it_reads_all_that_the_stores_hold(rehearsed: City) -> None:
    """Also in a process beside which none serves: no fact waits for another process to bring it."""
    with fleet(rehearsed, plan={"all": ()}) as served:
        eventually(lambda: "落后 0 " in rehearsed.told("relay", "status"), 60, "all is relayed")
        assert served.stop() == [0]
    for _ in range(2):
        done = rehearsed.bizenv("rebuild", "projection")
        assert done.returncode == 0, done.stderr
        said = re.search(r"generation \d+ built from (\d+) events", done.stdout)
        assert said is not None, done.stdout
        assert int(said[1]) == sum(rehearsed.events().values())
        assert not [line for line in done.stderr.splitlines() if line.startswith("{")], done.stderr
