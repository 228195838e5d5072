"""基线与调整."""

from __future__ import annotations

from datetime import date

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
    baseline_on,
    planned_by,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import FACTS, PLANNED, REASON, REGISTERED, UNDER_WAY, P, day, no_unit, on, plan

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
