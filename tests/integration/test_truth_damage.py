"""The audit of a damaged store tells what cannot be read, and audits the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from services.chassis.truth import AuditReport
from tests.damage import page_of, root_page, settle, spoil_page
from tests.databases import Postgresql
from tests.integration.truth_city import EVENTS, STORE, City, copy_of, found, make_city
from tests.servers import Postgres
from tests.stores import append_events


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Never altered itself; its events fill several pages."""
    city = make_city(tmp_path_factory.mktemp("made"))
    settle(city.folder / STORE)
    return city


@pytest.fixture
def city(made: City, tmp_path: Path) -> City:
    return copy_of(made, tmp_path / "city")


def unreadable(report: AuditReport) -> set[str]:
    return {finding.place for finding in report.findings if finding.code == "UNREADABLE"}


def test_events_on_a_damaged_page_are_named_and_all_others_are_audited(city: City) -> None:
    store = city.folder / STORE
    spoil_page(store, page_of(store, "第20条".encode()))
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 3")
    report = city.audit()
    (lost,) = [finding for finding in report.findings if finding.code == "UNREADABLE" and finding.position]
    first, last = map(int, re.findall(r"\d+", lost.place))
    assert 1 < first <= 20 <= last < EVENTS
    assert last - first < EVENTS // 2
    assert lost.position == first
    assert "malformed" in lost.english
    assert found(report) - {("UNREADABLE", place) for place in unreadable(report)} == {("EVENT_ALTERED", "position 3")}
    assert report.events == EVENTS


@pytest.mark.parametrize(
    "table", ["events", "sqlite_autoindex_events_1", "streams", "commands", "merkle_nodes", "tree_heads"]
)
def test_a_table_that_cannot_be_read_is_told_without_accusing_the_others(city: City, table: str) -> None:
    store = city.folder / STORE
    spoil_page(store, root_page(store, table))
    report = city.audit()
    assert set(report.counts) == {"UNREADABLE"}, report.findings
    assert not report.ok


def test_what_follows_damage_is_still_held_against_the_signed_heads(city: City) -> None:
    """The log's own leaves stand in for the events that can't be read."""
    store = city.folder / STORE
    spoil_page(store, page_of(store, "第20条".encode()))
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 40")
    assert ("EVENT_ALTERED", "position 40") in found(city.audit())


# --- the same on PostgreSQL ---------------------------------------------------------------------------------------


def test_a_damaged_page_of_a_server_is_named_and_all_others_are_audited(
    own_postgres: Callable[..., Postgres], tmp_path: Path
) -> None:
    server = own_postgres()
    database = Postgresql(server.database())
    city = make_city(tmp_path, database)
    filling = city.open()
    append_events(filling, 300)
    filling.close()
    ((place,),) = database.ask("SELECT pg_relation_filepath('events')")
    server.stop()
    with (server.folder / "data" / str(place)).open("r+b") as file:
        file.seek(2 * 8192)
        file.write(b"\xff" * 8192)
    server.start()
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 3")
    report = city.audit()
    (lost,) = [finding for finding in report.findings if finding.code == "UNREADABLE" and finding.position]
    first, last = map(int, re.findall(r"\d+", lost.place))
    assert 20 < first <= last < 200
    assert "invalid page" in lost.english
    others = found(report) - {("UNREADABLE", place) for place in unreadable(report)}
    assert others == {("EVENT_ALTERED", "position 3")}


# --- a schema that is not ours ------------------------------------------------------------------------------------

FORGERY = """CREATE TRIGGER forge BEFORE INSERT ON events WHEN NEW.actor = 'mallory'
BEGIN SELECT RAISE(IGNORE); END"""


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        (FORGERY, "trigger forge"),
        ("CREATE VIEW all_events AS SELECT * FROM events", "view all_events"),
        ("CREATE UNIQUE INDEX one_actor ON streams (version, stream)", "index one_actor"),
        ("ALTER TABLE events ADD COLUMN note TEXT", "table events"),
        ("CREATE TABLE notes (text TEXT)", "table notes"),
    ],
)
def test_a_schema_that_is_not_ours_is_a_finding_of_its_own(city: City, statement: str, place: str) -> None:
    city.sql(statement)
    report = city.audit()
    assert ("SCHEMA_ALTERED", place) in found(report)
