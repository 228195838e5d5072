"""结转项目: begun before it came onto the list."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.chassis.domain import Event
from services.project_tracking.events import (
    Lamp,
    LampReason,
    PlannedMilestone,
    ProjectBaselineSet,
    ProjectCompleted,
    ProjectMilestoneReached,
    ProjectPutIntoProduction,
    ProjectRecord,
    ProjectSigned,
    ProjectStarted,
    ProjectSuspended,
    ProjectWeeklyReportSubmitted,
    Stage,
    approvals_on,
    baseline_on,
    carried_over,
    expected_months,
    first_report_month,
    invested_before,
    invested_by,
    invested_through,
    lamp_of_month,
    lamp_on,
    last_reported_month,
    late_milestones,
    milestones_on,
    missing_months,
    physical_on,
    planned_by,
    record_of,
    stage_on,
    weekly_report_on,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    FACTS,
    REASON,
    RULES,
    P,
    day,
    filed,
    granted,
    no_unit,
    plan,
    register,
    registered,
    reported,
)

BEFORE = 40_000_000
LISTED = registered(invested_before_yuan=BEFORE)
UNTOLD = registered()
FILED = filed(on=day(3, 2, 2015))
GRANTED = granted(on=day(4, 20, 2015))
SIGNED = ProjectSigned(occurred_on=day(2, 1, 2015))
STARTED = ProjectStarted(occurred_on=day(5, 8, 2015), rule_version="test-1")
PAPERS = (FILED, GRANTED, SIGNED)
UNDER_WAY = (LISTED, *PAPERS, STARTED)
UNKNOWN = (UNTOLD, *PAPERS, STARTED)
ROOF = PlannedMilestone(milestone_id="roof", text="主体封顶", due=day(3, 31))
YEAR = plan((day(3, 31), 50_000_000), (day(6, 30), 60_000_000), starting_yuan=BEFORE, milestones=(ROOF,))
PLANNED = ProjectBaselineSet(occurred_on=day(1, 6), plan=YEAR)
JANUARY = reported("2017-01", 42, 3_000_000, on=day(2, 3))
RIGHT = register(invested_before_yuan=BEFORE, correction_reason="补报结转投资")


def record(*events: Event) -> ProjectRecord:
    found = record_of(events)
    assert found is not None
    return found


# --- putting it on record


def test_signing_approvals_and_start_are_told_with_their_days_before_the_registration() -> None:
    told = (
        (c.FileApproval(project_id=P, occurred_on=FILED.occurred_on, approval_id="land"), FILED),
        (c.GrantApproval(project_id=P, occurred_on=GRANTED.occurred_on, approval_id="land"), GRANTED),
        (c.SignProject(project_id=P, occurred_on=SIGNED.occurred_on), SIGNED),
        (c.StartProject(project_id=P, occurred_on=STARTED.occurred_on), STARTED),
    )
    history: tuple[Event, ...] = (LISTED,)
    for command, event in told:
        given(PROJECT, *history).when(command, FACTS).then(event)
        history = (*history, event)
    given(PROJECT, *history).when(c.StartProject(project_id=P, occurred_on=STARTED.occurred_on), FACTS).nothing()


def test_they_are_in_order_among_themselves_and_complete_before_the_start() -> None:
    start = c.StartProject(project_id=P, occurred_on=day(4, 19, 2015))
    error = given(PROJECT, LISTED, *PAPERS).when(start, FACTS).raises("NOT_READY_TO_START", field="occurred_on")
    assert "用地批准" in error.message
    late = c.SignProject(project_id=P, occurred_on=day(5, 9, 2015), correction_reason=REASON)
    given(PROJECT, *UNDER_WAY).when(late, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    grant = c.GrantApproval(project_id=P, occurred_on=day(3, 1, 2015), approval_id="land")
    given(PROJECT, LISTED, FILED).when(grant, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    given(PROJECT, LISTED).when(c.SignProject(project_id=P, occurred_on=day(5, 1, 1977)), FACTS).raises(
        "DATE_TOO_EARLY", field="occurred_on"
    )


def test_what_follows_the_start_comes_after_it_also_before_the_registration() -> None:
    suspend = c.SuspendProject(project_id=P, occurred_on=day(11, 1, 2016), reason="资金不到位")
    given(PROJECT, *UNDER_WAY).when(suspend, FACTS).then(
        ProjectSuspended(occurred_on=day(11, 1, 2016), number=1, reason="资金不到位")
    )
    complete = c.CompleteProject(project_id=P, occurred_on=day(12, 20, 2016))
    given(PROJECT, *UNDER_WAY).when(complete, FACTS).then(ProjectCompleted(occurred_on=day(12, 20, 2016)))
    for command in (suspend, complete):
        early = replace(command, occurred_on=day(5, 7, 2015))
        given(PROJECT, *UNDER_WAY).when(early, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    given(PROJECT, LISTED, *PAPERS).when(suspend, FACTS).raises("DATES_OUT_OF_ORDER")


@pytest.mark.parametrize(
    "end",
    [
        c.PutIntoProduction(project_id=P, occurred_on=day(1, 4)),
        c.TerminateProject(project_id=P, occurred_on=day(1, 4), reason="停"),
        c.WithdrawProject(project_id=P, occurred_on=day(1, 4), reason="划出"),
    ],
)
def test_a_project_that_was_over_before_it_is_not_put_on_the_list(
    end: c.PutIntoProduction | c.TerminateProject | c.WithdrawProject,
) -> None:
    completed = ProjectCompleted(occurred_on=day(12, 20, 2016))
    history = (*UNDER_WAY, completed) if isinstance(end, c.PutIntoProduction) else UNDER_WAY
    error = given(PROJECT, *history).when(end, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    assert error.message.endswith("不能早于登记(2017-01-05)")
    assert given(PROJECT, *history).when(replace(end, occurred_on=day(1, 5)), FACTS).error is None


def test_a_milestone_may_have_been_reached_since_the_start() -> None:
    reach = c.ReachMilestone(project_id=P, occurred_on=day(10, 9, 2016), milestone_id="roof", text="封顶")
    given(PROJECT, *UNDER_WAY, PLANNED).when(reach, FACTS).then(
        ProjectMilestoneReached(occurred_on=day(10, 9, 2016), milestone_id="roof", text="封顶")
    )
    given(PROJECT, *UNDER_WAY, PLANNED).when(replace(reach, occurred_on=day(5, 7, 2015)), FACTS).raises(
        "DATES_OUT_OF_ORDER", field="occurred_on"
    )


def test_a_refused_unit_is_named_with_the_day_of_the_registration() -> None:
    sign = c.SignProject(project_id=P, occurred_on=SIGNED.occurred_on)
    error = given(PROJECT, LISTED).when(sign, no_unit()).raises("UNIT_NOT_VALID", field="unit_code")
    assert "2017-01-05" in error.message


# --- month reports


def test_reports_are_owed_from_the_month_of_the_registration() -> None:
    known = record(*UNDER_WAY)
    assert carried_over(known)
    assert first_report_month(known) == "2017-01"
    assert expected_months(known, "2017-03") == ["2017-01", "2017-02", "2017-03"]
    assert missing_months(known, day(2, 5), 6) == ()
    assert missing_months(known, day(2, 6), 6) == ("2017-01",)


@pytest.mark.parametrize("started", [day(1, 2), day(1, 5), day(3, 1)])
def test_begun_in_the_month_of_the_registration_or_later_is_not_carried_over(started: date) -> None:
    known = record(UNTOLD, *PAPERS, replace(STARTED, occurred_on=started))
    assert not carried_over(known)
    assert expected_months(known, "2017-03")[0] == f"{started:%Y-%m}"
    assert invested_before(known) == 0


def test_earlier_months_are_not_reported_but_told_as_one_sum() -> None:
    report = c.ReportProgress(
        project_id=P,
        occurred_on=day(1, 9),
        month="2016-12",
        physical_percent=Decimal(40),
        invested_this_month_yuan=1,
    )
    error = given(PROJECT, *UNDER_WAY).when(report, FACTS).raises("MONTH_BEFORE_REGISTRATION", field="month")
    assert "首次月报前已完成投资" in error.message
    given(PROJECT, *UNDER_WAY).when(replace(report, month="2015-04"), FACTS).raises("MONTH_BEFORE_START")
    january = replace(report, month="2017-01")
    assert given(PROJECT, *UNDER_WAY).when(january, FACTS).error is None


def test_no_month_before_the_registration_is_made_up_for_after_the_end() -> None:
    over = (*UNDER_WAY, ProjectCompleted(occurred_on=day(6, 1)), ProjectPutIntoProduction(occurred_on=day(7, 1)))
    report = c.ReportProgress(
        project_id=P,
        occurred_on=day(7, 9),
        month="2016-12",
        physical_percent=Decimal(40),
        invested_this_month_yuan=1,
        correction_reason="补报",
    )
    given(PROJECT, *over).when(report, FACTS).raises("MONTH_BEFORE_REGISTRATION", field="month")


# --- what was invested before


def test_cumulative_investment_goes_on_from_what_was_invested_before() -> None:
    known = record(*UNDER_WAY, JANUARY)
    assert [invested_by(known, d) for d in (day(1, 4), day(1, 5), day(2, 2), day(2, 3))] == [
        None,
        BEFORE,
        BEFORE,
        BEFORE + 3_000_000,
    ]


def test_unknown_is_not_zero_until_it_is_told_by_a_correction() -> None:
    known = record(*UNKNOWN, JANUARY)
    assert invested_before(known) is None
    assert [invested_by(known, day(2, 3)), invested_through(known, "2017-01", day(12, 31))] == [None, None]
    right = given(PROJECT, *UNKNOWN, JANUARY).when(RIGHT, FACTS).state
    assert right is not None
    assert invested_by(right, day(2, 3)) == BEFORE + 3_000_000
    nothing = replace(RIGHT, invested_before_yuan=0)
    told = given(PROJECT, *UNKNOWN, JANUARY).when(nothing, FACTS).state
    assert told is not None
    assert invested_by(told, day(2, 3)) == 3_000_000


# --- before the registration nothing is known


def test_before_the_registration_nothing_is_known() -> None:
    reached = ProjectMilestoneReached(occurred_on=day(10, 9, 2016), milestone_id="roof", text="封顶")
    week = ProjectWeeklyReportSubmitted(occurred_on=day(1, 4), week=day(1, 2), progress="施工")
    early = replace(PLANNED, occurred_on=day(12, 20, 2016))
    known = record(*UNDER_WAY, early, reached, week, replace(JANUARY, occurred_on=day(1, 4)))
    for on in (day(6, 1, 2015), day(12, 31, 2016), day(1, 4)):
        assert (stage_on(known, on), baseline_on(known, on), planned_by(known, on)) == (None, None, None)
        assert (invested_by(known, on), physical_on(known, on), last_reported_month(known, on)) == (None, None, None)
        assert (approvals_on(known, on), milestones_on(known, on), late_milestones(known, on)) == ((), (), ())
        assert weekly_report_on(known, on) is None
        assert lamp_on(known, on, RULES).evidence.reasons == (LampReason.NOT_REGISTERED,)
    on = day(1, 5)
    assert stage_on(known, on) is Stage.UNDER_CONSTRUCTION
    assert planned_by(known, on) == BEFORE + 10_000_000 * 5 // 90
    assert [(m.milestone_id, m.reached_on) for m in milestones_on(known, on)] == [("roof", day(10, 9, 2016))]
    assert [(a.granted_on, a.days) for a in approvals_on(known, on)] == [(day(4, 20, 2015), 49)]
    assert weekly_report_on(known, on) is not None


# --- the lamp of its first months


def test_until_its_first_report_is_due_only_milestones_count() -> None:
    known = record(*UNDER_WAY, PLANNED)
    for on in (day(1, 6), day(2, 5)):
        judged = lamp_on(known, on, RULES)
        assert (judged.lamp, judged.evidence.reasons) == (Lamp.GREEN, (LampReason.NO_REPORT_DUE_YET,))
    assert lamp_on(known, day(2, 6), RULES).lamp is Lamp.UNREPORTED
    late = replace(PLANNED, plan=replace(YEAR, milestones=(replace(ROOF, due=day(12, 31, 2016)),)))
    judged = lamp_on(record(*UNDER_WAY, late), day(1, 8), RULES)
    assert (judged.lamp, judged.evidence.late_days) == (Lamp.YELLOW, 8)


def test_then_it_is_judged_by_all_that_was_invested() -> None:
    judged = lamp_on(record(*UNDER_WAY, PLANNED, JANUARY), day(2, 6), RULES)
    planned = BEFORE + 10_000_000 * 31 // 90
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.GREEN, (LampReason.INVESTMENT_ON_PLAN,))
    assert (judged.evidence.done_yuan, judged.evidence.planned_yuan) == (BEFORE + 3_000_000, planned)


def test_no_lamp_for_a_month_before_the_registration() -> None:
    lamp = c.RecordLamp(project_id=P, occurred_on=day(1, 6), month="2016-12")
    given(PROJECT, *UNDER_WAY, PLANNED).when(lamp, FACTS).nothing()


@pytest.mark.parametrize("on", [day(1, 6), day(2, 6), day(3, 5)])
def test_an_unknown_investment_is_not_judged_and_never_green(on: date) -> None:
    judged = lamp_on(record(*UNKNOWN, PLANNED, JANUARY), on, RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.NOT_JUDGED, (LampReason.INVESTED_BEFORE_UNKNOWN,))
    assert (judged.evidence.done_yuan, judged.evidence.ratio_permille) == (None, None)


def test_an_unknown_investment_hides_neither_a_missing_report_nor_a_card() -> None:
    silent = lamp_on(record(*UNKNOWN, PLANNED), day(2, 6), RULES)
    assert (silent.lamp, silent.evidence.reasons) == (Lamp.UNREPORTED, (LampReason.REPORT_MISSING,))
    months = (JANUARY, reported("2017-02", 43, 1, on=day(3, 3)))
    known = record(*UNKNOWN, PLANNED, *months)
    assert lamp_on(known, day(4, 3), RULES).lamp is Lamp.NOT_JUDGED
    judged = lamp_on(known, day(4, 5), RULES)
    assert judged.lamp is Lamp.NOT_JUDGED
    late = replace(PLANNED, plan=replace(YEAR, milestones=(replace(ROOF, due=day(2, 20)),)))
    judged = lamp_on(record(*UNKNOWN, late, *months), day(3, 6), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (
        Lamp.YELLOW,
        (LampReason.INVESTED_BEFORE_UNKNOWN, LampReason.MILESTONE_LATE),
    )


def test_two_yellow_months_of_late_milestones_are_red_also_with_an_unknown_investment() -> None:
    first, second = replace(ROOF, due=day(1, 20)), replace(ROOF, milestone_id="walls", due=day(2, 18))
    late = replace(PLANNED, plan=replace(YEAR, milestones=(first, second)))
    reached = ProjectMilestoneReached(occurred_on=day(2, 1), milestone_id="roof", text="封顶")
    known = record(*UNKNOWN, late, reached, JANUARY, reported("2017-02", 43, 1, on=day(3, 3)))
    assert lamp_of_month(known, "2017-01", day(2, 6), RULES).lamp is Lamp.YELLOW
    judged = lamp_of_month(known, "2017-02", day(3, 6), RULES)
    assert (judged.lamp, judged.evidence.yellow_months) == (Lamp.RED, 2)


def test_the_lamp_comes_with_the_correction_and_the_recorded_one_stays() -> None:
    lamp = c.RecordLamp(project_id=P, occurred_on=day(2, 6), month="2017-01")
    grey = given(PROJECT, *UNKNOWN, PLANNED, JANUARY).when(lamp, FACTS)
    history = (*UNKNOWN, PLANNED, JANUARY, *grey.events)
    right = given(PROJECT, *history).when(RIGHT, FACTS).state
    assert right is not None
    assert lamp_on(right, day(2, 20), RULES).lamp is Lamp.GREEN
    assert right.lamps["2017-01"].lamp is Lamp.NOT_JUDGED
