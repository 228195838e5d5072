"""A views file that is damaged, wholly or in part: nobody gets a wrong answer, and the views are built anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.errors import Unavailable, describe
from services.chassis.event_store import StoreUnusable
from services.chassis.forms.embedded import Embedded
from services.chassis.hosting.host import ServiceHost
from tests.damage import spoil_table
from tests.sample_service import Add, FindCounter, FoundCounter, OpenCounter, call, do, open_city

UNIT = "130602"


def grow(city: Embedded) -> None:
    do(city, OpenCounter(counter="a", unit=UNIT), *(Add(counter="a", amount=1) for _ in range(60)))
    city.settle()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        grow(opened)
        yield opened


@pytest.fixture
def host(city: Embedded) -> ServiceHost:
    host = city.hosts["sample"]
    for consumer in host.followers:
        host.followers.turn(consumer, 0.0)
    assert trouble(host) is None
    return host


def trouble(host: ServiceHost) -> str | None:
    return host.trouble


def spoil(host: ServiceHost, table: str) -> None:
    """Damage the live generation; what connections and the cache hold of it is forgotten."""
    database = host.views.current
    spoil_table(database.path, table)
    database.engine.dispose()
    database.forget()


@pytest.mark.parametrize("table", ["counter_facts", "counters", "checkpoints", "parked"])
def test_a_part_that_is_damaged_is_found_at_the_start(tmp_path: Path, table: str) -> None:
    with closing(open_city(tmp_path)) as city:
        grow(city)
        sums = city.hosts["sample"].views.current.checksum()
    spoil_table(tmp_path / "sample" / "views.1.sqlite", table)
    with closing(open_city(tmp_path)) as city:
        host = city.hosts["sample"]
        assert host.views.number == 2
        city.settle()
        assert host.views.current.checksum() == sums


def test_a_query_that_comes_upon_damage_is_told_to_come_again(city: Embedded, host: ServiceHost) -> None:
    spoil(host, "counters")
    query = FindCounter(counter="a")
    with pytest.raises(Unavailable, match=r"views.1.sqlite is damaged") as error:
        city.loop.run(city.gateway.ask(query, call()))
    assert (describe(error.value).http, describe(error.value).grpc) == (503, "UNAVAILABLE")
    assert "being built anew" in str(trouble(host))
    assert len(host.views.facts("counter_facts", "a")) == 61, "what can be read still is"
    host.turn(0.0)
    assert host.views.number == 2
    assert trouble(host) is None
    assert city.loop.run(city.gateway.ask(query, call())) == FoundCounter(total=60, title="")


def test_a_consumer_that_comes_upon_damage_loses_nothing(city: Embedded, host: ServiceHost) -> None:
    spoil(host, "counter_facts")
    do(city, Add(counter="a", amount=5))
    host.turn(0.0)
    host.turn(0.0)
    assert host.views.number == 2
    assert trouble(host) is None
    assert host.views.get("counters", "a").total == 65
    assert len(host.views.facts("counter_facts", "a")) == 62


def test_a_service_that_stops_does_not_wait_for_the_rebuild(city: Embedded, host: ServiceHost) -> None:
    spoil(host, "counters")
    with pytest.raises(Unavailable):
        host.views.get("counters", "a")
    assert host.followers.views is not None
    host.followers.views.stop()
    host.turn(0.0)
    assert host.views.number == 1


def test_a_rebuild_that_fails_is_tried_again(
    city: Embedded, host: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(host, "counters")
    with pytest.raises(Unavailable):
        host.views.get("counters", "a")
    with monkeypatch.context() as patch:
        patch.setattr(host.views, "create", lambda _number: 1 / 0)
        host.turn(0.0)
    assert "being built anew" in str(trouble(host))
    host.renewal._swap_after = 0.0
    host.turn(0.0)
    assert host.views.number == 2
    assert trouble(host) is None


def test_damaged_progress_of_reactions_is_not_built_anew(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        grow(city)
    (tmp_path / "sample" / "reactions.sqlite").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreUnusable, match="restore it from a backup"):
        open_city(tmp_path)
