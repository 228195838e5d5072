"""A rehearsed city on real stores: the same each time, whole or not at all, and as lively as it should be."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.catalogue import SERVICES
from services.chassis.event_store import StoreKind, StoreUnusable
from services.chassis.forms.embedded import EVENTS_FILE, Embedded, EmbeddedForm, city_exists
from services.chassis.settings import Settings
from services.chassis.telemetry import logs
from services.chassis.time.city_clock import city_clock
from services.chassis.time.clock import SHANGHAI, business_day
from services.cli.main import main
from services.policy_registry.events import CityRegister, scored_on
from services.project_tracking.project.commands import SignProject
from services.project_tracking.reference import THE_CITY, UNITS
from services.rehearsal import RehearsalBroken, RehearsalSummary, making, rehearse
from services.rehearsal.people import CITY as CITY_GROUP
from services.rehearsal.telling import Intention
from tests.processes import told

PROGRAMME = Path(__file__).resolve().parents[2] / "deploy" / "programmes" / "baoding-2017"
UNTIL = date(2017, 9, 29)
SHORT = date(2017, 2, 10)
CITY = "city_group:city.projects"
TABLES = ("events", "commands", "streams", "store")
Row = tuple[Any, ...]


def _quiet(_day: date, _done: int, _total: int) -> None:
    """Nobody watches."""


def _short(data: Path, seed: int) -> RehearsalSummary:
    return rehearse(data, PROGRAMME, SHORT, seed, Settings(), _quiet, projects=30)


def _rows(data: Path, service: str, table: str = "events") -> list[Row]:
    with sqlite3.connect(data / service / EVENTS_FILE) as database:
        rows = database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    database.close()
    return rows


def test_the_same_seed_gives_the_same_stores_byte_for_byte(tmp_path: Path) -> None:
    first, again = _short(tmp_path / "first", 1), _short(tmp_path / "again", 1)
    assert first == again
    for service in SERVICES:
        for table in TABLES:
            rows = _rows(tmp_path / "first", service.name, table)
            assert rows == _rows(tmp_path / "again", service.name, table), f"{service.name}.{table}"
    assert sum(first.events.values()) > 500


def test_another_seed_is_another_city(tmp_path: Path) -> None:
    _short(tmp_path / "first", 1)
    _short(tmp_path / "other", 2)
    assert _rows(tmp_path / "first", "project_tracking") != _rows(tmp_path / "other", "project_tracking")


def test_a_longer_rehearsal_begins_like_a_shorter_one(tmp_path: Path) -> None:
    _short(tmp_path / "short", 1)
    rehearse(tmp_path / "long", PROGRAMME, date(2017, 2, 20), 1, Settings(), _quiet, projects=30)
    short, longer = _rows(tmp_path / "short", "project_tracking"), _rows(tmp_path / "long", "project_tracking")
    assert longer[: len(short)] == short
    assert len(longer) > len(short)


def test_an_interrupted_rehearsal_leaves_no_city(tmp_path: Path) -> None:
    def interrupt(day: date, _done: int, _total: int) -> None:
        if day == date(2017, 1, 9):
            raise KeyboardInterrupt

    data = tmp_path / "var"
    with pytest.raises(KeyboardInterrupt):
        rehearse(data, PROGRAMME, SHORT, 1, Settings(), interrupt, projects=30)
    assert not city_exists(data)
    assert list(data.iterdir()) == []
    _short(data, 1)
    assert city_exists(data)


def test_a_refused_order_breaks_the_rehearsal_and_leaves_no_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = SignProject(project_id="p-nobody", occurred_on=date(2017, 1, 3))
    wrong = Intention(datetime(2017, 1, 3, 9, tzinfo=SHANGHAI), order, CITY_GROUP)
    monkeypatch.setattr(making, "_lives", lambda *_: [wrong])
    data = tmp_path / "var"
    with pytest.raises(RehearsalBroken, match=r"2017-01-03 09:00.*city_group:city\.projects.*SignProject.*p-nobody"):
        _short(data, 1)
    assert list(data.iterdir()) == []

    monkeypatch.setattr(logs, "configure", lambda *_: None)
    monkeypatch.setenv("BIZENV_DATA", str(data))
    arguments = ["bizenv", "rehearse", "--programme", PROGRAMME.name, "--until", SHORT.isoformat()]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "bizenv: 演练无法继续,未留下任何数据 · the rehearsal can't go on" in capsys.readouterr().err
    assert list(data.iterdir()) == []


def test_a_folder_with_a_city_and_a_day_outside_the_programme_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "var"
    rehearse(data, PROGRAMME, date(2017, 1, 3), 1, Settings(), _quiet, projects=25)
    with pytest.raises(StoreUnusable, match="空文件夹"):
        _short(data, 1)
    with pytest.raises(StoreUnusable, match="演练日期"):
        rehearse(tmp_path / "else", PROGRAMME, date(2016, 12, 31), 1, Settings(), _quiet)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seed 1 up to the end of September, as a newcomer gets it."""
    data = tmp_path_factory.mktemp("rehearsal") / "var"
    summary = rehearse(data, PROGRAMME, UNTIL, 1, Settings(), _quiet)
    assert (summary.units, summary.projects) == (25, 192), "of the 200 of the portfolio, the others come later"
    assert "192 invented projects" in str(summary)
    return data


def test_the_newcomers_command_gives_the_same_city_byte_for_byte(full: Path, tmp_path: Path) -> None:
    """All of it, made again by the real command in a process of its own."""
    told(tmp_path / "var", "rehearse", "--programme", PROGRAMME.name, "--until", UNTIL.isoformat(), "--seed", "1")
    for service in SERVICES:
        for table in TABLES:
            assert _rows(tmp_path / "var", service.name, table) == _rows(full, service.name, table), service.name


def _events(data: Path) -> Iterator[tuple[str, str, int, str, dict[str, Any]]]:
    """(stream, fact, recorded at, actor, data) of project_tracking."""
    with sqlite3.connect(data / "project_tracking" / EVENTS_FILE) as database:
        rows = database.execute("SELECT stream, type, recorded_at, actor, data FROM events ORDER BY position")
        for stream, kind, at, actor, body in rows.fetchall():
            yield stream, kind.removeprefix("bizenv.").removesuffix(".v1"), at, actor, msgspec.json.decode(body)
    database.close()


def test_all_of_a_projects_life_happens(full: Path) -> None:
    facts = Counter(kind for _, kind, _, _, _ in _events(full))
    assert 190 <= facts["project.registered"] <= 215
    assert facts["project.put_into_production"] >= 3
    assert 15 <= facts["project.withdrawn"] <= 35
    for fact, least in {
        "approval_returned": 50, "signed": 60, "started": 120, "baseline_set": 150, "rebaseline_requested": 5,
        "rebaseline_approved": 3, "rebaseline_rejected": 2, "milestone_reached": 150, "progress_reported": 700,
        "weekly_report_submitted": 500, "suspended": 3, "resumed": 2, "completed": 15, "terminated": 1,
        "step_retracted": 5,
    }.items():  # fmt: skip
        assert facts[f"project.{fact}"] >= least, fact


def test_projects_begun_earlier_are_registered_in_january_with_their_own_days(full: Path) -> None:
    registered = {stream: body for stream, kind, _, _, body in _events(full) if kind == "project.registered"}
    started = {stream: body for stream, kind, _, _, body in _events(full) if kind == "project.started"}
    months = [body["month"] for _, kind, _, _, body in _events(full) if kind == "project.progress_reported"]
    early = [stream for stream, body in started.items() if body["occurred_on"] < "2017-01-01"]
    assert len(early) >= 90
    assert min(body["occurred_on"] for body in registered.values()) >= "2017-01-03"
    assert all(registered[stream]["occurred_on"] <= "2017-01-16" for stream in early)
    assert all(registered[stream]["invested_before_yuan"] is not None for stream in early)
    assert min(months) == "2017-01"


def test_nothing_is_recorded_after_the_last_day_and_clerks_work_at_working_hours(full: Path) -> None:
    for stream, kind, at, actor, _ in _events(full):
        instant = datetime.fromtimestamp(at / 1e6, UTC).astimezone(SHANGHAI)
        assert instant.date() <= UNTIL
        if not actor.startswith("system:"):
            assert time(8, 0) <= instant.time() < time(18, 0), (stream, kind)


def test_everybody_acts_for_the_own_unit(full: Path) -> None:
    unit_of = {stream: body["unit_id"] for stream, kind, _, _, body in _events(full) if kind == "project.registered"}
    citys = {"project.rebaseline_approved", "project.rebaseline_rejected", "project.withdrawn"}
    for stream, kind, _, actor, _ in _events(full):
        if kind in ("project.lamp_recorded", "calendar.day_passed"):
            assert actor == "system:project_tracking"
        elif kind in citys:
            assert actor == CITY
        else:
            assert actor.split(":")[1].split(".")[0] == unit_of[stream], (stream, kind)


def test_every_month_has_its_lamps_and_they_are_mixed(full: Path) -> None:
    lamps: dict[str, Counter[str]] = defaultdict(Counter)
    for _, kind, _, _, body in _events(full):
        if kind == "project.lamp_recorded":
            lamps[body["month"]][body["lamp"]] += 1
    assert sorted(lamps) == [f"2017-{month:02d}" for month in range(1, 9)]
    august = lamps["2017-08"]
    judged = sum(august.values()) - august["not_judged"]
    assert judged >= 110
    assert 0.48 <= august["green"] / judged <= 0.68
    for colour, least, most in (("watch", 0.06, 0.22), ("yellow", 0.03, 0.16), ("red", 0.05, 0.15)):
        assert least <= august[colour] / judged <= most, colour
    assert august["unreported"] >= 2
    assert august["no_baseline"] >= 2


def test_days_passed_without_a_gap(full: Path) -> None:
    days = [body["occurred_on"] for _, kind, _, _, body in _events(full) if kind == "calendar.day_passed"]
    assert (days[0], days[-1], len(days)) == ("2017-01-01", "2017-09-28", 271)


def test_the_city_goes_on_from_its_last_day_with_views_current(full: Path) -> None:
    city = Embedded(full, SERVICES, Settings(), city_clock(EmbeddedForm(full, Settings()), SERVICES))
    try:
        assert city.info.kind is StoreKind.REHEARSAL
        assert city.clock.today() == UNTIL
        assert {behind for host in city.hosts.values() for behind in host.behind().values()} == {0}
        known: CityRegister = city.hosts["project_tracking"].views.get(UNITS.name, THE_CITY)
        assert len(scored_on(known.register, business_day(city.clock.now()))) == 22
        assert len(scored_on(known.register, date(2017, 3, 31))) == 25
    finally:
        city.close()
