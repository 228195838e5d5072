"""Plans of invented projects: rising to the whole by the completion, along the seasons."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.project_tracking.events import MilestoneKind, month_of
from services.rehearsal.chance import stream
from services.rehearsal.course.planning import completion_of, milestones_of, moved, plan_of
from services.rehearsal.lines import PLANT
from services.rehearsal.season import months_later, out_of_winter, quarter_end, weight


@given(
    first=st.dates(date(2016, 1, 1), date(2018, 6, 1)),
    months=st.integers(0, 36),
    total=st.integers(20_000_000, 6_000_000_000),
    begun=st.floats(0, 0.9),
)
def test_points_rise_from_quarter_end_to_quarter_end_to_the_whole(
    first: date, months: int, total: int, begun: float
) -> None:
    starting = int(total * begun)
    plan = plan_of(month_of(first), starting, total, months_later(first, months), [])
    assert plan.starts_on < plan.points[0].by
    assert all(earlier.by < later.by for earlier, later in pairwise(plan.points))
    values = [starting, *(point.invested_yuan for point in plan.points)]
    assert all(earlier <= later for earlier, later in pairwise(values))
    assert values[-1] == total
    assert all(point.by == quarter_end(point.by) for point in plan.points)


def test_a_year_follows_the_seasons() -> None:
    plan = plan_of("2017-01", 0, 100_000_000, date(2017, 12, 20), [])
    assert [point.invested_yuan for point in plan.points] == [20_000_000, 50_000_000, 75_000_000, 100_000_000]
    assert weight("2017-01", "2017-12") == pytest.approx(100)


def test_no_start_in_the_frost() -> None:
    assert out_of_winter(date(2017, 1, 10)) == date(2017, 2, 25)
    assert out_of_winter(date(2017, 12, 20)) == date(2018, 2, 25)
    assert out_of_winter(date(2017, 6, 1)) == date(2017, 6, 1)


def test_another_plan_keeps_what_is_reached_and_moves_the_rest() -> None:
    chance = stream(1)
    old = plan_of(
        "2017-03", 0, 10**8, date(2018, 5, 20), milestones_of(PLANT, date(2017, 3, 5), date(2018, 5, 20), chance)
    )
    reached = {old.milestones[1].milestone_id}
    new = {milestone.milestone_id: milestone for milestone in moved(old, reached, 3, chance)}
    for milestone in old.milestones:
        stays = milestone.milestone_id in reached or milestone.kind is MilestoneKind.START
        assert (new[milestone.milestone_id].due == milestone.due) == stays
    assert completion_of(old) == date(2018, 5, 20)
