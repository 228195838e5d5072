"""The invented portfolio: repeatable, plausible, and plainly invented."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from services.project_tracking.events import ProjectKind, ProjectLevel
from services.project_tracking.project.uscc import check_character
from services.rehearsal.names import MARK, UNUSED_DIVISION
from services.rehearsal.portfolio import YI, Phase, portfolio
from tests.unit.rehearsal.worlds import units

SEEDS = (1, 2, 3)


def test_the_same_seed_gives_the_same_portfolio_and_another_seed_another() -> None:
    assert portfolio(units(1), 200, 1) == portfolio(units(1), 200, 1)
    assert portfolio(units(1), 200, 1) != portfolio(units(1), 200, 2)


def test_the_units_are_those_scored_at_new_year_with_their_codes_of_that_day() -> None:
    found = units(1)
    assert len(found) == 25
    assert {unit.code for unit in found} >= {"130607", "130671", "130672"}
    left = {unit.unit_id: unit.left_on for unit in found if unit.left_on is not None}
    assert left == dict.fromkeys(("rongcheng", "anxin", "xiongxian"), date(2017, 4, 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_manners_differ_from_unit_to_unit(seed: int) -> None:
    manners = Counter(unit.manner.name for unit in units(seed))
    assert set(manners) == {"average", "good", "weak", "optimist"}
    assert manners["good"] >= 6
    assert manners["weak"] >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_every_unit_has_projects_and_there_are_as_many_as_asked_for(seed: int) -> None:
    projects = portfolio(units(seed), 200, seed)
    assert len({project.project_id for project in projects}) == 200
    by_unit = Counter(project.unit.unit_id for project in projects)
    assert len(by_unit) == 25
    assert min(by_unit.values()) >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_kinds_levels_sizes_and_phases_are_mixed(seed: int) -> None:
    projects = portfolio(units(seed), 200, seed)
    kinds = Counter(project.kind for project in projects)
    assert 100 <= kinds[ProjectKind.INVESTMENT] <= 140
    assert set(Counter(project.level for project in projects)) == set(ProjectLevel)
    assert set(Counter(project.phase for project in projects)) == set(Phase)
    sizes = [project.total_yuan for project in projects]
    assert min(sizes) >= 0.2 * YI
    assert max(sizes) <= 60 * YI
    assert all(size % 1_000_000 == 0 for size in sizes)
    assert 25 <= sum(project.weekly for project in projects) <= 45


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_can_take_a_name_or_a_code_for_a_real_one(seed: int) -> None:
    projects = portfolio(units(seed), 200, seed)
    assert all(project.name.startswith(MARK) for project in projects)
    assert all(project.owner.startswith((MARK, "拟真")) for project in projects)
    codes = [project.owner_uscc for project in projects if project.owner_uscc is not None]
    assert len(codes) == len(set(codes))
    assert all(code[2:8] == UNUSED_DIVISION and code[-1] == check_character(code) for code in codes)
