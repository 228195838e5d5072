"""The questions: figures, the two readings of a past day, what one may see, odd input."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.chassis.auth import Principal, Role
from services.chassis.errors import InvalidRequest, NotFound
from services.policy_registry.events import UnitKind, UnitRecoded
from services.project_tracking.events import (
    Lamp,
    ProjectCompleted,
    ProjectProgressReported,
    ProjectRebaselineRequested,
    ProjectStarted,
    ProjectStepRetracted,
    ProjectSuspended,
    ProjectWeeklyReportSubmitted,
    ProjectWithdrawn,
    Stage,
    Step,
)
from services.projection.queries import (
    AttentionKind,
    CompareUnits,
    GetOverview,
    GetProgramme,
    GetProject,
    GetProjectTimeline,
    GetUnit,
    ListProjects,
    ListUnits,
    ProjectOrder,
)
from tests.unit.projection.world import CLERK, YI, World, planned, registered, running_project, world

JUNE_30 = date(2017, 6, 30)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "views.sqlite") as found:
        yield found.with_programme()


def corrected_city(city: World) -> World:
    """p1 reported twice what it had invested in May; it was corrected on 20 July."""
    running_project(city, "p1", months=4)
    for month, yuan, day in (("2017-05", 2 * YI // 3, date(2017, 6, 3)), ("2017-06", YI // 3, date(2017, 7, 3))):
        city.fact("project-p1", _report(month, yuan, day))
    city.fact("project-p1", _report("2017-05", YI // 3, date(2017, 7, 20), reason="重复计入设备款"))
    return city.folded()


def _report(month: str, yuan: int, day: date, reason: str | None = None) -> ProjectProgressReported:
    return ProjectProgressReported(
        occurred_on=day,
        month=month,
        physical_percent=Decimal(50),
        invested_this_month_yuan=yuan,
        correction_reason=reason,
    )


def lamps(answer: object) -> dict[str, int]:
    return {each.lamp.value: each.count for each in answer.lamps if each.count}  # type: ignore[attr-defined]


def test_the_overview_counts_lamps_stages_starts_and_investment_against_plans(city: World) -> None:
    running_project(city, "p1")
    running_project(city, "p2", monthly=YI // 4, unit_code="130606", unit_id="lianchi")
    found = city.folded().ask(GetOverview()).summary
    # p1 is on plan by money; both have the roof 29 days late, so both are red
    assert lamps(found) == {"red": 2}
    assert found.steps.starts == 2
    assert found.steps.starts_due == 2
    assert found.investment.month == "2017-08"
    assert found.investment.comparable == 2
    assert found.investment.done_yuan == 8 * (YI // 3) + 8 * (YI // 4)
    assert found.investment.planned_yuan is not None
    assert found.reporting.expected == 12
    assert found.reporting.on_time_permille == 1000


def test_missing_reports_are_grey_and_stay_out_of_the_rates(city: World) -> None:
    running_project(city, "p1", months=4)
    found = city.folded().ask(GetOverview(on=JUNE_30))
    assert lamps(found.summary) == {"unreported": 1}
    assert found.summary.green_permille is None
    assert found.summary.investment.comparable == 0
    assert found.summary.investment.done_yuan is None
    assert found.summary.investment.unreported == 1
    kinds = {group.kind: group.count for group in found.attention}
    assert kinds[AttentionKind.UNREPORTED] == 1


def test_a_project_without_baseline_is_never_green(city: World) -> None:
    city.fact("project-p1", registered("p1"))
    found = city.folded().ask(GetOverview()).summary
    assert lamps(found) == {"no_baseline": 1}
    assert found.investment.no_baseline == 1
    assert found.investment.ratio_permille is None


def test_suspended_and_withdrawn_projects_are_counted_and_kept_out_of_averages(city: World) -> None:
    running_project(city, "p1")
    running_project(city, "p2")
    running_project(city, "p3")
    city.fact("project-p2", ProjectSuspended(occurred_on=date(2017, 9, 4), number=1, reason="资金"))
    city.fact("project-p3", ProjectWithdrawn(occurred_on=date(2017, 9, 4), reason="区划调整"))
    found = city.folded().ask(GetOverview()).summary
    assert (found.projects, found.averaged) == (3, 1)
    assert found.investment.out_of_averages == 2
    assert found.investment.comparable == 1
    assert {each.stage: each.count for each in found.stages}[Stage.SUSPENDED] == 1


def test_a_past_day_reads_as_now_known_and_as_then_known(city: World) -> None:
    corrected_city(city)
    now = city.ask(ListProjects(on=JUNE_30)).projects[0]
    then = city.ask(ListProjects(on=JUNE_30, known_on=JUNE_30)).projects[0]
    assert now.invested_yuan == 5 * (YI // 3)
    assert then.invested_yuan == now.invested_yuan + 2 * YI // 3 - YI // 3
    assert now.other.invested_yuan == then.invested_yuan
    assert now.other.corrected
    assert then.other.invested_yuan == now.invested_yuan


def test_any_pair_of_the_two_times_can_be_asked(city: World) -> None:
    corrected_city(city)
    before = datetime(2017, 7, 20, 3, 59, tzinfo=UTC)
    after = datetime(2017, 7, 20, 4, 1, tzinfo=UTC)
    asked = [city.ask(ListProjects(on=JUNE_30, known_at=at)).projects[0].invested_yuan for at in (before, after)]
    assert asked[0] - asked[1] == 2 * YI // 3 - YI // 3


def test_a_fold_of_the_past_goes_on_from_an_earlier_one(city: World) -> None:
    corrected_city(city)
    days = [date(2017, month, 28) for month in range(1, 9)]
    stepped = [city.ask(GetOverview(on=day, known_on=day)).summary for day in days]
    fresh = []
    for day in reversed(days):
        with world(city.views.path) as again:
            fresh.append(again.ask(GetOverview(on=day, known_on=day)).summary)
    assert stepped == fresh[::-1]


def test_a_fact_that_came_late_differs_without_being_a_correction(city: World) -> None:
    city.fact("project-p1", registered("p1"))
    city.fact("project-p1", ProjectStarted(occurred_on=date(2017, 6, 1), rule_version="project/1"), date(2017, 7, 9))
    line = city.folded().ask(ListProjects(on=JUNE_30)).projects[0]
    assert line.stage is Stage.UNDER_CONSTRUCTION
    assert line.other.stage is Stage.PREPARING
    assert not line.other.corrected


def test_a_new_fact_is_in_the_next_answer(city: World) -> None:
    running_project(city, "p1")
    city.folded().ask(GetOverview())
    city.fact("project-p1", ProjectCompleted(occurred_on=date(2017, 9, 20)))
    found = city.folded().ask(GetOverview()).summary
    assert found.steps.completions == 1
    assert lamps(found) == {"not_judged": 1}


def test_units_are_those_of_the_day_and_ranked_by_the_share_of_green(city: World) -> None:
    running_project(city, "p1", months=7)
    running_project(city, "p2", months=7, monthly=YI // 8, unit_code="130606", unit_id="lianchi")
    city.folded()
    march, june = (city.ask(CompareUnits(on=day)).units for day in (date(2017, 3, 15), date(2017, 8, 15)))
    assert {"rongcheng"} <= {line.unit_id for line in march}
    assert "rongcheng" not in {line.unit_id for line in june}
    ranks = {line.unit_code: line.rank for line in june if line.rank}
    assert ranks == {"130602": 1, "130606": 2}
    assert sum(line.scored for line in june) == 22


def test_the_register_of_a_day(city: World) -> None:
    units = city.folded().ask(ListUnits(on=date(2014, 1, 1))).units
    assert {unit.unit_code: unit.name for unit in units}["130602"] == "新市区"


def test_a_unit_with_its_projects(city: World) -> None:
    running_project(city, "p1")
    found = city.folded().ask(GetUnit(unit_code="130602"))
    assert found.entry.name == "竞秀区"
    assert [line.project_id for line in found.projects] == ["p1"]
    with pytest.raises(NotFound):
        city.ask(GetUnit(unit_code="999999"))


def test_a_unit_that_left_is_still_found_by_its_code(city: World) -> None:
    found = city.folded().ask(GetUnit(unit_code="130629")) if _projects_of_rongcheng(city) else None
    assert found is not None
    assert not found.unit.member
    assert found.entry.valid_to == date(2017, 4, 1)


def _projects_of_rongcheng(city: World) -> bool:
    city.fact("project-r1", registered("r1", unit_code="130629", unit_id="rongcheng"))
    return True


def test_projects_by_filters_and_page_by_page(city: World) -> None:
    for number in range(7):
        city.fact(f"project-p{number}", registered(f"p{number}", name=f"第{number}号轴承厂"))
    city.fact("project-q1", registered("q1", name="学校", unit_code="130606", unit_id="lianchi"))
    city.folded()
    query = ListProjects(unit_code="130602", page_size=3, order=ProjectOrder.PROJECT_ID)
    pages, token = [], ""
    for _ in range(3):
        page = city.ask(ListProjects(unit_code="130602", page_size=3, order=query.order, page_token=token or None))
        pages += [line.project_id for line in page.projects]
        token = page.next_page_token
    assert pages == [f"p{number}" for number in range(7)]
    assert token == ""
    assert city.ask(ListProjects(text="轴承 3")).total == 1
    assert city.ask(ListProjects(stage=(Stage.PREPARING,), lamp=(Lamp.NO_BASELINE,))).total == 8
    assert city.ask(ListProjects(unit_code="nobody")).total == 0


@pytest.mark.parametrize("token", ["x", "MTAuMQ==", "é", "999999999999", "LTEuNQ=="])
def test_a_page_token_of_another_question_is_refused(city: World, token: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        city.folded().ask(ListProjects(page_token=token))
    assert refused.value.violations[0].field == "page_token"


def test_a_clerk_sees_only_the_own_unit(city: World) -> None:
    running_project(city, "p1")
    running_project(city, "p2", unit_code="130606", unit_id="lianchi")
    city.folded()
    assert city.ask(ListProjects(), CLERK).total == 1
    assert city.ask(GetOverview(), CLERK).summary.projects == 1
    assert [line.unit_code for line in city.ask(CompareUnits(), CLERK).units] == ["130602"]
    assert [unit.unit_code for unit in city.ask(ListUnits(), CLERK).units] == ["130602"]
    for query in (GetProject(project_id="p2"), GetProjectTimeline(project_id="p2"), GetUnit(unit_code="130606")):
        with pytest.raises(NotFound):
            city.ask(query, CLERK)


def test_a_clerk_with_the_units_new_code_sees_what_was_registered_under_the_old_one(city: World) -> None:
    running_project(city, "p1", unit_code="130635", unit_id="lixian")
    running_project(city, "p2")
    recoded = UnitRecoded(
        occurred_on=date(2017, 9, 1), unit_id="lixian", code="130690", name="蠡县", kind=UnitKind.COUNTY
    )
    city.fact("unit_registry-baoding", recoded)
    clerk = Principal(account="clerk", role=Role.UNIT_STAFF, unit="130690")
    found = city.folded().ask(ListProjects(), clerk)
    assert [(line.project_id, line.unit_code) for line in found.projects] == [("p1", "130690")]
    assert city.ask(GetProject(project_id="p1"), clerk).line.unit_id == "lixian"
    assert [line.unit_id for line in city.ask(CompareUnits(), clerk).units] == ["lixian"]


def test_the_future_and_the_deep_past_cannot_be_looked_at(city: World) -> None:
    city.folded()
    for on in (date(2018, 1, 1), date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(InvalidRequest) as refused:
            city.ask(GetOverview(on=on))
        assert refused.value.violations[0].field == "on"
    with pytest.raises(InvalidRequest):
        city.ask(GetOverview(known_on=JUNE_30, known_at=datetime(2017, 6, 30, tzinfo=UTC)))


def test_a_project_shows_the_facts_behind_its_figures(city: World) -> None:
    corrected_city(city)
    found = city.ask(GetProject(project_id="p1"))
    may = next(month for month in found.months if month.month == "2017-05")
    assert may.source.event_id == "project-p1/8"
    assert may.source.reason == "重复计入设备款"
    assert [(other.event_id, other.invested_yuan) for other in may.source.others] == [("project-p1/6", 2 * YI // 3)]
    assert "project-p1/3" in found.line.lamp.event_ids
    assert found.line.lamp.rule_version == "project/1"
    assert {month.month for month in found.months if month.missing} == {"2017-07", "2017-08"}
    assert [milestone.reached_on for milestone in found.milestones] == [date(2017, 3, 1), None, None]
    assert found.approvals[0].name == "项目备案(核准)"
    assert found.curve[0].done_yuan is None


def test_as_then_known_a_later_correction_is_announced(city: World) -> None:
    corrected_city(city)
    found = city.ask(GetProject(project_id="p1", on=JUNE_30, known_on=JUNE_30))
    may = next(month for month in found.months if month.month == "2017-05")
    assert may.source.event_id == "project-p1/6"
    assert [(other.later, other.invested_yuan) for other in may.source.others] == [(True, YI // 3)]


def test_a_retracted_step_is_shown_as_taken_back(city: World) -> None:
    running_project(city, "p1", months=3)
    retraction = ProjectStepRetracted(occurred_on=date(2017, 4, 5), step=Step.STARTED, reason="只是平整场地")
    city.fact("project-p1", retraction)
    found = city.folded().ask(GetProject(project_id="p1"))
    started = next(line for line in found.steps if line.step is Step.STARTED)
    assert started.on is None
    assert started.source.reason == "只是平整场地"
    assert started.source.others[0].occurred_on == date(2017, 3, 1)


def test_the_first_baseline_stays_visible_beside_a_requested_one(city: World) -> None:
    running_project(city, "p1")
    asked = ProjectRebaselineRequested(
        occurred_on=date(2017, 9, 10), number=2, reason="征地延期", plan=planned(starts_on=date(2017, 1, 31))
    )
    city.fact("project-p1", asked)
    found = city.folded().ask(GetProject(project_id="p1"))
    assert [(line.number, line.in_force, line.pending) for line in found.baselines] == [
        (1, True, False),
        (2, False, True),
    ]
    assert found.line.pending_baseline == 2
    assert city.ask(GetProject(project_id="p1", on=date(2017, 9, 9))).line.pending_baseline is None


def test_weekly_reports_stand_beside_last_weeks_forecast(city: World) -> None:
    running_project(city, "p1")
    for week, text in ((date(2017, 9, 11), "浇筑"), (date(2017, 9, 18), "养护")):
        report = ProjectWeeklyReportSubmitted(
            occurred_on=week, week=week, progress=text, next_week=f"{text}之后", help_needed="电力"
        )
        city.fact("project-p1", report)
    found = city.folded().ask(GetProject(project_id="p1"))
    assert [(week.progress, week.forecast) for week in found.weeks] == [("养护", "浇筑之后"), ("浇筑", None)]
    assert found.line.help_needed == "电力"


def test_the_life_line_ties_a_correction_to_what_it_corrected(city: World) -> None:
    corrected_city(city)
    found = city.ask(GetProjectTimeline(project_id="p1")).entries
    latest = found[0]
    assert latest.event_id == "project-p1/8"
    assert latest.replaces == "project-p1/6"
    assert next(entry for entry in found if entry.event_id == "project-p1/6").replaced_by == "project-p1/8"
    single = city.ask(GetProjectTimeline(project_id="p1", version=1)).entries
    assert '"project_id":"p1"' in single[0].data
    with pytest.raises(NotFound):
        city.ask(GetProjectTimeline(project_id="p1", version=99))


def test_the_programme_of_a_day(city: World) -> None:
    city.folded()
    found = city.ask(GetProgramme(on=date(2017, 3, 10)))
    assert (len(found.campaigns), len(found.measures)) == (6, 21)
    assert [line.current for line in found.phases] == [True, True, False]
    assert {rule.id for rule in found.rule_sets} >= {"project"}
    assert city.ask(GetProgramme(on=date(2017, 1, 1))).title is None


def test_an_empty_store_has_an_overview(tmp_path: Path) -> None:
    with world(tmp_path / "empty.sqlite") as empty:
        found = empty.ask(GetOverview(on=JUNE_30, known_on=JUNE_30))
    assert found.summary.projects == 0
    assert found.programme_title is None
