"""One real city with the shipped programme and one rehearsal, made once by the command line; tests work on copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import PROGRAMME, copy_of, init, token, told

UNTIL = "2017-09-29"


@pytest.fixture(scope="session")
def empty_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a city that nobody has served yet. Not to be written to."""
    data = tmp_path_factory.mktemp("city") / "var"
    init(data)
    return data


@pytest.fixture(scope="session")
def rehearsed_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the rehearsal that a newcomer makes. Not to be written to."""
    data = tmp_path_factory.mktemp("rehearsed") / "var"
    told(data, "rehearse", "--programme", PROGRAMME, "--until", UNTIL, "--seed", "1")
    return data


@pytest.fixture(scope="session")
def access(empty_city: Path) -> str:
    """A token of the city group. Copies of the city have its keys, and so take it."""
    return token(empty_city, "city_group")


@pytest.fixture
def city(empty_city: Path, access: str, tmp_path: Path) -> Path:
    """A copy for this test alone."""
    assert access
    return copy_of(empty_city, tmp_path / "var")
