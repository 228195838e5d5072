"""节点、月报、周报."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.project_tracking.events import (
    Lamp,
    MilestoneKind,
    PlannedMilestone,
    ProjectPutIntoProduction,
    ProjectWeeklyReportSubmitted,
    forecast_for,
    invested_by,
    invested_through,
    lamp_of_month,
    missing_months,
    physical_on,
    record_of,
    weekly_report_on,
    weekly_report_owed,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    COMPLETED,
    FACTS,
    PLANNED,
    READY,
    REASON,
    REGISTERED,
    RESUMED,
    ROOFED,
    RULES,
    STARTED,
    SUSPENDED,
    UNDER_WAY,
    P,
    day,
    no_unit,
    on,
    plan,
    register,
    reported,
)

REACH = c.ReachMilestone(project_id=P, occurred_on=day(8, 20), milestone_id="roof", text="主体结构封顶")
MARCH = c.ReportProgress(
    project_id=P,
    occurred_on=day(4, 3),
    month="2017-03",
    physical_percent=Decimal("12.5"),
    invested_this_month_yuan=4_000_000,
)
REPORTED = reported("2017-03", "12.5", 4_000_000, on=day(4, 3))
WEEK = c.SubmitWeeklyReport(
    project_id=P, occurred_on=day(3, 10), week=day(3, 6), progress="场地平整", next_week="基坑开挖"
)
SUBMITTED = ProjectWeeklyReportSubmitted(
    occurred_on=day(3, 10), week=day(3, 6), progress="场地平整", next_week="基坑开挖", reported_on=day(3, 10)
)
PLANNED_WAY = (*UNDER_WAY, PLANNED)
PRODUCED = ProjectPutIntoProduction(occurred_on=day(11, 1))
OVER = (*PLANNED_WAY, COMPLETED, PRODUCED)


# --- milestones


def test_a_milestone_is_reached_once() -> None:
    given(PROJECT, *PLANNED_WAY).when(REACH, FACTS).then(ROOFED)
    given(PROJECT, *PLANNED_WAY, ROOFED).when(REACH, FACTS).nothing()
    other = replace(REACH, occurred_on=day(8, 21))
    given(PROJECT, *PLANNED_WAY, ROOFED).when(other, FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, *PLANNED_WAY, ROOFED).when(replace(other, correction_reason=REASON), no_unit()).then(
        replace(ROOFED, occurred_on=day(8, 21), correction_reason=REASON)
    )


def test_only_a_milestone_of_the_baseline_and_no_step() -> None:
    given(PROJECT, *UNDER_WAY).when(REACH, FACTS).raises("MILESTONE_NOT_PLANNED", field="milestone_id")
    given(PROJECT, *PLANNED_WAY).when(replace(REACH, milestone_id="start"), FACTS).raises(
        "MILESTONE_IS_A_STEP", field="milestone_id"
    )
    given(PROJECT, *PLANNED_WAY).when(replace(REACH, occurred_on=day(1, 4)), FACTS).raises("DATES_OUT_OF_ORDER")
    given(PROJECT, *PLANNED_WAY).when(REACH, on(day(8, 19))).raises("DATE_IN_FUTURE")
    given(PROJECT, *PLANNED_WAY).when(REACH, no_unit()).raises("UNIT_NOT_VALID")
    given(PROJECT, *OVER).when(REACH, FACTS).raises("PROJECT_ENDED")
    after = replace(REACH, occurred_on=day(11, 2), correction_reason=REASON)
    given(PROJECT, *PLANNED_WAY, ROOFED, COMPLETED, PRODUCED).when(after, FACTS).raises("DATES_OUT_OF_ORDER")


def test_what_is_planned_after_the_start_is_not_reached_before_it() -> None:
    given(PROJECT, *READY, PLANNED).when(REACH, FACTS).raises("PROJECT_NOT_STARTED", field="milestone_id")
    early = replace(REACH, occurred_on=day(2, 20))
    error = given(PROJECT, *PLANNED_WAY).when(early, FACTS).raises("MILESTONE_BEFORE_START", field="occurred_on")
    assert "2017-02-20" in error.message
    assert "2017-03-01" in error.english


def test_what_is_planned_before_the_start_may_be() -> None:
    ground = PlannedMilestone(milestone_id="ground", text="场地平整", due=day(2, 20))
    start = PlannedMilestone(milestone_id="start", text="开工", due=day(3, 1), kind=MilestoneKind.START)
    planned = replace(PLANNED, plan=plan(milestones=(ground, start)))
    level = replace(REACH, milestone_id="ground", occurred_on=day(2, 18))
    told = replace(ROOFED, milestone_id="ground", occurred_on=day(2, 18))
    given(PROJECT, *READY, planned).when(level, FACTS).then(told)
    given(PROJECT, *READY, planned, told).when(c.StartProject(project_id=P, occurred_on=day(3, 1)), FACTS).then(STARTED)


# --- months


def test_a_month_is_reported_once() -> None:
    given(PROJECT, *UNDER_WAY).when(MARCH, on(day(4, 3))).then(REPORTED)
    given(PROJECT, *UNDER_WAY, REPORTED).when(MARCH, FACTS).nothing()
    given(PROJECT, *UNDER_WAY, REPORTED).when(replace(MARCH, invested_this_month_yuan=0), FACTS).raises(
        "ALREADY_RECORDED", field="correction_reason"
    )
    given(PROJECT, *UNDER_WAY).when(replace(MARCH, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")
    given(PROJECT, *UNDER_WAY).when(MARCH, no_unit()).raises("UNIT_NOT_VALID")


def test_a_corrected_report_counts_from_the_day_it_first_came() -> None:
    corrected = replace(
        MARCH, occurred_on=day(5, 20), invested_this_month_yuan=3, physical_percent=Decimal(2), correction_reason=REASON
    )
    record = (
        given(PROJECT, *UNDER_WAY, REPORTED)
        .when(corrected, FACTS)
        .then(reported("2017-03", 2, 3, on=day(5, 20), reason=REASON, came=day(4, 3)))
    )
    assert record is not None
    assert (invested_by(record, day(4, 2)), invested_by(record, day(4, 3))) == (None, 3)


def test_a_report_counts_from_the_day_it_came_whatever_day_it_is_given() -> None:
    """Told on 12 April as of 3 April it comes after the lamp day, 6 April."""
    record = (
        given(PROJECT, *PLANNED_WAY)
        .when(MARCH, on(day(4, 12)))
        .then(reported("2017-03", "12.5", 4_000_000, on=day(4, 3), came=day(4, 12)))
    )
    assert record is not None
    assert (invested_by(record, day(4, 11)), invested_by(record, day(4, 12))) == (None, 4_000_000)
    assert missing_months(record, day(4, 11), RULES.lamp_day) == ("2017-03",)
    judged = lamp_of_month(record, "2017-03", day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.first_missing_month) == (Lamp.UNREPORTED, "2017-03")


def test_telling_it_again_or_correcting_it_does_not_move_the_day_it_came() -> None:
    late = reported("2017-03", "12.5", 4_000_000, on=day(4, 3), came=day(4, 12))
    given(PROJECT, *UNDER_WAY, late).when(MARCH, on(day(4, 20))).nothing()
    given(PROJECT, *UNDER_WAY, late).when(replace(MARCH, occurred_on=day(4, 1)), on(day(4, 20))).nothing()
    corrected = replace(MARCH, occurred_on=day(4, 1), invested_this_month_yuan=3, correction_reason=REASON)
    record = (
        given(PROJECT, *UNDER_WAY, late)
        .when(corrected, on(day(4, 20)))
        .then(reported("2017-03", "12.5", 3, on=day(4, 1), reason=REASON, came=day(4, 12)))
    )
    assert record is not None
    assert record.progress["2017-03"].reported_on == day(4, 12)


def test_a_fact_from_before_the_day_was_kept_counts_from_its_own_day() -> None:
    old = replace(REPORTED, reported_on=None)
    record = record_of([*UNDER_WAY, old])
    assert record is not None
    assert record.progress["2017-03"].reported_on == day(4, 3)
    given(PROJECT, *UNDER_WAY, old).when(MARCH, on(day(4, 20))).nothing()


def test_a_back_dated_weekly_report_counts_from_the_day_it_came() -> None:
    record = given(PROJECT, REGISTERED).when(WEEK, on(day(3, 20))).then(replace(SUBMITTED, reported_on=day(3, 20)))
    assert record is not None
    assert weekly_report_on(record, day(3, 19)) is None
    assert weekly_report_on(record, day(3, 20)) is not None
    given(PROJECT, REGISTERED, replace(SUBMITTED, reported_on=day(3, 20))).when(WEEK, on(day(3, 22))).nothing()


@pytest.mark.parametrize("percent", ["-0.01", "100.01", "33.333", "NaN", "Infinity", "-Infinity", "sNaN", "1E+99999"])
def test_percents_that_cannot_be(percent: str) -> None:
    given(PROJECT, *UNDER_WAY).when(replace(MARCH, physical_percent=Decimal(percent)), FACTS).raises(
        "PERCENT_NOT_VALID", field="physical_percent"
    )


@pytest.mark.parametrize("percent", ["0", "100", "100.00", "12.50000", "1E+2"])
def test_percents_that_can_be(percent: str) -> None:
    outcome = given(PROJECT, *UNDER_WAY).when(replace(MARCH, physical_percent=Decimal(percent)), FACTS)
    assert outcome.error is None


def test_only_months_that_have_begun_from_the_start_on() -> None:
    given(PROJECT, *UNDER_WAY).when(replace(MARCH, month="2017-05"), FACTS).raises("MONTH_NOT_BEGUN", field="month")
    given(PROJECT, *UNDER_WAY).when(replace(MARCH, month="2017-02"), FACTS).raises("MONTH_BEFORE_START", field="month")
    given(PROJECT, *READY).when(MARCH, FACTS).raises("PROJECT_NOT_STARTED", field="month")
    given(PROJECT, *UNDER_WAY).when(MARCH, on(day(4, 2))).raises("DATE_IN_FUTURE")


def test_no_report_of_a_month_that_was_wholly_suspended() -> None:
    may = replace(MARCH, month="2017-05", occurred_on=day(6, 3))
    history = (*UNDER_WAY, SUSPENDED, RESUMED)
    given(PROJECT, *history).when(may, FACTS).raises("MONTH_SUSPENDED", field="month")
    given(PROJECT, *UNDER_WAY, SUSPENDED).when(may, FACTS).raises("MONTH_SUSPENDED", field="month")
    april = replace(may, month="2017-04")
    assert given(PROJECT, *history).when(april, FACTS).error is None
    one_day = replace(RESUMED, occurred_on=day(5, 31))
    assert given(PROJECT, *UNDER_WAY, SUSPENDED, one_day).when(may, FACTS).error is None


def test_physical_progress_goes_back_only_by_a_correction() -> None:
    april = replace(MARCH, month="2017-04", occurred_on=day(5, 3), physical_percent=Decimal(12))
    given(PROJECT, *UNDER_WAY, REPORTED).when(april, FACTS).raises("PHYSICAL_DECREASED", field="physical_percent")
    same = replace(april, physical_percent=Decimal("12.50"))
    assert given(PROJECT, *UNDER_WAY, REPORTED).when(same, FACTS).error is None
    late = given(PROJECT, *UNDER_WAY, reported("2017-04", 10, 1))
    late.when(MARCH, FACTS).raises("PHYSICAL_DECREASED")
    corrected = replace(april, correction_reason=REASON, physical_percent=Decimal(1))
    history = (*UNDER_WAY, REPORTED, reported("2017-04", 40, 1))
    assert given(PROJECT, *history).when(corrected, FACTS).error is None


def test_the_month_named_is_the_nearest_that_speaks_against_the_progress() -> None:
    months = [reported("2017-03", 30, 1), reported("2017-04", 40, 1), reported("2017-07", 60, 1)]
    may = replace(MARCH, month="2017-05", occurred_on=day(8, 3), physical_percent=Decimal(20))
    told = given(PROJECT, *UNDER_WAY, *months).when(may, FACTS)
    told.raises("PHYSICAL_DECREASED")
    assert told.error is not None
    assert "2017-04 已报 40%" in told.error.message
    months = [reported("2017-07", 60, 1), reported("2017-06", 50, 1), reported("2017-08", 65, 1)]
    told = given(PROJECT, *UNDER_WAY, *months).when(replace(may, physical_percent=Decimal(70)), FACTS)
    assert told.error is not None
    assert "2017-06 已报 50%" in told.error.message


# --- what is invested in all


def test_a_slip_in_a_months_investment_is_refused_with_the_figures_and_the_way_out() -> None:
    """Of a total of 100 million a fifth more is the most that is believed."""
    slip = replace(MARCH, invested_this_month_yuan=300_000_000_000)
    told = given(PROJECT, *UNDER_WAY).when(slip, FACTS)
    told.raises("INVESTED_ABOVE_TOTAL", field="invested_this_month_yuan")
    assert told.error is not None
    for words in (told.error.message, told.error.english):
        assert all(figure in words for figure in ("300000000000", "100000000", "120000000"))
    assert "请先更正项目登记中的总投资" in told.error.message

    april = replace(MARCH, month="2017-04", occurred_on=day(5, 3), invested_this_month_yuan=116_000_000)
    assert given(PROJECT, *UNDER_WAY, REPORTED).when(april, FACTS).error is None
    more = replace(april, invested_this_month_yuan=116_000_001)
    given(PROJECT, *UNDER_WAY, REPORTED).when(more, FACTS).raises("INVESTED_ABOVE_TOTAL")


def test_what_was_invested_before_counts_and_a_corrected_total_makes_room() -> None:
    before = replace(REGISTERED, invested_before_yuan=119_000_000)
    history = (before, *UNDER_WAY[1:])
    given(PROJECT, *history).when(MARCH, FACTS).raises("INVESTED_ABOVE_TOTAL")
    grown = replace(before, total_investment_yuan=110_000_000, correction_reason=REASON)
    assert given(PROJECT, *history, grown).when(MARCH, FACTS).error is None


def test_a_record_beyond_its_total_can_be_mended_bit_by_bit() -> None:
    """It was told before there was the rule."""
    history = (*UNDER_WAY, reported("2017-03", 10, 900_000_000), reported("2017-04", 20, 500_000_000))
    better = replace(MARCH, invested_this_month_yuan=4_000_000, correction_reason=REASON)
    assert given(PROJECT, *history).when(better, FACTS).error is None
    worse = replace(better, invested_this_month_yuan=900_000_001)
    given(PROJECT, *history).when(worse, FACTS).raises("INVESTED_ABOVE_TOTAL")
    nothing = replace(MARCH, month="2017-05", occurred_on=day(6, 3), physical_percent=Decimal(30))
    given(PROJECT, *history).when(nothing, FACTS).raises("INVESTED_ABOVE_TOTAL")
    assert given(PROJECT, *history).when(replace(nothing, invested_this_month_yuan=0), FACTS).error is None


def test_the_last_month_can_be_made_up_for_with_a_reason_after_the_end() -> None:
    october = replace(MARCH, month="2017-10", occurred_on=day(11, 3))
    given(PROJECT, *OVER).when(october, FACTS).raises("PROJECT_ENDED", field="project_id")
    given(PROJECT, *OVER).when(replace(october, correction_reason="补报"), FACTS).then(
        reported("2017-10", "12.5", 4_000_000, on=day(11, 3), reason="补报", came=FACTS.today)
    )
    december = replace(october, month="2017-12", occurred_on=day(12, 3), correction_reason="补报")
    given(PROJECT, *OVER).when(december, FACTS).raises("MONTH_AFTER_END", field="month")


def test_no_report_about_a_month_after_the_completion() -> None:
    november = replace(MARCH, month="2017-11", occurred_on=day(12, 3))
    given(PROJECT, *PLANNED_WAY, COMPLETED).when(november, FACTS).raises("MONTH_AFTER_END", field="month")
    october = replace(november, month="2017-10")
    assert given(PROJECT, *PLANNED_WAY, COMPLETED).when(october, FACTS).error is None


def test_cumulative_is_derived_and_missing_is_not_zero() -> None:
    record = PROJECT.fold([*UNDER_WAY, REPORTED, reported("2017-04", 20, 6_000_000, on=day(5, 4))])
    assert record is not None
    assert [invested_by(record, d) for d in (day(4, 2), day(4, 3), day(5, 3), day(5, 4))] == [
        None,
        4_000_000,
        4_000_000,
        10_000_000,
    ]
    assert invested_through(record, "2017-03", day(12, 31)) == 4_000_000
    assert [physical_on(record, d) for d in (day(4, 2), day(5, 3), day(5, 4))] == [None, Decimal("12.5"), Decimal(20)]
    before = PROJECT.fold([replace(REGISTERED, invested_before_yuan=7)])
    assert before is not None
    assert (invested_by(before, day(1, 4)), invested_by(before, day(1, 5))) == (None, 7)


# --- weeks


def test_a_week_is_reported_once_from_the_talks_on() -> None:
    given(PROJECT, REGISTERED).when(WEEK, on(day(3, 10))).then(SUBMITTED)
    given(PROJECT, REGISTERED, SUBMITTED).when(WEEK, FACTS).nothing()
    other = replace(WEEK, problems="征地")
    given(PROJECT, REGISTERED, SUBMITTED).when(other, FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, REGISTERED, SUBMITTED).when(replace(other, correction_reason=REASON), no_unit()).then(
        replace(SUBMITTED, problems="征地", correction_reason=REASON)
    )
    given(PROJECT, REGISTERED).when(replace(WEEK, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")


@pytest.mark.parametrize(
    ("week", "code"),
    [
        (day(3, 7), "WEEK_NOT_MONDAY"),
        (day(3, 13), "WEEK_NOT_BEGUN"),
        (date(2016, 12, 26), "WEEK_OUTSIDE_LIFE"),
        (date(1, 1, 1), "WEEK_OUTSIDE_LIFE"),
    ],
)
def test_weeks_that_cannot_be_reported(week: date, code: str) -> None:
    given(PROJECT, REGISTERED).when(replace(WEEK, week=week), FACTS).raises(code, field="week")


def test_the_week_of_the_registration_counts() -> None:
    assert given(PROJECT, REGISTERED).when(replace(WEEK, week=day(1, 2)), FACTS).error is None


def test_no_weekly_report_after_the_end_except_to_make_up_for_one() -> None:
    last = replace(WEEK, week=day(10, 30), occurred_on=day(11, 3))
    given(PROJECT, *OVER).when(last, FACTS).raises("PROJECT_ENDED")
    assert given(PROJECT, *OVER).when(replace(last, correction_reason="补报"), FACTS).error is None
    after = replace(last, week=day(11, 6), occurred_on=day(11, 10), correction_reason="补报")
    given(PROJECT, *OVER).when(after, FACTS).raises("WEEK_OUTSIDE_LIFE", field="week")


def test_last_weeks_forecast_stands_beside_this_weeks_fact() -> None:
    second = ProjectWeeklyReportSubmitted(occurred_on=day(3, 17), week=day(3, 13), progress="仍在平整场地")
    record = PROJECT.fold([REGISTERED, SUBMITTED, second])
    assert record is not None
    assert forecast_for(record, day(3, 13)) == "基坑开挖"
    assert record.weekly_reports[day(3, 13)].progress == "仍在平整场地"
    assert forecast_for(record, day(3, 6)) is None
    assert forecast_for(record, day(3, 20)) is None


def test_only_a_major_project_owes_weekly_reports_from_its_registration_to_its_completion() -> None:
    life = (*READY, *OVER[len(READY) :])
    major = record_of([replace(REGISTERED, major=True), *life[1:]])
    other = record_of(life)
    assert major is not None
    assert other is not None
    days = (day(1, 4), day(1, 5), day(3, 1), day(9, 30), day(10, 1), day(12, 31))
    assert [weekly_report_owed(major, each) for each in days] == [False, True, True, True, False, False]
    assert not any(weekly_report_owed(other, each) for each in days)


def test_a_suspended_major_project_goes_on_reporting() -> None:
    record = record_of([replace(REGISTERED, major=True), *UNDER_WAY[1:], SUSPENDED])
    assert record is not None
    assert weekly_report_owed(record, day(5, 1))


def test_a_project_is_made_major_by_a_correction_of_its_registration() -> None:
    told = register(major=True, correction_reason=REASON)
    given(PROJECT, REGISTERED).when(told, FACTS).then(replace(REGISTERED, major=True, correction_reason=REASON))
