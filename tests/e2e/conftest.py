"""One real city with the shipped programme and one rehearsal, made once by the command line; tests work on copies, of
either form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.forms import FORMS, Cities, Copies
from tests.processes import PROGRAMME, copy_of, init, token, told
from tests.servers import Kafka, Postgres

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


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """Each form in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def cities(postgres: Postgres, kafka: Kafka, access: str, tmp_path_factory: pytest.TempPathFactory) -> Cities:
    """Makes cities on the shared servers, once the city that they are copied from has its keys."""
    assert access
    return Cities(postgres, kafka, tmp_path_factory.mktemp("distributed"))


@pytest.fixture(scope="module")
def copies(form: str, request: pytest.FixtureRequest) -> Copies:
    """Makes cities of the form in turn; the servers are started for the form that needs them, not for the other."""
    return Copies(form, lambda: request.getfixturevalue("cities"))
