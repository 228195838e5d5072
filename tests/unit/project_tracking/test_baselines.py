"""基线与调整."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from services.project_tracking.events import (
    BaselinePlan,
    Lamp,
    LampEvidence,
    MilestoneKind,
    PlannedMilestone,
    ProjectBaselineSet,
    ProjectLampRecorded,
    ProjectRebaselineApproved,
    ProjectRebaselineRejected,
    ProjectRebaselineRequested,
    ProjectRegistered,
    baseline_on,
    planned_by,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    FACTS,
    PLANNED,
    REASON,
    REGISTERED,
    UNDER_WAY,
    P,
    day,
    no_unit,
    on,
    plan,
    register,
)

NEW_PLAN = plan((day(6, 30), 10_000_000), (day(12, 31), 40_000_000))
SET = c.SetBaseline(project_id=P, occurred_on=day(1, 20), plan=plan())
REQUEST = c.RequestRebaseline(project_id=P, occurred_on=day(5, 2), reason="征地延期", plan=NEW_PLAN)
REQUESTED = ProjectRebaselineRequested(occurred_on=day(5, 2), number=2, reason="征地延期", plan=NEW_PLAN)
APPROVE = c.ApproveRebaseline(project_id=P, occurred_on=day(5, 10), number=2)
APPROVED = ProjectRebaselineApproved(occurred_on=day(5, 10), number=2)
REJECT = c.RejectRebaseline(project_id=P, occurred_on=day(5, 10), number=2, reason="理由不充分")
REJECTED = ProjectRebaselineRejected(occurred_on=day(5, 10), number=2, reason="理由不充分")
BEFORE = (REGISTERED, PLANNED)


def test_the_first_baseline() -> None:
    given(PROJECT, REGISTERED).when(SET, FACTS).then(PLANNED)
    given(PROJECT, *BEFORE).when(SET, FACTS).nothing()
    given(PROJECT, *BEFORE).when(replace(SET, plan=NEW_PLAN), FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, REGISTERED).when(replace(SET, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")
    given(PROJECT, REGISTERED).when(SET, no_unit()).raises("UNIT_NOT_VALID")


def test_a_slip_is_corrected_and_the_baseline_counts_from_its_first_day() -> None:
    slip = replace(SET, occurred_on=day(2, 3), plan=NEW_PLAN, correction_reason=REASON)
    record = (
        given(PROJECT, *BEFORE)
        .when(slip, FACTS)
        .then(ProjectBaselineSet(occurred_on=day(2, 3), plan=NEW_PLAN, correction_reason=REASON))
    )
    assert record is not None
    assert record.baselines[1].in_force_from == day(1, 20)


def test_once_a_lamp_was_given_by_it_only_a_rebaseline_changes_the_plan() -> None:
    evidence = LampEvidence(judged_on=day(1, 31), month="2017-01", baseline_number=1)
    lamp = ProjectLampRecorded(
        occurred_on=day(2, 6), month="2017-01", lamp=Lamp.GREEN, rule_version="test-1", evidence=evidence
    )
    slip = replace(SET, plan=NEW_PLAN, correction_reason=REASON)
    given(PROJECT, *BEFORE, lamp).when(slip, FACTS).raises("BASELINE_JUDGED", field="plan")


START = PlannedMilestone(milestone_id="start", text="开工", due=day(3, 1), kind=MilestoneKind.START)
ROOF = PlannedMilestone(milestone_id="roof", text="封顶", due=day(8, 1))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (plan((day(3, 30), 1)), "PLAN_NOT_QUARTER_END"),
        (plan((date(9999, 12, 30), 1)), "PLAN_NOT_QUARTER_END"),
        (plan((day(6, 30), 1), (day(3, 31), 2)), "PLAN_NOT_ASCENDING"),
        (plan((day(6, 30), 1), (day(6, 30), 2)), "PLAN_NOT_ASCENDING"),
        (plan((day(3, 31), 1), starts_on=day(3, 31)), "PLAN_NOT_ASCENDING"),
        (plan((day(3, 31), 2), (day(6, 30), 1)), "PLAN_DECREASES"),
        (plan((day(3, 31), 2), starting_yuan=3), "PLAN_DECREASES"),
        (plan(milestones=(START, replace(START, kind=MilestoneKind.OTHER))), "MILESTONE_TWICE"),
        (plan(milestones=(START, replace(START, milestone_id="s2"))), "MILESTONE_KIND_TWICE"),
        (plan(milestones=(ROOF,)), "BASELINE_WITHOUT_START"),
    ],
)
def test_a_plan_that_cannot_be(wrong: BaselinePlan, code: str) -> None:
    given(PROJECT, REGISTERED).when(replace(SET, plan=wrong), FACTS).raises(code, field="plan")
    given(PROJECT, *BEFORE).when(replace(REQUEST, plan=wrong), FACTS).raises(code, field="plan")


COMPLETE = PlannedMilestone(milestone_id="done", text="竣工", due=day(6, 30), kind=MilestoneKind.COMPLETION)
ENDING = replace(REGISTERED, planned_start=day(3, 1), planned_completion=day(6, 30))
TOTAL = REGISTERED.total_investment_yuan
WHOLE = plan((day(3, 31), 9_000_000), (day(6, 30), TOTAL), milestones=(START, COMPLETE))


def refused(registration: ProjectRegistered, wrong: BaselinePlan, code: str, *figures: str) -> None:
    error = given(PROJECT, registration).when(replace(SET, plan=wrong), FACTS).raises(code, field="plan")
    for figure in figures:
        assert figure in error.message
        assert figure in error.english


@pytest.mark.parametrize("of", [(0, 0), (5, 5), (0, 5)])
def test_a_plan_plans_something(of: tuple[int, int]) -> None:
    starting, planned = of
    hollow = plan((day(3, 31), planned), (day(6, 30), planned), starting_yuan=starting, milestones=(START,))
    if planned > starting:
        assert given(PROJECT, REGISTERED).when(replace(SET, plan=hollow), FACTS).error is None
    else:
        refused(REGISTERED, hollow, "PLAN_WITHOUT_INVESTMENT", f"{planned} ")


def test_all_invested_and_only_works_left_is_a_plan() -> None:
    paid = plan((day(3, 31), TOTAL), starting_yuan=TOTAL, milestones=(START, replace(ROOF, due=day(3, 20))))
    assert given(PROJECT, REGISTERED).when(replace(SET, plan=paid), FACTS).error is None


def test_a_plan_keeps_to_the_registered_total() -> None:
    above = plan((day(6, 30), TOTAL + 1))
    refused(REGISTERED, above, "PLAN_ABOVE_TOTAL", str(TOTAL), str(TOTAL + 1))
    refused(replace(REGISTERED, total_investment_yuan=0), plan(), "PLAN_ABOVE_TOTAL")
    below = plan((day(6, 30), TOTAL - 1), milestones=(START, COMPLETE))
    refused(REGISTERED, below, "PLAN_BELOW_TOTAL", str(TOTAL), str(TOTAL - 1), "2017-06-30")
    refused(ENDING, replace(below, milestones=(START,)), "PLAN_BELOW_TOTAL")
    assert given(PROJECT, ENDING).when(replace(SET, plan=WHOLE), FACTS).error is None
    only_this_year = plan((day(12, 31), 20_000_000))
    longer = replace(REGISTERED, planned_completion=day(6, 30, 2019))
    assert given(PROJECT, longer).when(replace(SET, plan=only_this_year), FACTS).error is None


def test_a_plan_begins_with_the_start() -> None:
    late = plan((day(6, 30), 1_000_000), starts_on=day(4, 1))
    refused(REGISTERED, late, "PLAN_STARTS_LATE", "2017-04-01", "2017-03-01")
    in_its_month = replace(late, starts_on=day(3, 31))
    assert given(PROJECT, REGISTERED).when(replace(SET, plan=in_its_month), FACTS).error is None
    given(PROJECT, *UNDER_WAY).when(replace(SET, plan=replace(late, milestones=())), FACTS).raises("PLAN_STARTS_LATE")
    later = plan((day(9, 30), 1_000_000), starts_on=day(4, 30), milestones=(replace(START, due=day(5, 2)),))
    assert given(PROJECT, REGISTERED).when(replace(SET, plan=later), FACTS).error is None


def test_a_plan_is_not_over_before_it_begins() -> None:
    over = plan((day(3, 31), 1_000_000), milestones=(replace(START, due=day(5, 2)),))
    refused(REGISTERED, over, "PLAN_ENDS_EARLY", "2017-03-31", "2017-05-02")
    told_late = replace(SET, occurred_on=day(10, 1))
    given(PROJECT, REGISTERED).when(told_late, FACTS).raises("PLAN_ENDS_EARLY", field="plan")
    given(PROJECT, *BEFORE).when(replace(REQUEST, plan=plan((day(3, 31), 1))), FACTS).raises("PLAN_ENDS_EARLY")


def test_little_is_planned_for_before_the_start() -> None:
    late = replace(START, due=day(12, 31))
    hollow = plan((day(6, 30), 20_000_001), (day(12, 31), 20_000_001), starts_on=day(3, 1), milestones=(late,))
    refused(REGISTERED, hollow, "PLAN_MONEY_BEFORE_START", "2017-12-31", "20000001", "20000000")
    between = plan((day(3, 31, 2018), TOTAL), starts_on=day(3, 1), milestones=(late,))
    refused(REGISTERED, between, "PLAN_MONEY_BEFORE_START", "2017-12-31")
    land = plan((day(6, 30), 20_000_000), (day(12, 31), 20_000_000), starts_on=day(3, 1), milestones=(late,))
    assert given(PROJECT, REGISTERED).when(replace(SET, plan=land), FACTS).error is None
    given(PROJECT, *BEFORE).when(replace(REQUEST, plan=hollow), FACTS).raises("PLAN_MONEY_BEFORE_START", field="plan")


def test_what_was_spent_before_a_plan_is_not_planned_for_before_the_start() -> None:
    bought = replace(REGISTERED, invested_before_yuan=50_000_000)
    paid = plan((day(3, 31), 50_000_000), (day(6, 30), 60_000_000), starting_yuan=50_000_000, milestones=(
        replace(START, due=day(4, 1)),
    ))  # fmt: skip
    assert given(PROJECT, bought).when(replace(SET, plan=paid), FACTS).error is None


def test_a_plan_of_what_has_started_is_free_of_the_day_on_which_the_start_was_planned() -> None:
    late = plan((day(6, 30), 50_000_000), (day(12, 31), 60_000_000), milestones=(replace(START, due=day(9, 1)),))
    given(PROJECT, REGISTERED).when(replace(SET, plan=late), FACTS).raises("PLAN_MONEY_BEFORE_START", field="plan")
    assert given(PROJECT, *UNDER_WAY).when(replace(SET, plan=late), FACTS).error is None


def test_a_plan_begins_with_what_was_invested_before() -> None:
    carried = replace(REGISTERED, invested_before_yuan=9_000_000)
    short = plan((day(3, 31), 10_000_000), (day(6, 30), 30_000_000))
    refused(carried, short, "PLAN_STARTS_BELOW_INVESTED", "0", "9000000")
    right = replace(short, starting_yuan=9_000_000)
    assert given(PROJECT, carried).when(replace(SET, plan=right), FACTS).error is None
    first = ProjectBaselineSet(occurred_on=day(1, 20), plan=right)
    given(PROJECT, carried, first).when(REQUEST, FACTS).raises("PLAN_STARTS_BELOW_INVESTED", field="plan")


def test_a_plan_that_reaches_the_completion_says_when_it_is_due() -> None:
    silent = replace(WHOLE, milestones=(START,))
    refused(ENDING, silent, "PLAN_WITHOUT_COMPLETION", "2017-06-30")
    given(PROJECT, ENDING, ProjectBaselineSet(occurred_on=day(1, 20), plan=WHOLE)).when(
        replace(REQUEST, plan=silent), FACTS
    ).raises("PLAN_WITHOUT_COMPLETION", field="plan")
    all_paid = plan((day(3, 31), TOTAL), milestones=(START,), starts_on=day(2, 28))
    refused(ENDING, all_paid, "PLAN_WITHOUT_COMPLETION", "2017-03-31")
    given(PROJECT, REGISTERED).when(replace(SET, plan=silent), FACTS).then(
        ProjectBaselineSet(occurred_on=day(1, 20), plan=silent)
    )


def test_the_completion_is_planned_after_the_start() -> None:
    crossed = replace(WHOLE, milestones=(START, replace(COMPLETE, due=day(2, 28))))
    refused(ENDING, crossed, "PLAN_MILESTONES_CROSSED", "2017-02-28", "2017-03-01")
    same = replace(WHOLE, milestones=(START, replace(COMPLETE, due=day(3, 1))))
    assert given(PROJECT, ENDING).when(replace(SET, plan=same), FACTS).error is None


@pytest.mark.parametrize(
    ("wrong", "code", "figures"),
    [
        (replace(WHOLE, milestones=(replace(START, due=day(6, 30, 2099)),)), "PLAN_ENDS_EARLY", ("2099-06-30",)),
        (replace(WHOLE, milestones=(START, replace(ROOF, due=day(7, 1)))), "PLAN_AFTER_COMPLETION", ("2017-07-01",)),
        (
            plan((day(6, 30), TOTAL), (day(9, 30), TOTAL), milestones=(START,)),
            "PLAN_AFTER_COMPLETION",
            ("2017-09-30", "2017-06-30"),
        ),
        (
            plan((day(12, 31, 2030), TOTAL), starts_on=day(12, 31, 2029), milestones=(START,)),
            "PLAN_STARTS_LATE",
            ("2029-12-31",),
        ),
        (replace(WHOLE, starts_on=day(12, 30, 2016)), "PLAN_BEFORE_PROJECT", ("2016-12-31", "2017-01-01")),
        (
            replace(WHOLE, milestones=(START, replace(ROOF, due=day(1, 1, 2015)))),
            "PLAN_BEFORE_PROJECT",
            ("2015-01-01",),
        ),
    ],
)
def test_a_plan_lies_in_the_registered_years(wrong: BaselinePlan, code: str, figures: tuple[str, ...]) -> None:
    refused(ENDING, wrong, code, *figures)


def test_without_a_registered_completion_a_plan_reaches_ten_years_ahead() -> None:
    far = plan((day(12, 31, 2028), 1_000_000), milestones=(START,))
    refused(REGISTERED, far, "PLAN_TOO_FAR", "2028-12-31", "2027-12-31")
    never = plan(
        (day(12, 31, 2099), 1_000_000),
        starts_on=day(12, 31, 2098),
        milestones=(replace(START, due=day(3, 1, 2099)),),
    )
    refused(REGISTERED, never, "PLAN_TOO_FAR", "2027-12-31")
    near = plan((day(12, 31, 2027), 1_000_000), milestones=(START,))
    assert given(PROJECT, REGISTERED).when(replace(SET, plan=near), FACTS).error is None


def test_a_rebaseline_may_end_later_than_registered_and_begins_when_it_is_asked_for() -> None:
    first = ProjectBaselineSet(occurred_on=day(1, 20), plan=WHOLE)
    later = plan((day(9, 30), TOTAL), milestones=(START, replace(COMPLETE, due=day(9, 20))), starts_on=day(4, 30))
    asked = replace(REQUEST, plan=later)
    assert given(PROJECT, ENDING, first).when(asked, FACTS).error is None
    hollow = replace(asked, plan=replace(later, starts_on=day(6, 1)))
    given(PROJECT, ENDING, first).when(hollow, FACTS).raises("PLAN_STARTS_LATE", field="plan")
    far = replace(asked, plan=plan((day(3, 31, 2028), TOTAL), milestones=(START,)))
    given(PROJECT, ENDING, first).when(far, FACTS).raises("PLAN_TOO_FAR", field="plan")


def test_a_started_project_needs_no_start_milestone() -> None:
    late = replace(SET, occurred_on=day(3, 20), plan=plan(milestones=(ROOF,)))
    given(PROJECT, *UNDER_WAY).when(late, FACTS).then(
        ProjectBaselineSet(occurred_on=day(3, 20), plan=plan(milestones=(ROOF,)))
    )


def test_an_approved_rebaseline_is_in_force_from_its_day_and_the_first_stays_visible() -> None:
    given(PROJECT, *BEFORE).when(REQUEST, FACTS).then(REQUESTED)
    record = given(PROJECT, *BEFORE, REQUESTED).when(APPROVE, FACTS).then(APPROVED)
    assert record is not None
    assert planned_by(record, day(5, 9)) == 9_000_000 + 21_000_000 * 39 // 91
    assert planned_by(record, day(5, 10)) == 10_000_000 * 130 // 181
    assert record.baselines[1].plan == PLANNED.plan
    second = baseline_on(record, day(5, 10))
    assert second is not None
    assert (second.number, second.reason) == (2, "征地延期")


def test_a_rejected_one_changes_nothing_and_the_next_has_the_next_number() -> None:
    record = given(PROJECT, *BEFORE, REQUESTED).when(REJECT, FACTS).then(REJECTED)
    assert record is not None
    assert planned_by(record, day(6, 30)) == 30_000_000
    given(PROJECT, *BEFORE, REQUESTED, REJECTED).when(replace(REQUEST, occurred_on=day(6, 1)), FACTS).then(
        replace(REQUESTED, occurred_on=day(6, 1), number=3)
    )


def test_quiet_when_told_again_as_it_is() -> None:
    given(PROJECT, *BEFORE, REQUESTED).when(REQUEST, FACTS).nothing()
    given(PROJECT, *BEFORE, REQUESTED, APPROVED).when(APPROVE, FACTS).nothing()
    given(PROJECT, *BEFORE, REQUESTED, REJECTED).when(REJECT, FACTS).nothing()


def test_one_request_at_a_time() -> None:
    other = replace(REQUEST, reason="资金")
    given(PROJECT, *BEFORE, REQUESTED).when(other, FACTS).raises("REBASELINE_PENDING")
    given(PROJECT, *BEFORE, REQUESTED).when(replace(other, correction_reason=REASON), FACTS).then(
        replace(REQUESTED, reason="资金", correction_reason=REASON)
    )
    given(PROJECT, *BEFORE, REQUESTED, APPROVED).when(replace(other, correction_reason=REASON), FACTS).raises(
        "REBASELINE_DECIDED"
    )
    given(PROJECT, *BEFORE).when(replace(other, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")


def test_no_rebaseline_without_a_baseline() -> None:
    given(PROJECT, REGISTERED).when(REQUEST, FACTS).raises("PROJECT_HAS_NO_BASELINE", field="project_id")


@pytest.mark.parametrize("command", [APPROVE, REJECT])
def test_a_decision_needs_its_request_and_is_taken_once(command: c.ApproveRebaseline | c.RejectRebaseline) -> None:
    given(PROJECT, *BEFORE).when(command, FACTS).raises("REBASELINE_NOT_FOUND", field="number")
    given(PROJECT, *BEFORE).when(replace(command, number=1), FACTS).raises("REBASELINE_NOT_FOUND", field="number")
    given(PROJECT, *BEFORE, REQUESTED).when(replace(command, occurred_on=day(5, 1)), FACTS).raises("DATES_OUT_OF_ORDER")
    given(PROJECT, *BEFORE, REQUESTED).when(command, on(day(5, 9))).raises("DATE_IN_FUTURE")
    decided = REJECTED if isinstance(command, c.ApproveRebaseline) else APPROVED
    given(PROJECT, *BEFORE, REQUESTED, decided).when(command, FACTS).raises("REBASELINE_DECIDED", field="number")
    same = APPROVED if isinstance(command, c.ApproveRebaseline) else REJECTED
    moved = replace(command, occurred_on=day(5, 11))
    given(PROJECT, *BEFORE, REQUESTED, same).when(moved, FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, *BEFORE, REQUESTED, same).when(replace(moved, correction_reason=REASON), FACTS).then(
        replace(same, occurred_on=day(5, 11), correction_reason=REASON)
    )


def correct(**changes: Any) -> c.RegisterProject:
    return register(
        planned_start=day(3, 1), **{"planned_completion": day(6, 30), "correction_reason": REASON, **changes}
    )


IN_FORCE = (ENDING, ProjectBaselineSet(occurred_on=day(1, 20), plan=WHOLE))


def test_the_registered_completion_is_not_brought_forward_past_the_plan_in_force() -> None:
    earlier = correct(planned_completion=day(3, 31))
    given(PROJECT, ENDING).when(earlier, FACTS).then(
        replace(ENDING, planned_completion=day(3, 31), correction_reason=REASON)
    )
    error = (
        given(PROJECT, *IN_FORCE).when(earlier, FACTS).raises("PLAN_OUTLASTS_COMPLETION", field="planned_completion")
    )
    assert "2017-06-30" in error.message
    first_told = (replace(ENDING, planned_completion=None), IN_FORCE[1])
    given(PROJECT, *first_told).when(earlier, FACTS).raises("PLAN_OUTLASTS_COMPLETION", field="planned_completion")


def test_first_the_plan_then_the_registration_is_brought_forward() -> None:
    short = plan(
        (day(3, 31), TOTAL),
        starts_on=day(2, 28),
        milestones=(START, replace(COMPLETE, due=day(3, 31))),
    )
    request = replace(REQUEST, occurred_on=day(3, 2), plan=replace(short, starts_on=day(3, 1)))
    asked = given(PROJECT, *IN_FORCE).when(request, FACTS).events
    approved = replace(APPROVED, occurred_on=day(3, 5))
    earlier = correct(planned_completion=day(3, 31))
    given(PROJECT, *IN_FORCE, *asked).when(earlier, FACTS).raises("PLAN_OUTLASTS_COMPLETION")
    assert given(PROJECT, *IN_FORCE, *asked, approved).when(earlier, FACTS).error is None


def test_a_plan_beyond_the_registered_completion_blocks_no_other_correction() -> None:
    later = plan((day(9, 30), TOTAL), milestones=(START, replace(COMPLETE, due=day(9, 20))), starts_on=day(4, 30))
    history = (*IN_FORCE, replace(REQUESTED, plan=later), APPROVED)
    for changes in ({"name": "别名"}, {"planned_completion": day(8, 1)}, {"planned_completion": day(9, 20)}):
        assert given(PROJECT, *history).when(correct(**changes), FACTS).error is None


def test_first_the_registered_total_then_the_plan_is_corrected() -> None:
    half = TOTAL // 2
    lowered = replace(ENDING, total_investment_yuan=half, correction_reason=REASON)
    given(PROJECT, *IN_FORCE).when(correct(total_investment_yuan=half), FACTS).then(lowered)
    less = plan((day(6, 30), half), starts_on=day(3, 1), milestones=(START, COMPLETE))
    asked = replace(REQUEST, plan=less)
    given(PROJECT, *IN_FORCE).when(asked, FACTS).raises("PLAN_BELOW_TOTAL", field="plan")
    assert given(PROJECT, *IN_FORCE, lowered).when(asked, FACTS).error is None
