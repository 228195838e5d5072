"""签约、开工、暂停、复工、竣工、投产、终止、调出、撤销."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from services.chassis.domain import Command, Event
from services.project_tracking.events import (
    ProjectCompleted,
    ProjectPutIntoProduction,
    ProjectResumed,
    ProjectSigned,
    ProjectStarted,
    ProjectStepRetracted,
    ProjectSuspended,
    ProjectTerminated,
    ProjectWeeklyReportSubmitted,
    ProjectWithdrawn,
    Step,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    COMPLETED,
    FACTS,
    FILED,
    GOVERNMENT,
    GRANTED,
    PLANNED,
    READY,
    REASON,
    REGISTERED,
    RESUMED,
    ROOFED,
    RULES,
    SIGNED,
    STARTED,
    SUSPENDED,
    UNDER_WAY,
    P,
    day,
    filed,
    granted,
    no_unit,
    on,
    reported,
)

PRODUCED = ProjectPutIntoProduction(occurred_on=day(11, 1))
TERMINATED = ProjectTerminated(occurred_on=day(5, 1), reason="投资方退出")
WITHDRAWN = ProjectWithdrawn(occurred_on=day(5, 1), reason="划出")

STEPS: list[tuple[tuple[Event, ...], Command, Event]] = [
    ((REGISTERED,), c.SignProject(project_id=P, occurred_on=day(2, 1)), SIGNED),
    (READY, c.StartProject(project_id=P, occurred_on=day(3, 1)), STARTED),
    (UNDER_WAY, c.SuspendProject(project_id=P, occurred_on=day(4, 10), reason="资金不到位"), SUSPENDED),
    ((*UNDER_WAY, SUSPENDED), c.ResumeProject(project_id=P, occurred_on=day(6, 1)), RESUMED),
    (UNDER_WAY, c.CompleteProject(project_id=P, occurred_on=day(10, 1)), COMPLETED),
    ((*UNDER_WAY, COMPLETED), c.PutIntoProduction(project_id=P, occurred_on=day(11, 1)), PRODUCED),
    (UNDER_WAY, c.TerminateProject(project_id=P, occurred_on=day(5, 1), reason="投资方退出"), TERMINATED),
    (UNDER_WAY, c.WithdrawProject(project_id=P, occurred_on=day(5, 1), reason="划出"), WITHDRAWN),
]
NAMES = [type(command).__name__ for _, command, _ in STEPS]
Step_ = tuple[tuple[Event, ...], Any, Event]


@pytest.fixture(params=STEPS, ids=NAMES)
def step(request: pytest.FixtureRequest) -> Step_:
    found: Step_ = request.param
    return found


def test_yes(step: Step_) -> None:
    history, command, event = step
    given(PROJECT, *history).when(command, FACTS).then(event)


def test_quiet_when_told_again_as_it_is(step: Step_) -> None:
    history, command, event = step
    given(PROJECT, *history, event).when(command, FACTS).nothing()


def test_told_again_otherwise_needs_a_reason(step: Step_) -> None:
    history, command, event = step
    other = replace(command, occurred_on=command.occurred_on.replace(day=12))
    given(PROJECT, *history, event).when(other, FACTS).raises("ALREADY_RECORDED", field="correction_reason")


def test_a_correction_records_the_fact_again_without_a_look_at_the_unit(step: Step_) -> None:
    history, command, event = step
    right = command.occurred_on.replace(day=12)
    corrected = replace(command, occurred_on=right, correction_reason=REASON)
    given(PROJECT, *history, event).when(corrected, no_unit()).then(
        replace(event, occurred_on=right, correction_reason=REASON)
    )


def test_nothing_to_correct(step: Step_) -> None:
    history, command, _ = step
    given(PROJECT, *history).when(replace(command, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")


def test_not_before_the_registration_of_the_project(step: Step_) -> None:
    _, command, _ = step
    given(PROJECT).when(command, FACTS).raises("PROJECT_NOT_REGISTERED", field="project_id")


def test_not_in_the_future(step: Step_) -> None:
    history, command, _ = step
    given(PROJECT, *history).when(command, on(day(1, 31))).raises("DATE_IN_FUTURE", field="occurred_on")


def test_not_before_what_came_first(step: Step_) -> None:
    history, command, _ = step
    if isinstance(command, c.SignProject):
        return
    early = replace(command, occurred_on=date(2016, 6, 1))
    error = given(PROJECT, *history).when(early, FACTS).error
    assert error is not None
    assert error.code in {"DATES_OUT_OF_ORDER", "NOT_READY_TO_START"}


def test_only_ending_facts_are_taken_when_the_unit_has_left(step: Step_) -> None:
    history, command, event = step
    outcome = given(PROJECT, *history).when(command, no_unit())
    if isinstance(command, c.TerminateProject | c.WithdrawProject):
        outcome.then(event)
    else:
        outcome.raises("UNIT_NOT_VALID", field="unit_code")


@pytest.mark.parametrize("end", [TERMINATED, WITHDRAWN])
def test_after_the_end_only_corrections(step: Step_, end: Event) -> None:
    history, command, event = step
    if type(event) is type(end):
        return
    given(PROJECT, *history, end).when(command, FACTS).raises("PROJECT_ENDED", field="project_id")


# --- what each step needs


def test_the_start_names_each_missing_condition() -> None:
    start = c.StartProject(project_id=P, occurred_on=day(3, 1))
    error = given(PROJECT, REGISTERED).when(start, FACTS).raises("NOT_READY_TO_START", field="occurred_on")
    assert "签约、用地批准" in error.message
    assert "the signing, land use approval" in error.english
    assert "节能审查" not in error.message
    error = given(PROJECT, REGISTERED, SIGNED).when(start, FACTS).raises("NOT_READY_TO_START")
    assert "签约" not in error.message
    error = given(PROJECT, REGISTERED, FILED, GRANTED).when(start, FACTS).raises("NOT_READY_TO_START")
    assert "用地批准" not in error.message


def test_a_condition_met_after_the_start_is_missing_on_that_day() -> None:
    start = c.StartProject(project_id=P, occurred_on=day(2, 8))
    error = given(PROJECT, *READY).when(start, FACTS).raises("NOT_READY_TO_START")
    assert "用地批准" in error.message
    given(PROJECT, *UNDER_WAY).when(replace(start, correction_reason=REASON), FACTS).raises("NOT_READY_TO_START")


def test_a_government_project_signs_nothing_and_starts_with_its_own_approvals() -> None:
    sign = c.SignProject(project_id=P, occurred_on=day(2, 1))
    given(PROJECT, GOVERNMENT).when(sign, FACTS).raises("GOVERNMENT_SIGNS_NOTHING", field="project_id")
    start = c.StartProject(project_id=P, occurred_on=day(3, 1))
    error = given(PROJECT, GOVERNMENT, FILED, GRANTED).when(start, FACTS).raises("NOT_READY_TO_START")
    assert error.message.endswith("缺:初步设计批复")
    ready = (GOVERNMENT, FILED, GRANTED, filed("design"), granted("design"))
    given(PROJECT, *ready).when(start, FACTS).then(STARTED)


def test_an_item_added_to_the_checklist_later_does_not_undo_a_start() -> None:
    corrected = c.StartProject(project_id=P, occurred_on=day(3, 2), correction_reason=REASON)
    checklists = replace(RULES.checklists, investment=RULES.checklists.government)
    given(PROJECT, *UNDER_WAY).when(corrected, replace(FACTS, rules=replace(RULES, checklists=checklists))).then(
        ProjectStarted(occurred_on=day(3, 2), rule_version="test-1", correction_reason=REASON)
    )


def test_no_start_without_rules() -> None:
    given(PROJECT, *READY).when(c.StartProject(project_id=P, occurred_on=day(3, 1)), replace(FACTS, rules=None)).raises(
        "RULES_NOT_ADOPTED"
    )


def test_no_completion_without_start_and_no_production_without_completion() -> None:
    given(PROJECT, *READY).when(c.CompleteProject(project_id=P, occurred_on=day(10, 1)), FACTS).raises(
        "PROJECT_NOT_STARTED", field="project_id"
    )
    given(PROJECT, *UNDER_WAY).when(c.PutIntoProduction(project_id=P, occurred_on=day(10, 1)), FACTS).raises(
        "PROJECT_NOT_COMPLETED", field="project_id"
    )


def test_nothing_goes_on_while_suspended() -> None:
    given(PROJECT, *UNDER_WAY, SUSPENDED).when(c.CompleteProject(project_id=P, occurred_on=day(5, 1)), FACTS).raises(
        "PROJECT_SUSPENDED", field="occurred_on"
    )
    given(PROJECT, *UNDER_WAY, SUSPENDED, RESUMED).when(
        c.CompleteProject(project_id=P, occurred_on=day(6, 1)), FACTS
    ).then(ProjectCompleted(occurred_on=day(6, 1)))


def test_what_was_done_on_the_first_day_of_a_suspension_is_taken() -> None:
    given(PROJECT, *UNDER_WAY, SUSPENDED).when(
        c.SignProject(project_id=P, occurred_on=day(4, 10), correction_reason=REASON), FACTS
    ).raises("DATES_OUT_OF_ORDER")
    history = (REGISTERED, replace(SUSPENDED, occurred_on=day(2, 1)))
    given(PROJECT, *history).when(c.SignProject(project_id=P, occurred_on=day(2, 1)), FACTS).then(SIGNED)
    given(PROJECT, *history).when(c.SignProject(project_id=P, occurred_on=day(2, 2)), FACTS).raises("PROJECT_SUSPENDED")


def test_a_suspension_told_late_does_not_cover_a_step() -> None:
    given(PROJECT, *UNDER_WAY).when(
        c.SuspendProject(project_id=P, occurred_on=day(2, 20), reason="停工"), FACTS
    ).raises("PROJECT_SUSPENDED")


def test_only_what_is_suspended_resumes() -> None:
    given(PROJECT, *UNDER_WAY).when(c.ResumeProject(project_id=P, occurred_on=day(6, 1)), FACTS).raises(
        "PROJECT_NOT_SUSPENDED", field="project_id"
    )


def test_a_project_can_be_suspended_again() -> None:
    again = c.SuspendProject(project_id=P, occurred_on=day(7, 1), reason="汛期停工")
    given(PROJECT, *UNDER_WAY, SUSPENDED, RESUMED).when(again, FACTS).then(
        ProjectSuspended(occurred_on=day(7, 1), number=2, reason="汛期停工")
    )
    second = ProjectSuspended(occurred_on=day(7, 1), number=2, reason="汛期停工")
    given(PROJECT, *UNDER_WAY, SUSPENDED, RESUMED, second).when(
        c.ResumeProject(project_id=P, occurred_on=day(8, 1)), FACTS
    ).then(ProjectResumed(occurred_on=day(8, 1), number=2))


def test_a_correction_keeps_the_order_of_days() -> None:
    late = c.SignProject(project_id=P, occurred_on=day(3, 2), correction_reason=REASON)
    error = given(PROJECT, *UNDER_WAY).when(late, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    assert error.message == "开工(2017-03-01)不能早于签约(2017-03-02)"
    assert error.english == "The start (2017-03-01) can't be before the signing (2017-03-02)"


def test_a_corrected_start_is_not_after_the_first_reported_month() -> None:
    late = c.StartProject(project_id=P, occurred_on=day(4, 1), correction_reason=REASON)
    given(PROJECT, *UNDER_WAY, reported("2017-03", 3, 1)).when(late, FACTS).raises("MONTH_BEFORE_START")


REPORTS = (reported("2017-03", 3, 1), reported("2017-04", 5, 1), reported("2017-05", 9, 1))


@pytest.mark.parametrize(
    "end",
    [
        c.CompleteProject(project_id=P, occurred_on=day(4, 30)),
        c.TerminateProject(project_id=P, occurred_on=day(4, 30), reason="停"),
        c.WithdrawProject(project_id=P, occurred_on=day(4, 30), reason="调出"),
    ],
)
def test_no_end_before_a_month_that_is_reported(end: Any) -> None:
    error = given(PROJECT, *UNDER_WAY, *REPORTS).when(end, FACTS).raises("END_BEFORE_REPORT", field="occurred_on")
    assert "2017-04-30" in error.message
    assert "2017-05" in error.english
    assert given(PROJECT, *UNDER_WAY, *REPORTS).when(replace(end, occurred_on=day(5, 1)), FACTS).error is None
    assert given(PROJECT, *UNDER_WAY, *REPORTS[:2]).when(end, FACTS).error is None


def test_no_end_is_corrected_to_before_what_is_reported() -> None:
    history = (*UNDER_WAY, *REPORTS, COMPLETED, PRODUCED)
    early = c.CompleteProject(project_id=P, occurred_on=day(4, 30), correction_reason=REASON)
    given(PROJECT, *history).when(early, FACTS).raises("END_BEFORE_REPORT", field="occurred_on")


def test_no_end_before_a_week_that_is_reported_and_a_completion_leaves_weeks_alone() -> None:
    week = ProjectWeeklyReportSubmitted(occurred_on=day(6, 9), week=day(6, 5), progress="收尾")
    end = c.TerminateProject(project_id=P, occurred_on=day(6, 4), reason="停")
    given(PROJECT, *UNDER_WAY, week).when(end, FACTS).raises("END_BEFORE_REPORT", field="occurred_on")
    assert given(PROJECT, *UNDER_WAY, week).when(replace(end, occurred_on=day(6, 5)), FACTS).error is None
    completed = c.CompleteProject(project_id=P, occurred_on=day(6, 4))
    assert given(PROJECT, *UNDER_WAY, week).when(completed, FACTS).error is None


def test_no_end_before_a_milestone_that_is_reached() -> None:
    history = (*UNDER_WAY, PLANNED, ROOFED)
    end = c.TerminateProject(project_id=P, occurred_on=day(8, 19), reason="停")
    error = given(PROJECT, *history).when(end, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    assert error.english == "The termination (2017-08-19) can't be before the milestone roof (2017-08-20)"
    assert given(PROJECT, *history).when(replace(end, occurred_on=day(8, 20)), FACTS).error is None


def test_a_corrected_start_is_not_after_a_milestone_that_followed_it() -> None:
    late = c.StartProject(project_id=P, occurred_on=day(8, 21), correction_reason=REASON)
    history = (*UNDER_WAY, PLANNED, ROOFED)
    error = given(PROJECT, *history).when(late, FACTS).raises("MILESTONE_BEFORE_START", field="occurred_on")
    assert "roof" in error.message
    assert given(PROJECT, *history).when(replace(late, occurred_on=day(8, 20)), FACTS).error is None
    given(PROJECT, *history).when(retract(Step.STARTED), FACTS).raises("STEP_NOT_LATEST", field="step")


def test_the_project_of_a_county_that_left_is_withdrawn_and_corrected_and_nothing_else() -> None:
    left = no_unit(day(4, 2))
    given(PROJECT, *UNDER_WAY).when(c.SuspendProject(project_id=P, occurred_on=day(4, 1), reason="停工"), left).raises(
        "UNIT_NOT_VALID"
    )
    given(PROJECT, *UNDER_WAY).when(
        c.WithdrawProject(project_id=P, occurred_on=day(4, 1), reason="由雄安新区托管"), left
    ).then(ProjectWithdrawn(occurred_on=day(4, 1), reason="由雄安新区托管"))


def test_after_production_a_wrong_day_is_still_corrected() -> None:
    history = (*UNDER_WAY, COMPLETED, PRODUCED)
    given(PROJECT, *history).when(
        c.CompleteProject(project_id=P, occurred_on=day(10, 2), correction_reason=REASON), FACTS
    ).then(ProjectCompleted(occurred_on=day(10, 2), correction_reason=REASON))
    given(PROJECT, *history).when(c.TerminateProject(project_id=P, occurred_on=day(12, 1), reason="停"), FACTS).raises(
        "PROJECT_ENDED"
    )


# --- retracting


def retract(step: Step, on: date = date(2017, 12, 1)) -> c.RetractStep:
    return c.RetractStep(project_id=P, occurred_on=on, step=step, reason=REASON)


@pytest.mark.parametrize(
    ("history", "step", "number"),
    [
        ((REGISTERED, SIGNED), Step.SIGNED, None),
        (UNDER_WAY, Step.STARTED, None),
        ((*UNDER_WAY, SUSPENDED), Step.SUSPENDED, 1),
        ((*UNDER_WAY, SUSPENDED, RESUMED), Step.RESUMED, 1),
        ((*UNDER_WAY, COMPLETED), Step.COMPLETED, None),
        ((*UNDER_WAY, COMPLETED, PRODUCED), Step.IN_PRODUCTION, None),
        ((*UNDER_WAY, TERMINATED), Step.TERMINATED, None),
        ((*UNDER_WAY, WITHDRAWN), Step.WITHDRAWN, None),
    ],
)
def test_the_latest_step_is_retracted_and_the_record_is_as_before(
    history: tuple[Event, ...], step: Step, number: int | None
) -> None:
    event = ProjectStepRetracted(occurred_on=day(12, 1), step=step, number=number, reason=REASON)
    record = given(PROJECT, *history).when(retract(step), no_unit()).then(event)
    assert record == PROJECT.fold(history[:-1])


@pytest.mark.parametrize(
    ("history", "step"),
    [
        (UNDER_WAY, Step.SIGNED),
        ((*UNDER_WAY, COMPLETED), Step.STARTED),
        ((*UNDER_WAY, SUSPENDED, RESUMED), Step.SUSPENDED),
        ((*UNDER_WAY, SUSPENDED, replace(RESUMED, occurred_on=day(4, 10))), Step.SUSPENDED),
        ((*UNDER_WAY, SUSPENDED, RESUMED, COMPLETED), Step.RESUMED),
        ((*UNDER_WAY, reported("2017-03", 3, 1)), Step.STARTED),
        ((*UNDER_WAY, replace(COMPLETED, occurred_on=day(3, 1))), Step.STARTED),
    ],
)
def test_only_the_latest_step_is_retracted(history: tuple[Event, ...], step: Step) -> None:
    given(PROJECT, *history).when(retract(step), FACTS).raises("STEP_NOT_LATEST", field="step")


def test_a_step_that_is_not_recorded_is_not_retracted() -> None:
    given(PROJECT, REGISTERED).when(retract(Step.SIGNED), FACTS).raises("STEP_NOT_RECORDED", field="step")
    given(PROJECT).when(retract(Step.SIGNED), FACTS).raises("PROJECT_NOT_REGISTERED")
    given(PROJECT, REGISTERED, SIGNED).when(retract(Step.SIGNED), on(day(3, 1))).raises("DATE_IN_FUTURE")


def test_a_retracted_step_is_recorded_anew_without_a_reason() -> None:
    gone = ProjectStepRetracted(occurred_on=day(2, 10), step=Step.SIGNED, reason=REASON)
    given(PROJECT, REGISTERED, SIGNED, gone).when(c.SignProject(project_id=P, occurred_on=day(2, 3)), FACTS).then(
        ProjectSigned(occurred_on=day(2, 3))
    )
