"""What a clerk is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from services.project_tracking.events import ProjectCompleted, ProjectWeeklyReportSubmitted
from services.projection.cockpit.duties import due_of, usual
from services.projection.cockpit.prefill import values_for
from services.projection.queries import GetProject
from tests.unit.projection.world import TODAY, World, running_project, world

MONDAY = date(2017, 9, 25)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "views.sqlite") as made:
        yield made.with_programme()


def asked(city: World, project_id: str) -> list[str]:
    line = city.folded().ask(GetProject(project_id=project_id)).line
    return [due.command for due in due_of(line, TODAY)]


def test_only_a_major_project_is_asked_for_the_weeks_report_and_any_may_file_one(city: World) -> None:
    running_project(city, "p1", major=True)
    running_project(city, "p2")
    assert "SubmitWeeklyReport" in asked(city, "p1")
    assert "SubmitWeeklyReport" not in asked(city, "p2")
    assert "SubmitWeeklyReport" in usual(city.ask(GetProject(project_id="p2")).line)


def test_a_weeks_report_that_came_or_a_completion_ends_the_asking(city: World) -> None:
    for project in ("p1", "p2"):
        running_project(city, project, major=True)
    city.fact("project-p1", ProjectWeeklyReportSubmitted(occurred_on=MONDAY, week=MONDAY, progress="封顶"))
    city.fact("project-p2", ProjectCompleted(occurred_on=date(2017, 9, 20)))
    assert "SubmitWeeklyReport" not in asked(city, "p1")
    assert "SubmitWeeklyReport" not in asked(city, "p2")


def test_a_corrected_registration_begins_with_what_was_registered(city: World) -> None:
    """Also where the unit has had another code since: the registration is looked up on its own day."""
    running_project(city, "p1", major=True, unit_code="130604", unit_id="jingxiu")
    answer = city.folded().ask(GetProject(project_id="p1"))
    values = values_for("RegisterProject", answer, {}, True)
    assert (values["major"], values["unit_code"]) == ("true", "130604")
    assert answer.line.unit_code == "130602"
