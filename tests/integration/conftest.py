"""An event store in each of the places where one may be; topics and certificates of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.event_store import EventStore
from tests.certificates import Authority
from tests.relays import Line
from tests.servers import Kafka
from tests.stores import make_store_at


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, and a database; processes of a test open it by this word (`open_store_at`)."""
    if request.param == "sqlite":
        return str(tmp_path / "sample.sqlite")
    return str(request.getfixturevalue("postgres").database())


@pytest.fixture
def either_store(place: str) -> Iterator[EventStore]:
    """The store in that place, empty."""
    with closing(make_store_at(place)) as made:
        yield made


@pytest.fixture
def line(kafka: Kafka) -> Iterator[Line]:
    """On everybody's broker, with names that nobody else has."""
    with closing(Line(kafka)) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom a module's servers and clients trust."""
    return Authority(tmp_path_factory.mktemp("authority"))
