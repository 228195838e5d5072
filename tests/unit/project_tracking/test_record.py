"""The record read at a date, and its way through JSON."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from msgspec.structs import replace

from services.chassis.domain import Event
from services.chassis.registry import EventRegistry
from services.project_tracking.events import (
    EVOLUTIONS,
    PROJECT_EVENTS,
    MilestoneKind,
    PlannedMilestone,
    ProjectApprovalReturned,
    ProjectBaselineSet,
    ProjectPutIntoProduction,
    ProjectRebaselineApproved,
    ProjectRecord,
    ProjectStepRetracted,
    ProjectSuspended,
    ProjectTerminated,
    ProjectWeeklyReportSubmitted,
    ProjectWithdrawn,
    Stage,
    Step,
    evolve,
    expected_months,
    last_reported_month,
    late_milestones,
    milestones_on,
    missing_months,
    months_from,
    planned_by,
    record_of,
    stage_on,
    weekly_report_on,
)
from services.project_tracking.project.decider import PROJECT
from tests.unit.project_tracking.world import (
    COMPLETED,
    FILED,
    GRANTED,
    PLANNED,
    REGISTERED,
    RESUMED,
    ROOFED,
    SIGNED,
    STARTED,
    SUSPENDED,
    UNDER_WAY,
    day,
    plan,
    reported,
)

PRODUCED = ProjectPutIntoProduction(occurred_on=day(11, 1))
WEEK = ProjectWeeklyReportSubmitted(occurred_on=day(3, 10), week=day(3, 6), progress="平整场地")
LIFE: tuple[Event, ...] = (
    *UNDER_WAY,
    PLANNED,
    WEEK,
    reported("2017-03", "2.5", 3),
    SUSPENDED,
    RESUMED,
    reported("2017-06", 40, 5),
    ROOFED,
    COMPLETED,
    PRODUCED,
)


def record(*events: Event) -> ProjectRecord:
    found = record_of(events)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("on_day", "stage"),
    [
        (day(1, 4), None),
        (day(1, 5), Stage.PREPARING),
        (day(2, 28), Stage.PREPARING),
        (day(3, 1), Stage.UNDER_CONSTRUCTION),
        (day(4, 9), Stage.UNDER_CONSTRUCTION),
        (day(4, 10), Stage.SUSPENDED),
        (day(5, 31), Stage.SUSPENDED),
        (day(6, 1), Stage.UNDER_CONSTRUCTION),
        (day(9, 30), Stage.UNDER_CONSTRUCTION),
        (day(10, 1), Stage.COMPLETED),
        (day(11, 1), Stage.IN_PRODUCTION),
        (date(2030, 1, 1), Stage.IN_PRODUCTION),
    ],
)
def test_the_stage_on_any_day(on_day: date, stage: Stage | None) -> None:
    assert stage_on(record(*LIFE), on_day) is stage


@pytest.mark.parametrize(
    ("end", "stage"),
    [
        (ProjectTerminated(occurred_on=day(7, 1), reason="停"), Stage.TERMINATED),
        (ProjectWithdrawn(occurred_on=day(7, 1), reason="划出"), Stage.WITHDRAWN),
    ],
)
def test_an_end_shows_from_its_day(end: Event, stage: Stage) -> None:
    ended = record(*UNDER_WAY, SUSPENDED, end)
    assert [stage_on(ended, d) for d in (day(6, 30), day(7, 1))] == [Stage.SUSPENDED, stage]


def test_planned_follows_the_baseline_in_force() -> None:
    known = record(REGISTERED, PLANNED)
    assert [planned_by(known, d) for d in (day(1, 19), day(1, 20), day(3, 31))] == [None, 2_000_000, 9_000_000]
    assert planned_by(record(REGISTERED), day(3, 31)) is None


def test_expected_and_missing_months() -> None:
    known = record(*LIFE)
    assert expected_months(known, "2017-12") == [
        "2017-03",
        "2017-04",
        "2017-06",
        "2017-07",
        "2017-08",
        "2017-09",
        "2017-10",
    ]
    assert missing_months(known, day(4, 5), 6) == ()
    assert missing_months(known, day(5, 6), 6) == ("2017-04",)
    assert missing_months(known, day(8, 6), 6) == ("2017-04", "2017-07")
    assert expected_months(record(REGISTERED), "2017-12") == []
    ended = record(*UNDER_WAY, ProjectTerminated(occurred_on=day(6, 20), reason="停"))
    assert expected_months(ended, "2017-12") == ["2017-03", "2017-04", "2017-05"]


def test_a_report_that_came_late_was_missing_until_then() -> None:
    late = record(*UNDER_WAY, reported("2017-03", 1, 1, on=day(4, 20)))
    assert missing_months(late, day(4, 19), 6) == ("2017-03",)
    assert missing_months(late, day(4, 20), 6) == ()
    assert (last_reported_month(late, day(4, 19)), last_reported_month(late, day(4, 20))) == (None, "2017-03")


def test_months_run_over_the_year() -> None:
    assert list(months_from("2016-11", "2017-02")) == ["2016-11", "2016-12", "2017-01", "2017-02"]
    assert list(months_from("2017-02", "2017-01")) == []


def test_milestones_of_steps_are_reached_by_the_step() -> None:
    done = PlannedMilestone(milestone_id="done", text="竣工", due=day(9, 30), kind=MilestoneKind.COMPLETION)
    start, roof = PLANNED.plan.milestones
    planned = ProjectBaselineSet(occurred_on=day(1, 20), plan=plan(milestones=(done, roof, start)))
    known = record(*UNDER_WAY, planned, ROOFED, COMPLETED)
    assert [(m.milestone_id, m.reached_on, m.late_days) for m in milestones_on(known, day(10, 5))] == [
        ("start", day(3, 1), 0),
        ("roof", day(8, 20), 0),
        ("done", day(10, 1), 1),
    ]
    assert [(m.milestone_id, m.late_days) for m in late_milestones(known, day(8, 20))] == []
    assert [(m.milestone_id, m.reached_on) for m in milestones_on(known, day(2, 1))] == [
        ("start", None),
        ("roof", None),
        ("done", None),
    ]
    assert milestones_on(known, day(1, 19)) == ()


def test_the_latest_weekly_report() -> None:
    known = record(REGISTERED, WEEK)
    assert weekly_report_on(known, day(3, 9)) is None
    found = weekly_report_on(known, day(3, 10))
    assert found is not None
    assert found[0] == day(3, 6)


def test_before_the_registration_a_reader_passes_facts_over() -> None:
    assert all(evolve(None, event) is None for event in LIFE[1:])
    assert evolve(None, ProjectRebaselineApproved(occurred_on=day(1, 1), number=2)) is None


def test_a_reader_takes_any_fact_in_any_order() -> None:
    strange: tuple[Event, ...] = (
        ProjectRebaselineApproved(occurred_on=day(1, 1), number=7),
        ProjectApprovalReturned(occurred_on=day(1, 1), approval_id="x", round=4, reason="?"),
        RESUMED,
        ProjectStepRetracted(occurred_on=day(1, 1), step=Step.SUSPENDED, reason="?"),
        ProjectStepRetracted(occurred_on=day(1, 1), step=Step.RESUMED, reason="?"),
        PRODUCED,
    )
    known = record(REGISTERED, *strange)
    assert stage_on(known, day(1, 5)) is Stage.PREPARING
    assert evolve(known, _Foreign(occurred_on=day(1, 1))) == known


class _Foreign(Event, frozen=True, kw_only=True):
    type = "bizenv.elsewhere.happened.v1"


def test_facts_of_different_keys_commute() -> None:
    facts = (FILED, GRANTED, SIGNED, STARTED, ROOFED, reported("2017-03", 1, 1), reported("2017-04", 2, 1), WEEK)
    assert record(REGISTERED, *facts) == record(REGISTERED, *reversed(facts))


def test_a_correction_sets_the_value_again() -> None:
    right = replace(STARTED, occurred_on=day(3, 9), correction_reason="录入有误")
    assert record(*UNDER_WAY, right) == record(*UNDER_WAY[:-1], replace(STARTED, occurred_on=day(3, 9)))


def test_the_record_goes_through_json_unchanged() -> None:
    known = record(*LIFE, ProjectSuspended(occurred_on=day(12, 1), number=2, reason="?"))
    assert msgspec.json.decode(msgspec.json.encode(known), type=ProjectRecord) == known


def test_every_fact_has_its_evolution_and_goes_through_the_registry() -> None:
    assert set(EVOLUTIONS) == set(PROJECT_EVENTS)
    registry = EventRegistry(PROJECT_EVENTS)
    assert all(struct.type.startswith("bizenv.project.") and struct.type.endswith(".v1") for struct in PROJECT_EVENTS)
    assert [registry.decode(event.type, registry.encode(event)) for event in LIFE] == list(LIFE)


def test_incremental_and_replayed_are_the_same() -> None:
    state = PROJECT.initial
    for number, event in enumerate(LIFE, start=1):
        state = PROJECT.evolve(state, event)
        assert state == record_of(LIFE[:number])
