"""亮灯规则的黄金测试 (DOMAIN §2.4, §7; features 7 to 9)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.chassis.domain import Event
from services.project_tracking.events import (
    BaselinePlan,
    Lamp,
    LampJudgement,
    LampReason,
    MilestoneKind,
    PlannedMilestone,
    ProjectBaselineSet,
    ProjectLampRecorded,
    ProjectMilestoneReached,
    ProjectPutIntoProduction,
    ProjectRebaselineApproved,
    ProjectRebaselineRequested,
    ProjectRecord,
    ProjectTerminated,
    lamp_of_month,
    lamp_on,
    last_due_month,
    lateness_lamp,
    planned_at,
    ratio_lamp,
    record_of,
)
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    COMPLETED,
    FACTS,
    READY,
    REGISTERED,
    RULES,
    STARTED,
    SUSPENDED,
    UNDER_WAY,
    P,
    day,
    no_unit,
    on,
    plan,
    reported,
)

ROOF = PlannedMilestone(milestone_id="roof", text="封顶", due=day(3, 31))
START = PlannedMilestone(milestone_id="start", text="开工", due=day(3, 1), kind=MilestoneKind.START)
NO_MILESTONES: tuple[PlannedMilestone, ...] = ()


def baseline(p: BaselinePlan) -> ProjectBaselineSet:
    return ProjectBaselineSet(occurred_on=day(1, 20), plan=p)


def record(*events: Event) -> ProjectRecord:
    found = record_of(events)
    assert found is not None
    return found


STRAIGHT = baseline(plan((day(3, 31), 1_000_000), (day(6, 30), 1_000_000), milestones=NO_MILESTONES))


def march(done_yuan: int, came: date = date(2017, 4, 3)) -> ProjectRecord:
    """1,000,000 yuan planned by the end of March, and so much done."""
    return record(*UNDER_WAY, STRAIGHT, reported("2017-03", 10, done_yuan, on=came))


# --- investment


@pytest.mark.parametrize(
    ("done_yuan", "lamp"),
    [
        (2_000_000, Lamp.GREEN),
        (950_000, Lamp.GREEN),
        (949_999, Lamp.WATCH),
        (800_000, Lamp.WATCH),
        (799_999, Lamp.YELLOW),
        (600_000, Lamp.YELLOW),
        (599_999, Lamp.RED),
        (0, Lamp.RED),
    ],
)
def test_the_borders_of_done_by_planned(done_yuan: int, lamp: Lamp) -> None:
    judged = lamp_on(march(done_yuan), day(4, 6), RULES)
    assert judged.lamp is lamp
    assert (judged.evidence.done_yuan, judged.evidence.planned_yuan) == (done_yuan, 1_000_000)
    assert judged.evidence.ratio_permille == done_yuan // 1000
    assert (judged.rule_version, judged.evidence.baseline_number) == ("test-1", 1)


def test_thresholds_are_data() -> None:
    strict = replace(RULES, version="strict", green_permille=1000, watch_permille=990, yellow_permille=980)
    assert lamp_on(march(950_000), day(4, 6), strict).lamp is Lamp.RED
    assert [ratio_lamp(r, strict) for r in (1000, 999, 989, 979)] == [Lamp.GREEN, Lamp.WATCH, Lamp.YELLOW, Lamp.RED]


def test_like_is_compared_with_like() -> None:
    """On any day, done and planned are those of the last month whose report is due."""
    judged = lamp_on(record(*UNDER_WAY, STRAIGHT, reported("2017-03", 10, 960_000, on=day(4, 3))), day(4, 28), RULES)
    assert (judged.lamp, judged.evidence.month, judged.evidence.judged_on) == (Lamp.GREEN, "2017-03", day(4, 28))


def test_investment_before_the_first_report_counts() -> None:
    history = (
        replace(REGISTERED, invested_before_yuan=900_000),
        *UNDER_WAY[1:],
        STRAIGHT,
        reported("2017-03", 1, 60_000),
    )
    assert lamp_on(record(*history), day(4, 6), RULES).evidence.done_yuan == 960_000


# --- planned, linear by day


@pytest.mark.parametrize(
    ("points", "on_day", "planned"),
    [
        (((day(3, 31), 90), (day(6, 30), 181)), day(3, 31), 90),
        (((day(3, 31), 90), (day(6, 30), 181)), day(4, 1), 91),
        (((day(3, 31), 90), (day(6, 30), 181)), day(4, 30), 120),
        (((day(3, 31), 90), (day(6, 30), 181)), day(6, 29), 180),
        (((day(3, 31), 90), (day(6, 30), 181)), day(6, 30), 181),
        (((day(3, 31), 90), (day(6, 30), 181)), day(12, 31), 181),
        (((day(3, 31), 90),), day(1, 1), 1),
        (((day(3, 31), 90),), date(2016, 12, 31), 0),
        (((day(3, 31), 90),), date(2015, 1, 1), 0),
        (((day(3, 31), 89),), day(1, 1), 0),
    ],
)
def test_planned_runs_linear_by_day_between_the_quarter_ends(
    points: tuple[tuple[date, int], ...], on_day: date, planned: int
) -> None:
    assert planned_at(plan(*points), on_day) == planned


def test_a_leap_year_has_a_day_more() -> None:
    """The first quarter of 2016 has 91 days, that of 2017 has 90."""
    leap = plan((day(3, 31, 2016), 91 * 7), starts_on=day(12, 31, 2015))
    assert [planned_at(leap, d) for d in (day(2, 28, 2016), day(2, 29, 2016), day(3, 1, 2016))] == [
        59 * 7,
        60 * 7,
        61 * 7,
    ]
    common = plan((day(3, 31), 90 * 7))
    assert [planned_at(common, d) for d in (day(2, 28), day(3, 1))] == [59 * 7, 60 * 7]


def test_the_plan_begins_at_its_starting_value() -> None:
    carried = plan((day(3, 31), 1_000), starting_yuan=100)
    assert [planned_at(carried, d) for d in (date(2016, 6, 1), date(2016, 12, 31), day(1, 1))] == [100, 100, 110]


def test_nothing_planned_yet_is_not_judged_by_investment() -> None:
    later = baseline(plan((day(6, 30), 5_000_000), starts_on=day(3, 31), milestones=NO_MILESTONES))
    judged = lamp_on(record(*UNDER_WAY, later, reported("2017-03", 0, 0)), day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.NOT_JUDGED, (LampReason.NOTHING_PLANNED_YET,))
    assert judged.evidence.ratio_permille is None
    may = lamp_on(
        record(*UNDER_WAY, later, reported("2017-03", 0, 0), reported("2017-04", 1, 2_000_000)), day(5, 6), RULES
    )
    assert (may.lamp, may.evidence.reasons) == (Lamp.GREEN, (LampReason.INVESTMENT_ON_PLAN,))
    zero = baseline(plan((day(3, 31), 0), (day(6, 30), 5), milestones=NO_MILESTONES))
    judged = lamp_on(record(*UNDER_WAY, zero, reported("2017-03", 0, 0)), day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.NOT_JUDGED, (LampReason.NOTHING_PLANNED_YET,))


def test_a_plan_of_nothing_is_never_green_but_its_late_milestone_gives_a_card() -> None:
    zero = baseline(plan((day(3, 31), 0), (day(12, 31), 0), milestones=(ROOF,)))
    months = tuple(reported(f"2017-{month:02d}", 1, 1_000_000) for month in range(3, 6))
    facts = record(*UNDER_WAY, zero, *months)
    assert [lamp_on(facts, at, RULES).lamp for at in (day(4, 6), day(4, 8), day(4, 16), day(6, 6))] == [
        Lamp.NOT_JUDGED,
        Lamp.YELLOW,
        Lamp.RED,
        Lamp.RED,
    ]
    bare = record(*UNDER_WAY, baseline(plan((day(12, 31), 0), milestones=NO_MILESTONES)), *months)
    assert {lamp_on(bare, day(6, n), RULES).lamp for n in range(1, 30)} <= {Lamp.NOT_JUDGED, Lamp.UNREPORTED}


def test_a_start_planned_for_a_later_year_says_nothing_yet() -> None:
    far = replace(START, due=day(3, 1, 2099))
    facts = record(
        *READY, baseline(plan((day(3, 31, 2099), 1_000_000), starts_on=day(12, 31, 2098), milestones=(far,)))
    )
    judged = lamp_on(facts, day(6, 30), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (
        Lamp.NOT_JUDGED,
        (LampReason.NOT_STARTED, LampReason.NOTHING_PLANNED_YET),
    )


def test_a_start_planned_for_later_this_year_is_on_time_until_its_day() -> None:
    autumn = replace(START, due=day(9, 15))
    planned = baseline(plan((day(9, 30), 1_000_000), starts_on=day(8, 31), milestones=(autumn,)))
    facts = record(*READY, planned)
    assert {lamp_on(facts, day(month, 15), RULES).lamp for month in range(2, 10)} == {Lamp.GREEN}
    assert lamp_on(facts, day(9, 16), RULES).lamp is Lamp.WATCH
    started = record(*READY, planned, replace(STARTED, occurred_on=day(9, 15)), reported("2017-09", 1, 1_000_000))
    assert lamp_on(started, day(9, 20), RULES).lamp is Lamp.GREEN
    assert lamp_on(started, day(10, 6), RULES).lamp is Lamp.GREEN


# --- milestones


@pytest.mark.parametrize(
    ("late_days", "lamp"),
    [
        (-1, Lamp.GREEN),
        (0, Lamp.GREEN),
        (1, Lamp.WATCH),
        (7, Lamp.WATCH),
        (8, Lamp.YELLOW),
        (15, Lamp.YELLOW),
        (16, Lamp.RED),
        (400, Lamp.RED),
    ],
)
def test_the_borders_of_a_late_milestone(late_days: int, lamp: Lamp) -> None:
    assert lateness_lamp(late_days, RULES) is lamp
    planned = baseline(plan((day(3, 31), 1_000), (day(12, 31), 1_000), milestones=(ROOF,)))
    months = (reported("2017-03", 1, 1_000), *(reported(f"2017-{m:02d}", 1, 0) for m in range(4, 13)))
    at = day(3, 31) + timedelta(days=late_days)
    facts = record(*UNDER_WAY, planned, *months, reported("2018-01", 1, 0), reported("2018-02", 1, 0), *_months_2018())
    judged = lamp_on(facts, at, RULES)
    assert judged.lamp is lamp
    assert judged.evidence.late_days == (late_days if late_days > 0 else None)


def _months_2018() -> tuple[Event, ...]:
    return tuple(reported(f"2018-{m:02d}", 1, 0) for m in range(3, 6))


def test_a_reached_milestone_is_no_longer_late_and_the_latest_one_counts() -> None:
    first = replace(ROOF, milestone_id="first", due=day(3, 20))
    planned = baseline(plan((day(3, 31), 1_000), milestones=(ROOF, first)))
    history = (*UNDER_WAY, planned, reported("2017-03", 1, 1_000))
    judged = lamp_on(record(*history), day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.late_milestone_id, judged.evidence.late_days) == (Lamp.RED, "first", 17)
    reached = ProjectMilestoneReached(occurred_on=day(4, 6), milestone_id="first", text="完成")
    judged = lamp_on(record(*history, reached), day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.late_milestone_id) == (Lamp.WATCH, "roof")
    assert lamp_on(record(*history, reached), day(4, 5), RULES).evidence.late_milestone_id == "first"


def test_before_the_start_only_milestones_count() -> None:
    planned = baseline(plan((day(3, 31), 1_000_000), milestones=(START,)))
    facts = record(*READY, planned)
    judged = lamp_on(facts, day(3, 1), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.GREEN, (LampReason.NOT_STARTED,))
    judged = lamp_on(facts, day(3, 9), RULES)
    assert (judged.lamp, judged.evidence.late_milestone_id, judged.evidence.late_days) == (Lamp.YELLOW, "start", 8)
    assert lamp_on(record(*READY, planned, STARTED), day(3, 9), RULES).lamp is Lamp.GREEN


@pytest.mark.parametrize(
    ("done_yuan", "judged_on", "lamp"),
    [
        (1_000_000, day(4, 6), Lamp.WATCH),
        (1_000_000, day(4, 10), Lamp.YELLOW),
        (700_000, day(4, 6), Lamp.YELLOW),
        (500_000, day(4, 6), Lamp.RED),
        (900_000, day(4, 20), Lamp.RED),
    ],
)
def test_the_worse_of_investment_and_milestones_wins(done_yuan: int, judged_on: date, lamp: Lamp) -> None:
    planned = baseline(plan((day(3, 31), 1_000_000), milestones=(ROOF,)))
    facts = record(*UNDER_WAY, planned, reported("2017-03", 1, done_yuan))
    assert lamp_on(facts, judged_on, RULES).lamp is lamp


# --- grey


def test_without_a_baseline_no_colour() -> None:
    facts = record(*UNDER_WAY, reported("2017-03", 10, 5))
    judged = lamp_on(facts, day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.NO_BASELINE, (LampReason.NO_BASELINE,))
    assert lamp_on(record(REGISTERED), day(4, 6), RULES).lamp is Lamp.NO_BASELINE
    planned = baseline(plan(milestones=()))
    assert lamp_on(record(*UNDER_WAY, planned), day(1, 19), RULES).lamp is Lamp.NO_BASELINE


def test_without_the_report_never_green_and_nothing_is_counted_as_zero() -> None:
    facts = record(*UNDER_WAY, STRAIGHT)
    before = lamp_on(facts, day(4, 5), RULES)
    assert (before.lamp, before.evidence.reasons) == (
        Lamp.NOT_JUDGED,
        (LampReason.NO_REPORT_DUE_YET, LampReason.NOTHING_PLANNED_YET),
    )
    judged = lamp_on(facts, day(4, 6), RULES)
    assert (judged.lamp, judged.evidence.first_missing_month, judged.evidence.missing_months) == (
        Lamp.UNREPORTED,
        "2017-03",
        1,
    )
    assert (judged.evidence.done_yuan, judged.evidence.ratio_permille) == (None, None)


def test_a_late_report_gives_its_colour_from_the_day_it_came() -> None:
    facts = march(1_000_000, came=day(4, 12))
    assert lamp_on(facts, day(4, 11), RULES).lamp is Lamp.UNREPORTED
    assert lamp_on(facts, day(4, 12), RULES).lamp is Lamp.GREEN


def test_a_hole_in_the_reports_stays_a_hole() -> None:
    facts = record(*UNDER_WAY, STRAIGHT, reported("2017-04", 10, 9_000_000))
    judged = lamp_on(facts, day(5, 6), RULES)
    assert (judged.lamp, judged.evidence.first_missing_month) == (Lamp.UNREPORTED, "2017-03")


def test_silence_does_not_hide_a_card_but_hides_a_hint() -> None:
    planned = baseline(plan((day(3, 31), 1_000_000), milestones=(ROOF,)))
    silent = record(*UNDER_WAY, planned)
    assert lamp_on(silent, day(4, 7), RULES).lamp is Lamp.UNREPORTED
    judged = lamp_on(silent, day(4, 8), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (
        Lamp.YELLOW,
        (LampReason.REPORT_MISSING, LampReason.MILESTONE_LATE),
    )
    assert lamp_on(silent, day(4, 16), RULES).lamp is Lamp.RED


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (replace(SUSPENDED, occurred_on=day(4, 1)), LampReason.SUSPENDED),
        (replace(COMPLETED, occurred_on=day(4, 1)), LampReason.COMPLETED),
        (ProjectPutIntoProduction(occurred_on=day(4, 1)), LampReason.COMPLETED),
        (ProjectTerminated(occurred_on=day(4, 1), reason="停"), LampReason.ENDED),
        (reported("2017-03", "100.0", 10, on=day(4, 1)), LampReason.FULLY_BUILT),
    ],
)
def test_what_is_not_judged(event: Event, reason: LampReason) -> None:
    planned = baseline(plan((day(3, 31), 1_000_000), milestones=(ROOF,)))
    judged = lamp_on(record(*UNDER_WAY, planned, event), day(4, 20), RULES)
    assert (judged.lamp, judged.evidence.reasons) == (Lamp.NOT_JUDGED, (reason,))


def test_not_judged_before_its_registration() -> None:
    assert lamp_on(record(REGISTERED), day(1, 4), RULES).evidence.reasons == (LampReason.NOT_REGISTERED,)
    assert lamp_on(record(REGISTERED), date(1, 1, 1), RULES).lamp is Lamp.NOT_JUDGED


def test_a_month_wholly_suspended_owes_no_report() -> None:
    resumed = c.ResumeProject(project_id=P, occurred_on=day(5, 2))
    history = (*UNDER_WAY, STRAIGHT, reported("2017-03", 1, 1_000_000), replace(SUSPENDED, occurred_on=day(4, 1)))
    facts = given(PROJECT, *history).when(resumed, FACTS).state
    assert facts is not None
    assert lamp_on(facts, day(5, 6), RULES).lamp is Lamp.GREEN
    assert lamp_on(facts, day(6, 6), RULES).evidence.first_missing_month == "2017-05"


# --- two yellows


def two_months(march_yuan: int, april_yuan: int) -> ProjectRecord:
    planned = baseline(plan((day(3, 31), 1_000), (day(6, 30), 1_910), milestones=NO_MILESTONES))
    return record(*UNDER_WAY, planned, reported("2017-03", 1, march_yuan), reported("2017-04", 2, april_yuan))


def test_two_yellow_months_in_a_row_are_red() -> None:
    facts = two_months(700, 210)
    first = lamp_on(facts, day(4, 6), RULES)
    assert (first.lamp, first.evidence.yellow_months) == (Lamp.YELLOW, 1)
    second = lamp_on(facts, day(5, 6), RULES)
    assert (second.lamp, second.evidence.yellow_months, second.evidence.ratio_permille) == (Lamp.RED, 2, 700)
    assert second.evidence.reasons == (LampReason.INVESTMENT_BEHIND, LampReason.YELLOW_IN_A_ROW)
    assert lamp_of_month(facts, "2017-04", day(5, 6), RULES).lamp is Lamp.RED


def test_how_many_yellow_months_are_red_is_data() -> None:
    patient = replace(RULES, yellow_months_to_red=3)
    assert lamp_on(two_months(700, 210), day(5, 6), patient).lamp is Lamp.YELLOW


@pytest.mark.parametrize("march_yuan", [1_000, 850, 500])
def test_another_colour_between_breaks_the_row(march_yuan: int) -> None:
    judged = lamp_on(two_months(march_yuan, 910 - march_yuan if march_yuan < 910 else 0), day(5, 6), RULES)
    assert judged.evidence.ratio_permille in (700, 769)
    assert (judged.lamp, judged.evidence.yellow_months) == (Lamp.YELLOW, 1)


def test_a_milestone_and_an_investment_yellow_make_a_row() -> None:
    late = replace(ROOF, due=day(3, 20))
    planned = baseline(plan((day(3, 31), 1_000), (day(6, 30), 1_910), milestones=(late,)))
    reached = ProjectMilestoneReached(occurred_on=day(4, 1), milestone_id="roof", text="完成")
    facts = record(*UNDER_WAY, planned, reached, reported("2017-03", 1, 900), reported("2017-04", 1, 10))
    assert lamp_of_month(facts, "2017-03", day(4, 6), RULES).lamp is Lamp.YELLOW
    assert lamp_of_month(facts, "2017-04", day(5, 6), RULES).lamp is Lamp.RED


# --- re-baseline


def test_an_approved_rebaseline_is_judged_from_its_day_on() -> None:
    new = plan((day(3, 31), 500_000), (day(6, 30), 1_000_000), milestones=NO_MILESTONES)
    asked = ProjectRebaselineRequested(occurred_on=day(4, 7), number=2, reason="资金", plan=new)
    approved = ProjectRebaselineApproved(occurred_on=day(4, 9), number=2)
    facts = record(*UNDER_WAY, STRAIGHT, reported("2017-03", 1, 500_000), asked, approved)
    assert lamp_on(facts, day(4, 8), RULES).lamp is Lamp.RED
    judged = lamp_on(facts, day(4, 9), RULES)
    assert (judged.lamp, judged.evidence.baseline_number) == (Lamp.GREEN, 2)
    assert lamp_of_month(facts, "2017-03", day(4, 9), RULES).lamp is Lamp.RED


# --- the month's recorded lamp


def test_the_lamp_day_closes_the_month() -> None:
    assert [last_due_month(d, 6) for d in (day(1, 5), day(1, 6), day(3, 5), day(3, 6))] == [
        "2016-11",
        "2016-12",
        "2017-01",
        "2017-02",
    ]


LAMP = c.RecordLamp(project_id=P, occurred_on=day(4, 6), month="2017-03")
HISTORY = (*UNDER_WAY, STRAIGHT, reported("2017-03", 10, 960_000, on=day(4, 5)))


def recorded(judged: LampJudgement, month: str, on_day: date) -> ProjectLampRecorded:
    return ProjectLampRecorded(
        occurred_on=on_day, month=month, lamp=judged.lamp, rule_version=judged.rule_version, evidence=judged.evidence
    )


def test_the_months_lamp_is_recorded_once_with_its_evidence() -> None:
    judged = lamp_of_month(record(*HISTORY), "2017-03", day(4, 6), RULES)
    event = recorded(judged, "2017-03", day(4, 6))
    assert (event.lamp, event.evidence.judged_on, event.evidence.done_yuan) == (Lamp.GREEN, day(3, 31), 960_000)
    after = given(PROJECT, *HISTORY).when(LAMP, FACTS).then(event)
    assert after is not None
    assert after.lamps["2017-03"].lamp is Lamp.GREEN
    given(PROJECT, *HISTORY, event).when(LAMP, FACTS).nothing()
    given(PROJECT, *HISTORY, event).when(LAMP, replace(FACTS, rules=replace(RULES, version="2"))).nothing()


def test_a_report_after_the_lamp_day_comes_too_late_for_the_months_lamp() -> None:
    late = (*UNDER_WAY, STRAIGHT, reported("2017-03", 10, 960_000, on=day(4, 7)))
    outcome = given(PROJECT, *late).when(LAMP, FACTS)
    (event,) = outcome.events
    assert isinstance(event, ProjectLampRecorded)
    assert event.lamp is Lamp.UNREPORTED


def test_a_day_is_over_when_the_calendar_says_so_whatever_the_clock_of_who_decides_says() -> None:
    """Else what follows from a day that has passed would rest on which process it comes to, after a clock jumped."""
    (event,) = given(PROJECT, *HISTORY).when(LAMP, on(day(4, 5))).events
    assert isinstance(event, ProjectLampRecorded)
    assert event.lamp is Lamp.GREEN


def test_no_lamp_before_it_is_due_or_without_rules() -> None:
    early = replace(LAMP, occurred_on=day(4, 5))
    given(PROJECT, *HISTORY).when(early, FACTS).raises("LAMP_NOT_DUE", field="month")
    given(PROJECT, *HISTORY).when(LAMP, replace(FACTS, rules=None)).raises("RULES_NOT_ADOPTED")
    given(PROJECT).when(LAMP, FACTS).raises("PROJECT_NOT_REGISTERED")


@pytest.mark.parametrize(
    "event",
    [
        replace(COMPLETED, occurred_on=day(3, 31)),
        ProjectTerminated(occurred_on=day(3, 31), reason="停"),
        replace(REGISTERED, occurred_on=day(4, 1)),
    ],
)
def test_no_lamp_for_a_month_that_it_did_not_live_through(event: Event) -> None:
    given(PROJECT, *HISTORY, event).when(LAMP, FACTS).nothing()


def test_no_lamp_for_a_unit_that_has_left() -> None:
    given(PROJECT, *HISTORY).when(LAMP, no_unit()).nothing()


def test_a_suspended_month_is_recorded_as_not_judged() -> None:
    outcome = given(PROJECT, *HISTORY, replace(SUSPENDED, occurred_on=day(3, 15))).when(LAMP, FACTS)
    (event,) = outcome.events
    assert isinstance(event, ProjectLampRecorded)
    assert (event.lamp, event.evidence.reasons) == (Lamp.NOT_JUDGED, (LampReason.SUSPENDED,))


def test_percent_is_compared_exactly() -> None:
    nearly = record(*UNDER_WAY, STRAIGHT, reported("2017-03", Decimal("99.99").to_eng_string(), 960_000, on=day(4, 5)))
    assert lamp_on(nearly, day(4, 6), RULES).lamp is Lamp.GREEN


def test_the_row_counts_reports_that_came_after_their_month() -> None:
    planned = baseline(plan((day(3, 31), 1_000), (day(6, 30), 1_910), milestones=NO_MILESTONES))
    reports = (reported("2017-03", 1, 700, on=day(4, 5)), reported("2017-04", 2, 210, on=day(5, 5)))
    judged = lamp_on(record(*UNDER_WAY, planned, *reports), day(5, 6), RULES)
    assert (judged.lamp, judged.evidence.yellow_months) == (Lamp.RED, 2)
