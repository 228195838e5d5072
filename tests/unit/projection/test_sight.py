"""What the staff of one unit see of a project that was another's before or is another's since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.chassis.auth import Principal, Role
from services.chassis.domain import Event
from services.chassis.errors import NotFound
from services.chassis.service import Query
from services.policy_registry.events import UnitKind, UnitLeft, UnitRecoded
from services.project_tracking.events import (
    ProjectCompleted,
    ProjectMilestoneReached,
    ProjectProgressReported,
    ProjectRegistered,
    ProjectWeeklyReportSubmitted,
)
from services.projection.queries import (
    CompareUnits,
    GetOverview,
    GetProject,
    GetProjectTimeline,
    GetUnit,
    ListProjects,
    ListUnits,
)
from tests.unit.projection.pages import TestAccess, browser
from tests.unit.projection.world import CLERK, LEADER, YI, World, registered, running_project, world

NEW_CLERK = Principal(account="clerk-2", role=Role.UNIT_STAFF, unit="130606")
MOVED = date(2017, 7, 10)
LAST_OWN = MOVED - timedelta(days=1)
JUNE_30 = date(2017, 6, 30)
WORDS = ("777777", "机密")
SECRETS = (*WORDS, *(f"project-p1/{version}" for version in range(8, 13)))
"""Figures, words and ids of what was recorded with the move and after it."""


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    """p1 was 竞秀区's and runs to its June report; then it is 莲池区's, which corrects and adds. q1 stays 竞秀区's."""
    with world(tmp_path / "views.sqlite") as found:
        found.with_programme()
        running_project(found, "p1", months=6)
        running_project(found, "q1", months=6)
        for event in later_facts():
            found.fact("project-p1", event, max(MOVED, event.occurred_on))
        yield found.folded()


def later_facts() -> Iterator[Event]:
    yield moved(unit_code="130606", unit_id="lianchi", owner="机密公司", total_investment_yuan=5 * YI + 777_777)
    yield report("2017-05", date(2017, 7, 12), reason="机密:重复计入")
    yield report("2017-07", date(2017, 8, 2))
    yield ProjectMilestoneReached(occurred_on=date(2017, 8, 20), milestone_id="roof", text="机密:封顶")
    yield ProjectWeeklyReportSubmitted(
        occurred_on=date(2017, 6, 26), week=date(2017, 6, 26), progress="机密", reported_on=date(2017, 7, 11)
    )


def moved(**told: Any) -> ProjectRegistered:
    return registered("p1", correction_reason="机密:登记到错误的单位", **told)


def report(month: str, on: date, reason: str | None = None) -> ProjectProgressReported:
    return ProjectProgressReported(
        occurred_on=on,
        month=month,
        physical_percent=Decimal("77.7"),
        invested_this_month_yuan=777_777,
        note="机密",
        correction_reason=reason,
    )


def questions(on: date, known_on: date) -> list[Query]:
    times: dict[str, Any] = {"on": on, "known_on": known_on}
    return [
        GetOverview(**times),
        CompareUnits(**times),
        ListUnits(**times),
        GetUnit(unit_code="130602", **times),
        ListProjects(**times),
        GetProject(project_id="p1", **times),
        GetProjectTimeline(project_id="p1", **times),
    ]


def told(answer: Any) -> str:
    return msgspec.json.encode(answer).decode()


@pytest.mark.parametrize("known_on", [date(2017, 4, 10), JUNE_30, LAST_OWN])
@pytest.mark.parametrize("on", [date(2017, 4, 10), JUNE_30, date(2017, 7, 31), date(2017, 9, 29)])
def test_the_old_unit_sees_nothing_recorded_with_the_move_or_after_it(city: World, on: date, known_on: date) -> None:
    for query in questions(on, known_on):
        answer = told(city.ask(query, CLERK))
        found = [secret for secret in SECRETS if f'{secret}"' in answer or (secret in WORDS and secret in answer)]
        assert not found, (type(query).__name__, found)
        assert "lianchi" not in answer


def test_the_old_unit_sees_the_project_as_known_up_to_the_move(city: World) -> None:
    found = city.ask(GetProject(project_id="p1", on=JUNE_30, known_on=LAST_OWN), CLERK)
    assert (found.line.unit_id, found.owner, found.line.other) == ("jingxiu", "某某公司", None)
    assert not found.reading.compared
    may = next(month for month in found.months if month.month == "2017-05")
    assert (may.invested_yuan, may.source.others) == (YI // 3, ())
    lines = city.ask(ListProjects(on=JUNE_30, known_on=LAST_OWN), CLERK).projects
    assert {line.project_id: line.other for line in lines} == {"p1": None, "q1": None}
    timeline = city.ask(GetProjectTimeline(project_id="p1", on=JUNE_30, known_on=LAST_OWN), CLERK)
    assert {entry.version for entry in timeline.entries} == set(range(1, 8))
    assert all(entry.replaced_by is None for entry in timeline.entries)


def test_its_own_projects_are_compared_as_before(city: World) -> None:
    late = replace(report("2017-06", date(2017, 7, 3), reason="更正"), invested_this_month_yuan=5)
    city.fact("project-q1", late, date(2017, 7, 20))
    lines = city.folded().ask(ListProjects(on=date(2017, 7, 9), known_on=LAST_OWN), CLERK).projects
    others = {line.project_id: line.other for line in lines}
    assert others["p1"] is None
    assert others["q1"].corrected
    overview = city.ask(GetOverview(on=date(2017, 7, 9), known_on=LAST_OWN), CLERK)
    assert (overview.summary.projects, overview.other.projects, overview.other.changed_projects) == (2, 1, 1)


def test_whoever_sees_all_sees_both_readings(city: World) -> None:
    found = city.ask(GetProject(project_id="p1", on=JUNE_30, known_on=LAST_OWN), LEADER)
    may = next(month for month in found.months if month.month == "2017-05")
    assert [(other.later, other.invested_yuan) for other in may.source.others] == [(True, 777_777)]
    assert found.line.other.invested_yuan != found.line.invested_yuan


def test_since_the_move_it_is_the_new_units_and_before_it_was_not(city: World) -> None:
    with pytest.raises(NotFound):
        city.ask(GetProject(project_id="p1"), CLERK)
    with pytest.raises(NotFound):
        city.ask(GetProject(project_id="p1", on=JUNE_30, known_on=MOVED), CLERK)
    with pytest.raises(NotFound):
        city.ask(GetProject(project_id="p1", on=JUNE_30, known_on=LAST_OWN), NEW_CLERK)
    found = city.ask(GetProject(project_id="p1", on=JUNE_30), NEW_CLERK)
    assert (found.owner, found.line.other) == ("机密公司", None)


def test_a_move_that_also_takes_it_off_that_days_list_hides_it_alike(tmp_path: Path) -> None:
    """The correction says that it was registered after the day looked at: then the later reading does not list it."""
    with world(tmp_path / "views.sqlite") as city:
        city.with_programme()
        running_project(city, "p1", months=6)
        city.fact("project-p1", moved(unit_code="130606", unit_id="lianchi", occurred_on=date(2017, 7, 1)), MOVED)
        city.fact("project-p1", report("2017-05", date(2017, 7, 12), reason="机密"), date(2017, 7, 12))
        city.folded()
        for query in questions(JUNE_30, JUNE_30):
            assert "机密" not in told(city.ask(query, CLERK))
            assert "777777" not in told(city.ask(query, CLERK))
        assert city.ask(ListProjects(on=JUNE_30, known_on=JUNE_30), CLERK).projects[0].other is None


def test_what_came_back_is_seen_whole(city: World) -> None:
    city.fact("project-p1", moved(owner="某某公司"), date(2017, 9, 1))
    found = city.folded().ask(GetProject(project_id="p1", on=JUNE_30, known_on=LAST_OWN), CLERK)
    may = next(month for month in found.months if month.month == "2017-05")
    assert [other.invested_yuan for other in may.source.others] == [777_777]
    assert found.line.other is not None


async def test_no_page_and_no_table_shows_it_and_the_events_up_to_the_move_open(city: World, tmp_path: Path) -> None:
    access, then = TestAccess(tmp_path), f"?on={JUNE_30}&known=then"
    paths = ["", "units", "units/130602", "projects", "projects.csv", "projects/p1", "projects/p1/events"]
    async with browser(city, access, CLERK) as client:
        for path in paths:
            answer = await client.get(f"/{path}{then}")
            assert answer.status_code == 200, path
            assert "机密" not in answer.text, path
            assert "777777" not in answer.text.replace(",", ""), path
        for version in range(1, 7):
            event = await client.get(f"/projects/p1/events/{version}{then}")
            assert (event.status_code, "机密" in event.text) == (200, False)
        for version in range(8, 13):
            assert (await client.get(f"/projects/p1/events/{version}{then}")).status_code == 404
        assert (await client.get("/projects/p1/events/1")).status_code == 404


def test_a_unit_that_was_recoded_and_then_left_still_sees_its_older_projects(tmp_path: Path) -> None:
    with world(tmp_path / "views.sqlite") as city:
        city.with_programme()
        running_project(city, "p1", unit_code="130635", unit_id="lixian")
        running_project(city, "q1")
        recoded = UnitRecoded(
            occurred_on=date(2017, 8, 1), unit_id="lixian", code="130690", name="蠡县", kind=UnitKind.COUNTY
        )
        city.fact("unit_registry-baoding", recoded)
        city.fact("unit_registry-baoding", UnitLeft(occurred_on=date(2017, 9, 1), unit_id="lixian", reason="划出"))
        clerk = Principal(account="clerk", role=Role.UNIT_STAFF, unit="130690")
        city.folded()
        assert [line.project_id for line in city.ask(ListProjects(), clerk).projects] == ["p1"]
        assert city.ask(GetProject(project_id="p1"), clerk).line.unit_id == "lixian"
        assert [line.unit_id for line in city.ask(CompareUnits(), clerk).units] == ["lixian"]
        early = date(2017, 6, 30)
        assert city.ask(ListProjects(on=early, known_on=early), clerk).total == 1


def test_a_code_that_another_unit_bears_today_is_that_units_in_every_reading(tmp_path: Path) -> None:
    """What was known before the code changed hands does not give the new bearer the old one's projects."""
    with world(tmp_path / "views.sqlite") as city:
        city.with_programme()
        running_project(city, "p1")
        city.fact("project-p1", ProjectCompleted(occurred_on=date(2017, 7, 5)))
        for unit_id, code in (("jingxiu", "130691"), ("lixian", "130602")):
            told_on = date(2017, 8, 1)
            event = UnitRecoded(occurred_on=told_on, unit_id=unit_id, code=code, name=unit_id, kind=UnitKind.DISTRICT)
            city.fact("unit_registry-baoding", event)
        city.folded()
        for known_on in (JUNE_30, date(2017, 9, 29)):
            assert city.ask(ListProjects(on=JUNE_30, known_on=known_on), CLERK).total == 0
            own = Principal(account="clerk", role=Role.UNIT_STAFF, unit="130691")
            assert city.ask(ListProjects(on=JUNE_30, known_on=known_on), own).total == 1
