"""Whatever clerks do in whatever order, the record keeps its invariants."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.chassis.domain import Command, DomainError, Event
from services.project_tracking.events import (
    BaselinePlan,
    Lamp,
    MilestoneKind,
    PlannedMilestone,
    PlanPoint,
    ProjectKind,
    ProjectLevel,
    ProjectRecord,
    Step,
    approvals_on,
    baseline_on,
    carried_over,
    evolve,
    invested_by,
    lamp_on,
    last_reported_month,
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
from services.project_tracking.project.facts import ProjectFacts
from tests.unit.project_tracking.busy import busy_life
from tests.unit.project_tracking.world import (
    PLANNED,
    REGISTERED,
    ROOFED,
    RULES,
    SIGNED,
    STARTED,
    SUSPENDED,
    UNIT,
    P,
    filed,
    granted,
    reported,
)

DAY_ONE = date(2017, 1, 1)
days = st.integers(0, 200).map(lambda n: DAY_ONE + timedelta(days=n))
strange_days = st.one_of(*[days] * 12, st.dates())
"""Mostly days of the project's time, now and then any day at all."""
maybe_reason = st.sampled_from([None, None, None, "更正"])
months = st.sampled_from([f"2017-{m:02d}" for m in range(1, 7)] * 3 + ["1900-01", "2099-12"])
ids = st.sampled_from(["land", "energy", "roof", "start"])
yuan = st.integers(0, 10**7)
percents = st.one_of(*[st.decimals(0, 100, places=1)] * 6, st.decimals(allow_nan=True, allow_infinity=True))
quarter_ends = st.sampled_from([date(2017, 3, 31), date(2017, 6, 30)]) | st.dates()
points = st.lists(st.builds(PlanPoint, by=quarter_ends, invested_yuan=yuan), min_size=1, max_size=3)
milestone = st.builds(
    PlannedMilestone, milestone_id=ids, text=st.just("节点"), due=strange_days, kind=st.sampled_from(MilestoneKind)
)
good_plan = st.builds(
    lambda first, second, due: BaselinePlan(
        starts_on=date(2016, 12, 31),
        points=(
            PlanPoint(by=date(2017, 3, 31), invested_yuan=first),
            PlanPoint(by=date(2017, 6, 30), invested_yuan=first + second),
        ),
        milestones=(
            PlannedMilestone(milestone_id="start", text="开工", due=due, kind=MilestoneKind.START),
            PlannedMilestone(milestone_id="roof", text="封顶", due=due),
        ),
    ),
    yuan,
    yuan.map(lambda more: more + 1),
    days.map(lambda due: min(due, date(2017, 6, 30))),
)
any_plan = st.builds(
    BaselinePlan,
    starts_on=strange_days,
    starting_yuan=yuan,
    points=points.map(tuple),
    milestones=st.lists(milestone, max_size=3).map(tuple),
)
plans = st.one_of(good_plan, good_plan, any_plan)
mondays = days.map(lambda d: d - timedelta(days=d.weekday())) | st.dates()


def order(command: type[Command], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """The command with random fields; `occurred_on` and a reason wherever it has them."""
    if "correction_reason" in command.__struct_fields__:
        fields = {"correction_reason": maybe_reason, **fields}
    return st.builds(command, project_id=st.just(P), occurred_on=strange_days, **fields)


registration = order(
    c.RegisterProject,
    name=st.just("示例"),
    kind=st.sampled_from(ProjectKind),
    level=st.sampled_from(ProjectLevel),
    unit_code=st.sampled_from(["130629", "130630"]),
    industry=st.just("制造业"),
    owner=st.just("示例公司"),
    total_investment_yuan=yuan,
    invested_before_yuan=st.none() | yuan,
    area_mu=st.none() | st.decimals(allow_nan=True),
)
reasons = st.just("原因")
steps = (
    order(c.SignProject),
    order(c.StartProject),
    order(c.SuspendProject, reason=reasons),
    order(c.ResumeProject),
    order(c.CompleteProject),
    order(c.PutIntoProduction),
    order(c.RetractStep, step=st.sampled_from(Step), reason=reasons),
)
papers = (
    order(c.FileApproval, approval_id=ids),
    order(c.ReturnApproval, approval_id=ids, reason=reasons),
    order(c.GrantApproval, approval_id=ids),
    order(c.SetBaseline, plan=plans),
    order(c.RequestRebaseline, plan=plans, reason=reasons),
    order(c.ApproveRebaseline, number=st.integers(2, 3)),
    order(c.RejectRebaseline, number=st.integers(1, 3), reason=reasons),
)
reports = (
    order(c.ReachMilestone, milestone_id=ids, text=reasons),
    order(c.ReportProgress, month=months, physical_percent=percents, invested_this_month_yuan=yuan),
    order(c.SubmitWeeklyReport, week=mondays, progress=reasons),
    order(c.RecordLamp, month=months),
)
ends = (order(c.TerminateProject, reason=reasons), order(c.WithdrawProject, reason=reasons))
orders = st.one_of(registration, *steps, *papers, *reports * 2, *ends)


def begin(kind: ProjectKind, *, start: bool = False) -> list[Command]:
    """A project that may start or has started, so that the random orders reach the later stages."""
    told: list[Command] = [
        c.RegisterProject(
            project_id=P,
            occurred_on=DAY_ONE,
            name="示例",
            kind=kind,
            level=ProjectLevel.CITY,
            unit_code="130629",
            industry="制造业",
            owner="示例公司",
            total_investment_yuan=10**8,
        )
    ]
    for item in RULES.checklist(kind):
        told.append(c.FileApproval(project_id=P, occurred_on=DAY_ONE, approval_id=item.approval_id))
        told.append(c.GrantApproval(project_id=P, occurred_on=DAY_ONE, approval_id=item.approval_id))
    if start and kind is ProjectKind.INVESTMENT:
        told.append(c.SignProject(project_id=P, occurred_on=DAY_ONE))
    if start:
        told.append(c.SetBaseline(project_id=P, occurred_on=DAY_ONE, plan=PLANNED.plan))
        told.append(c.StartProject(project_id=P, occurred_on=DAY_ONE))
    return told


def carry_over(kind: ProjectKind, begun: date, invested_before: int | None) -> list[Command]:
    """A project that was begun earlier and comes onto the list on the first day."""
    registration, *others = begin(kind, start=True)
    early = [replace(told, occurred_on=begun) for told in others]
    return [replace(registration, invested_before_yuan=invested_before), *early]


beginnings = st.sampled_from(
    [
        [],
        *(begin(kind, start=start) for kind in ProjectKind for start in (False, True, True)),
        *(carry_over(kind, date(2015, 6, 1), before) for kind in ProjectKind for before in (None, 5_000_000)),
    ]
)
facts = st.builds(
    ProjectFacts,
    today=st.just(date(2017, 7, 20)),
    unit=st.sampled_from([UNIT] * 9 + [None]),
    rules=st.sampled_from([RULES] * 9 + [None]),
)


def lived(orders: Life) -> list[Event]:
    """The facts that came of the orders; what is refused is refused by a rule and by nothing else."""
    state, history = PROJECT.initial, list[Event]()
    for command, looked_up in orders:
        try:
            events = PROJECT.decide(state, command, looked_up)
        except DomainError as error:
            assert_clear(error, command)
            continue
        state = PROJECT.fold(events, state)
        history.extend(events)
        assert_in_order(state)
    assert state == record_of(history)
    return history


def assert_clear(error: DomainError, command: Command) -> None:
    assert error.code
    assert error.field in {*type(command).__struct_fields__, "unit_code"}
    assert "{" not in error.message + error.english


def assert_in_order(record: ProjectRecord | None) -> None:
    if record is None:
        return
    for chain in (
        (record.signed_on, record.started_on, record.completed_on, record.in_production_on),
        *((record.registered_on, end) for end in (record.in_production_on, record.terminated_on, record.withdrawn_on)),
        *((s.suspended_on, s.resumed_on) for s in record.suspensions.values()),
    ):
        known = [day for day in chain if day is not None]
        assert known == sorted(known)
    assert record.completed_on is None or record.started_on is not None
    assert record.in_production_on is None or record.completed_on is not None
    assert not (record.kind is ProjectKind.GOVERNMENT and record.signed_on)
    assert not (record.kind is ProjectKind.INVESTMENT and record.started_on and not record.signed_on)
    assert record.started_on is None or all(m >= f"{record.started_on:%Y-%m}" for m in record.progress)
    assert all(m >= f"{record.registered_on:%Y-%m}" for m in record.progress)
    for over in (record.completed_on, record.ended_on):
        assert over is None or all(m <= f"{over:%Y-%m}" for m in record.progress)
    assert record.ended_on is None or all(week <= record.ended_on for week in record.weekly_reports)
    assert all(baseline.plan.points[-1].invested_yuan > 0 for baseline in record.baselines.values())
    assert 5 * invested_in_all(record) <= 6 * record.total_investment_yuan


def invested_in_all(record: ProjectRecord) -> int:
    return (record.invested_before_yuan or 0) + sum(report.invested_yuan for report in record.progress.values())


EVERYTHING_KNOWN = ProjectFacts(today=date(2017, 7, 20), unit=UNIT, rules=RULES)
Life = list[tuple[Command, ProjectFacts]]


def as_lived(beginning: list[Command], told: Life, in_time: bool) -> Life:
    """Orders by their days, as an orderly clerk gives them, or in any order."""
    if in_time:
        told = sorted(told, key=lambda pair: getattr(pair[0], "occurred_on"))  # noqa: B009
    return [*((command, EVERYTHING_KNOWN) for command in beginning), *told]


def busy(kind: ProjectKind, seed: int) -> Life:
    """A project that goes through a busy year; every third was begun before it."""
    known = replace(EVERYTHING_KNOWN, today=date(2017, 12, 31))
    beginning = begin(kind) if seed % 3 else carry_over(kind, date(2015, 6, 1), seed if seed % 2 else None)
    return [(command, known) for command in (*beginning, *busy_life(seed))]


wild_lives = st.builds(as_lived, beginnings, st.lists(st.tuples(orders, facts), max_size=30), st.booleans())
busy_lives = st.builds(busy, st.sampled_from(ProjectKind), st.integers(0, 2**32))
lives = st.one_of(wild_lives, busy_lives, busy_lives)
year = st.integers(0, 400).map(lambda n: DAY_ONE + timedelta(days=n))


@settings(max_examples=120, deadline=None)
@given(lives, year)
def test_no_sequence_of_orders_breaks_the_record(life: Life, on: date) -> None:
    record = record_of(lived(life))
    if record is None:
        return
    assert msgspec.json.decode(msgspec.json.encode(record), type=ProjectRecord) == record
    assert_readable(record, on)


def assert_readable(record: ProjectRecord, on: date) -> None:
    """Every reading answers on any day, and no lamp is green without what it needs."""
    done, planned, physical = invested_by(record, on), planned_by(record, on), physical_on(record, on)
    assert done is None or done >= 0
    assert planned is None or planned >= 0
    assert physical is None or Decimal(0) <= physical <= 100
    assert (stage_on(record, on) is None) == (on < record.registered_on)
    if on < record.registered_on:
        assert (done, planned, physical, last_reported_month(record, on)) == (None, None, None, None)
        assert (approvals_on(record, on), milestones_on(record, on), weekly_report_on(record, on)) == ((), (), None)
    judged = lamp_on(record, on, RULES)
    lamp, measured = judged.lamp, judged.evidence.ratio_permille is not None
    if lamp in (Lamp.GREEN, Lamp.WATCH):
        assert measured or any(one.due.year <= on.year for one in milestones_on(record, on))
        assert baseline_on(record, on) is not None
        assert missing_months(record, on, RULES.lamp_day) == ()
        assert not carried_over(record) or record.invested_before_yuan is not None


amounts = st.integers(0, 30)


@settings(max_examples=200, deadline=None)
@given(amounts, amounts, st.lists(amounts, max_size=4), amounts, st.sampled_from(["2017-03", "2017-06"]))
def test_a_months_investment_is_taken_up_to_a_fifth_above_the_total_or_if_it_makes_nothing_worse(
    total: int, before: int, told: list[int], given_yuan: int, month: str
) -> None:
    history = [
        replace(REGISTERED, total_investment_yuan=total, invested_before_yuan=before),
        SIGNED,
        STARTED,
        *(reported(f"2017-{number:02d}", 1, amount) for number, amount in enumerate(told, start=3)),
    ]
    record = record_of(history)
    assert record is not None
    report = c.ReportProgress(
        project_id=P,
        occurred_on=date(2017, 7, 3),
        month=month,
        physical_percent=Decimal(1),
        invested_this_month_yuan=given_yuan,
        correction_reason="更正" if month in record.progress else None,
    )
    known = 0 if month not in record.progress else record.progress[month].invested_yuan
    after = invested_in_all(record) - known + given_yuan
    if 5 * after > 6 * total and given_yuan > known:
        with pytest.raises(DomainError) as refused:
            PROJECT.decide(record, report, EVERYTHING_KNOWN)
        assert (refused.value.code, refused.value.field) == ("INVESTED_ABOVE_TOTAL", "invested_this_month_yuan")
    else:
        PROJECT.decide(record, report, EVERYTHING_KNOWN)


@settings(max_examples=60, deadline=None)
@given(lives, st.integers(0, 60))
def test_replay_is_incremental(life: Life, cut: int) -> None:
    history = lived(life)
    assert PROJECT.fold(history[cut:], PROJECT.fold(history[:cut])) == PROJECT.fold(history)


independent = (
    SIGNED,
    STARTED,
    SUSPENDED,
    ROOFED,
    filed("land"),
    granted("land"),
    filed("energy"),
    reported("2017-03", 1, 100),
    reported("2017-04", 5, 200),
    reported("2017-05", 9, 300),
)


@settings(max_examples=60, deadline=None)
@given(st.permutations(independent), days)
def test_facts_of_different_keys_commute(shuffled: list[Event], on: date) -> None:
    one, other = record_of([REGISTERED, *independent]), record_of([REGISTERED, *shuffled])
    assert one is not None
    assert one == other
    assert lamp_on(one, on, RULES) == lamp_on(other, on, RULES)


def _quarters_of_2017(amounts: tuple[int, ...]) -> tuple[PlanPoint, ...]:
    by = [date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30), date(2017, 12, 31), date(2018, 3, 31)]
    return tuple(PlanPoint(by=day, invested_yuan=sum(amounts[: n + 1])) for n, day in enumerate(by[: len(amounts)]))


near_days = st.integers(-60, 500).map(lambda n: DAY_ONE + timedelta(days=n))
wild_plan = st.builds(
    lambda starts_on, starting, amounts, start, roof, done: BaselinePlan(
        starts_on=starts_on,
        starting_yuan=starting,
        points=_quarters_of_2017((amounts[0] + starting, *amounts[1:])),
        milestones=(
            PlannedMilestone(milestone_id="start", text="开工", due=start, kind=MilestoneKind.START),
            PlannedMilestone(milestone_id="roof", text="封顶", due=roof),
            PlannedMilestone(milestone_id="done", text="竣工", due=done, kind=MilestoneKind.COMPLETION),
        )[: 2 + (starting % 2)],
    ),
    near_days,
    st.integers(0, 3),
    st.lists(st.integers(0, 4), min_size=1, max_size=5).map(tuple),
    near_days,
    near_days,
    near_days,
)


@settings(max_examples=300, deadline=None)
@given(wild_plan, st.integers(0, 8), st.none() | near_days, near_days)
def test_a_plan_that_is_taken_has_substance_and_lies_in_the_registered_time(
    plan: BaselinePlan, total: int, completion: date | None, told_on: date
) -> None:
    registration = replace(REGISTERED, total_investment_yuan=total, planned_completion=completion)
    record = record_of([registration])
    told = c.SetBaseline(project_id=P, occurred_on=told_on, plan=plan)
    try:
        PROJECT.decide(record, told, replace(EVERYTHING_KNOWN, today=date(2018, 12, 31)))
    except DomainError as error:
        assert_clear(error, told)
        return
    last, dues = plan.points[-1], {one.kind: one.due for one in plan.milestones}
    assert 0 < last.invested_yuan <= total
    assert plan.starts_on <= max(dues[MilestoneKind.START].replace(day=28), REGISTERED.occurred_on) + timedelta(days=31)
    assert last.by >= max(told_on, dues[MilestoneKind.START])
    latest = completion or date(2027, 12, 31)
    assert max(one.due for one in plan.milestones) <= latest
    assert last.by < latest + timedelta(days=92)
    done = dues.get(MilestoneKind.COMPLETION)
    assert done is None or done > last.by or last.invested_yuan == total
    assert completion is None or completion > last.by or done is not None or last.invested_yuan == total


@settings(max_examples=60, deadline=None)
@given(good_plan, days, days)
def test_a_plan_never_falls_and_never_goes_below_its_start(plan: BaselinePlan, one: date, other: date) -> None:
    from_plan = record_of([REGISTERED])
    assert from_plan is not None
    earlier, later = sorted((one, other))
    set_on = replace(from_plan, registered_on=DAY_ONE)
    event = PROJECT.decide(
        set_on,
        c.SetBaseline(project_id=P, occurred_on=DAY_ONE, plan=plan),
        EVERYTHING_KNOWN,
    )[0]
    planned = evolve(set_on, event)
    assert planned is not None
    low, high = planned_by(planned, earlier), planned_by(planned, later)
    assert low is not None
    assert high is not None
    assert 0 <= plan.starting_yuan <= low <= high <= plan.points[-1].invested_yuan
