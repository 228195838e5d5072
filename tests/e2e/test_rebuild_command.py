"""`bizenv rebuild` on servers: what it says is what was read, and nothing is said besides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.forms import Cities, City, fleet
from tests.waiting import eventually


@pytest.fixture
def city(cities: Cities, empty_city: Path, tmp_path: Path) -> City:
    return cities.copy(empty_city, tmp_path / "distributed")


def test_it_reads_all_that_the_stores_hold(city: City) -> None:
    """Also in a process beside which none serves: no fact waits for another process to bring it."""
    with fleet(city, plan={"all": ()}) as served:
        eventually(lambda: city.told("relay", "status").count("落后 0 ") == 2, 60, "all is relayed")
        assert served.stop() == [0]
    for _ in range(2):
        done = city.bizenv("rebuild", "projection")
        assert done.returncode == 0, done.stderr
        said = re.search(r"generation \d+ built from (\d+) events", done.stdout)
        assert said is not None, done.stdout
        assert int(said[1]) == sum(city.events().values())
        assert not [line for line in done.stderr.splitlines() if line.startswith("{")], done.stderr
