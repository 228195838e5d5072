"""A page for a day shows the programme in force on it and the city's one register, in both readings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.policy_registry.events import (
    ProgrammeAdopted,
    ProgrammeWithdrawn,
    RuleSet,
    RuleSetPublished,
    UnitJoined,
    UnitKind,
)
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.programme_files import load_programme
from services.projection.queries import GetOverview, GetProgramme, ListUnits
from tests.unit.projection.world import BAODING, World, running_project, world

JUNE_30 = date(2017, 6, 30)
OTHER = "programme-baoding-2018"
ISSUED = date(2017, 9, 10)
AHEAD = date(2017, 11, 1)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "views.sqlite") as found:
        found.with_programme()
        running_project(found, "p1")
        yield found


def project_rules(**numbers: str) -> RuleSet:
    """The shipped rules of projects with other numbers."""
    adoption = load_programme(BAODING)[0]
    assert isinstance(adoption, AdoptProgramme)
    rules = next(each for each in adoption.rule_sets if each.id == "project")
    parameters = [replace(each, value=numbers.get(each.name, each.value)) for each in rules.parameters]
    return replace(rules, parameters=tuple(parameters))


def adopted(on: date, title: str = "明年方案") -> ProgrammeAdopted:
    return ProgrammeAdopted(
        occurred_on=on,
        title=title,
        city="某市",
        year=2018,
        goals=("办好事",),
        campaigns=(),
        groups=(),
        measures=(),
        phases=(),
        duties=(),
    )


def overview(city: World, on: date, known_on: date | None = None) -> Any:
    return city.ask(GetOverview(on=on, known_on=known_on))


def shown(city: World, on: date, known_on: date | None = None) -> tuple[str | None, int]:
    """The title and how many projects are judged by a lamp."""
    found = overview(city, on, known_on)
    return found.programme_title, found.summary.judged


def test_a_programme_adopted_ahead_of_its_day_changes_no_page_before_it(city: World) -> None:
    before = city.folded().ask(GetOverview(on=JUNE_30))
    city.fact(OTHER, adopted(AHEAD), date(2017, 6, 1))
    city.fact(OTHER, RuleSetPublished(occurred_on=AHEAD, rule_set=project_rules(green_from="1")), date(2017, 6, 1))
    city.folded()
    assert overview(city, JUNE_30) == before
    for known_on in (None, JUNE_30):
        assert overview(city, JUNE_30, known_on).programme_title == before.programme_title is not None
    assert len(city.ask(GetProgramme(on=city.today)).measures) == 21


def test_from_its_day_on_the_newer_programme_is_shown_and_what_it_leaves_out_goes_on(city: World) -> None:
    city.fact(OTHER, adopted(ISSUED), date(2017, 6, 1))
    city.folded()
    for known_on in (None, ISSUED):
        found = city.ask(GetProgramme(on=ISSUED, known_on=known_on))
        assert (found.title, found.measures, found.adopted_on) == ("明年方案", (), ISSUED)
        assert "project" in {each.id for each in found.rule_sets}
        assert overview(city, ISSUED, known_on).programme_title == "明年方案"
    assert overview(city, date(2017, 9, 9)).programme_title != "明年方案"


def test_a_programme_that_was_taken_back_is_on_no_page(city: World) -> None:
    city.fact(OTHER, adopted(ISSUED), date(2017, 6, 1))
    city.fact(OTHER, RuleSetPublished(occurred_on=ISSUED, rule_set=project_rules(lamp_day="9")), date(2017, 6, 1))
    city.fact(OTHER, ProgrammeWithdrawn(occurred_on=date(2017, 8, 1), reason="另行印发"))
    city.folded()
    for known_on in (None, ISSUED):
        found = city.ask(GetProgramme(on=ISSUED, known_on=known_on))
        assert found.title is not None
        assert found.title != "明年方案"
        lamp_days = [one.value for each in found.rule_sets for one in each.parameters if one.name == "lamp_day"]
        assert lamp_days == ["6"]
    as_known_before = city.ask(GetProgramme(on=ISSUED, known_on=date(2017, 7, 31)))
    assert as_known_before.title == "明年方案"


@pytest.mark.parametrize(
    "wrong",
    [{"lamp_day": "31"}, {"lamp_day": "0"}, {"yellow_from": "Infinity"}, {"yellow_from": "abc"}, {"green_from": "0.1"}],
)
def test_recorded_numbers_that_cannot_be_judged_by_cost_the_lamps_and_not_the_page(
    city: World, wrong: dict[str, str]
) -> None:
    assert shown(city.folded(), JUNE_30)[1] == 1
    rules = replace(project_rules(**wrong), version=2, effective_on=date(2017, 5, 1))
    city.fact("programme-baoding-2017", RuleSetPublished(occurred_on=date(2017, 5, 1), rule_set=rules))
    city.folded()
    for known_on in (None, JUNE_30):
        title, lamps = shown(city, JUNE_30, known_on)
        assert title is not None
        assert lamps == 0


def test_a_second_register_says_nothing_whichever_is_seen_first(tmp_path: Path) -> None:
    stray = UnitJoined(
        occurred_on=date(2017, 1, 1), unit_id="stray", code="990101", name="别县", kind=UnitKind.COUNTY, scored=True
    )
    for order in ("after", "before"):
        with world(tmp_path / f"{order}.sqlite") as city:
            city.with_programme()
            city.fact("unit_registry-aaa", stray, date(2017, 1, 1))
            if order == "before":
                city.seen_first("unit_registry-aaa")
            city.folded()
            for known_on in (None, JUNE_30):
                units = {each.unit_id for each in city.ask(ListUnits(on=JUNE_30, known_on=known_on)).units}
                assert "jingxiu" in units
                assert "stray" not in units
