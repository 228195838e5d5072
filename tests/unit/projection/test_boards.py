"""A board of one project says of it what the board of all says, and a board is made anew only for what changed."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.project_tracking.events import ProjectProgressReported, ProjectWeeklyReportSubmitted
from services.projection import project_timeline
from services.projection.as_of import Moment
from services.projection.boards import board_at, board_of
from services.projection.project_board import PROJECT_BOARD, BoardRow
from services.projection.project_timeline import PROJECT_TIMELINE
from tests.unit.project_tracking.known import received
from tests.unit.projection.world import TODAY, YI, World, running_project, world

JUNE_30 = date(2017, 6, 30)
MOMENTS = (Moment(TODAY), Moment(JUNE_30), Moment(JUNE_30).as_then_known, Moment(date(2016, 1, 1)).as_then_known)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "views.sqlite") as found:
        found.with_programme()
        for number in range(4):
            running_project(found, f"p{number}", monthly=YI // (number + 3))
        yield found.folded()


def july_corrected(city: World, project_id: str) -> None:
    corrected = ProjectProgressReported(
        occurred_on=date(2017, 8, 3),
        month="2017-07",
        physical_percent=Decimal(71),
        invested_this_month_yuan=YI,
        correction_reason="误报",
    )
    city.fact(f"project-{project_id}", corrected, date(2017, 9, 20))
    city.folded()


@pytest.mark.parametrize("moment", MOMENTS)
def test_one_project_reads_alone_as_it_does_among_all(city: World, moment: Moment) -> None:
    july_corrected(city, "p2")
    everything = board_at(city.views, moment)
    for number in range(4):
        alone = board_of(city.views, moment, f"p{number}")
        assert alone.standings.get(f"p{number}") == everything.standings.get(f"p{number}")
        assert (alone.city, alone.rules) == (everything.city, everything.rules)


def test_facts_folded_together_make_the_row_that_they_make_one_by_one(city: World) -> None:
    july_corrected(city, "p2")
    assert PROJECT_BOARD.folding is not None
    for number in range(4):
        told = sorted(city.views.facts(PROJECT_TIMELINE.name, f"p{number}"), key=lambda fact: fact.position)
        facts = [received(fact.stream, fact.event, fact.version, fact.position) for fact in told]
        rows: list[BoardRow | None] = [None]
        for fact in facts:
            rows.append(PROJECT_BOARD.handlers[type(fact.event)](rows[-1], fact))
        before = deepcopy(rows)
        for start in (0, 1, len(facts) // 2):
            folding = PROJECT_BOARD.folding(rows[start], facts[start])
            for fact in facts[start:]:
                folding.add(fact)
            assert folding.done() == rows[-1] == city.views.get(PROJECT_BOARD.name, f"p{number}")
        assert rows == before


def test_a_project_that_is_not_there_is_on_no_board(city: World) -> None:
    for moment in MOMENTS:
        assert board_of(city.views, moment, "nobody's").standings == {}


def test_facts_read_in_pages_give_the_same_past(city: World, monkeypatch: pytest.MonkeyPatch) -> None:
    then = Moment(JUNE_30).as_then_known
    at_once = board_at(city.views, then).standings
    assert at_once
    for page in (1, 3, 7):
        monkeypatch.setattr(project_timeline, "PAGE", page)
        assert board_of(city.views, then, *at_once).standings == at_once


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_board_stays_the_same_one_while_nothing_changes(city: World, moment: Moment) -> None:
    assert board_at(city.views, moment) is board_at(city.views, moment)


def test_only_the_project_that_changed_is_read_again(city: World) -> None:
    before = board_at(city.views, Moment(TODAY))
    july_corrected(city, "p2")
    after = board_at(city.views, Moment(TODAY))
    again = {key for key, standing in after.standings.items() if standing is not before.standings[key]}
    assert again == {"p2"}
    assert after.standings["p2"].invested_yuan != before.standings["p2"].invested_yuan


def test_a_project_that_came_is_on_the_next_board(city: World) -> None:
    board_at(city.views, Moment(TODAY))
    running_project(city, "p9")
    city.folded()
    assert "p9" in board_at(city.views, Moment(TODAY)).standings


def test_a_clock_that_was_set_back_mixes_no_knowledge(city: World) -> None:
    """A correction recorded while it was ahead, and after it a fact of an earlier instant."""
    july_corrected(city, "p2")
    told = ProjectWeeklyReportSubmitted(occurred_on=date(2017, 8, 28), week=date(2017, 8, 28), progress="主体封顶")
    city.fact("project-p2", told, date(2017, 8, 30))
    city.folded()
    day = date(2017, 9, 1)
    now, then = Moment(day), Moment(day).as_then_known
    board_at(city.views, now)
    earlier = Moment(date(2017, 8, 31)).as_then_known
    board_at(city.views, earlier)
    for moment in (then, now, Moment(TODAY).as_then_known):
        alone = board_of(city.views, moment, "p2").standings["p2"]
        assert board_at(city.views, moment).standings["p2"].row == alone.row
    assert board_at(city.views, then).standings["p2"].row.corrections == ()
    assert board_at(city.views, Moment(TODAY).as_then_known).standings["p2"].row.corrections != ()
