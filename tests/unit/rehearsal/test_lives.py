"""Lives of projects: everything told is taken by the rules, at working hours, and the lamps look alive."""

from __future__ import annotations

from collections import Counter
from datetime import date, time
from itertools import pairwise

import pytest

from services.chassis.auth import Role
from services.chassis.time.calendar import is_working_day
from services.project_tracking.events import Lamp, ProjectStepRetracted, carried_over, lamp_on, record_of
from services.project_tracking.project.commands import (
    ApproveRebaseline,
    RegisterProject,
    RejectRebaseline,
    ReportProgress,
    ResumeProject,
    SubmitWeeklyReport,
    SuspendProject,
    TerminateProject,
    WithdrawProject,
)
from services.rehearsal.portfolio import Phase
from tests.unit.rehearsal.worlds import UNTIL, lived, programme, recorded

SEEDS = (1, 2)
CITYS = (ApproveRebaseline, RejectRebaseline, WithdrawProject)
HEADS = (SuspendProject, ResumeProject, TerminateProject)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_command_of_every_life_is_taken_and_says_something_new(seed: int) -> None:
    assert sum(len(events) for events in recorded(seed)) > 6000


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_told_in_order_at_working_hours_of_working_days(seed: int) -> None:
    for life in lived(seed):
        instants = [intention.at for intention in life.told]
        assert all(earlier <= later for earlier, later in pairwise(instants))
        assert all(is_working_day(at.date()) for at in instants)
        assert all(time(8, 30) <= at.time() < time(18, 0) for at in instants)


def test_who_tells_has_the_right_role_and_is_of_the_projects_unit() -> None:
    for life in lived(1):
        for intention in life.told:
            who, command = intention.who, intention.command
            if isinstance(command, CITYS):
                assert who.role is Role.CITY_GROUP
            else:
                assert who.unit == life.project.unit.code
                assert who.role is Role.UNIT_HEAD or not isinstance(command, HEADS)


def test_a_unit_that_leaves_tells_nothing_more_and_its_living_projects_are_withdrawn() -> None:
    withdrawn = 0
    for life in lived(1):
        left = life.project.unit.left_on
        after = [each for each in life.told if left is not None and each.at.date() >= left]
        assert all(isinstance(each.command, WithdrawProject) for each in after)
        withdrawn += len(after)
    assert withdrawn >= 5


def test_a_life_does_not_depend_on_how_many_days_are_lived_nor_on_other_projects() -> None:
    """Streams of chance are the project's own: the same project of the same seed lives the same life."""
    first, again = lived(1)[17], lived.__wrapped__(1)[17]
    assert [each.command for each in first.told] == [each.command for each in again.told]
    assert [each.at for each in first.told] == [each.at for each in again.told]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_begun_before_the_first_day_comes_onto_the_list_in_its_first_working_days(seed: int) -> None:
    """With its own earlier days, what was invested before as one sum, and no report of an earlier month."""
    begun = [life for life in lived(seed) if life.project.phase is not Phase.NEW]
    records = {record.project_id: record for events in recorded(seed) if (record := record_of(events)) is not None}
    for life in begun:
        record = records[life.project.project_id]
        assert date(2017, 1, 3) <= record.registered_on <= date(2017, 1, 16)
        assert isinstance(life.told[0].command, RegisterProject)
        assert life.told[0].at.date() == record.registered_on
        assert min(record.progress, default="2017-01") >= "2017-01"
    early = [record for record in records.values() if carried_over(record)]
    assert len(early) >= 90
    assert all(record.invested_before_yuan is not None for record in early)
    assert any(record.started_on is not None and record.started_on.year == 2015 for record in early)
    assert sum(record.signed_on is not None and record.signed_on.year < 2017 for record in records.values()) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_carried_over_projects_first_lamps_are_no_verdict_by_accident(seed: int) -> None:
    """In January nothing is due yet; from February on it is judged by all that was invested."""
    for events in recorded(seed):
        record = record_of(events)
        if record is None or not carried_over(record):
            continue
        january = lamp_on(record, date(2017, 1, 31), programme().rules)
        assert not {each for each in january.evidence.reasons if each.value.startswith("investment_")}
        assert min(record.lamps, default="2017-01") == "2017-01"
        february = lamp_on(record, date(2017, 2, 28), programme().rules)
        if february.evidence.done_yuan is not None:
            assert february.evidence.done_yuan >= (record.invested_before_yuan or 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_lamps_at_the_end_of_september_are_mixed(seed: int) -> None:
    lamps: Counter[Lamp] = Counter()
    for events in recorded(seed):
        record = record_of(events)
        if record is not None:
            lamps[lamp_on(record, UNTIL, programme().rules).lamp] += 1
    judged = sum(lamps.values()) - lamps[Lamp.NOT_JUDGED]
    share = {lamp: lamps[lamp] / judged for lamp in Lamp}
    assert judged >= 110
    assert 0.50 <= share[Lamp.GREEN] <= 0.66
    assert 0.10 <= share[Lamp.WATCH] <= 0.22
    assert 0.05 <= share[Lamp.YELLOW] <= 0.16
    assert 0.05 <= share[Lamp.RED] <= 0.13
    assert lamps[Lamp.NO_BASELINE] + lamps[Lamp.UNREPORTED] >= 3


def test_lives_hold_lateness_slips_and_steps_taken_back() -> None:
    told = [each for life in lived(1) for each in life.told]
    reports = [each for each in told if isinstance(each.command, ReportProgress)]
    assert sum(each.command.correction_reason is not None for each in reports) >= 15  # type: ignore[attr-defined]
    assert any(_days_late(each.at.date(), each.command) > 20 for each in reports)
    retracted = [e for events in recorded(1) for e in events if isinstance(e, ProjectStepRetracted)]
    assert len(retracted) >= 5


def _days_late(told: date, command: object) -> int:
    assert isinstance(command, ReportProgress)
    year, month = int(command.month[:4]), int(command.month[5:])
    due = date(year + month // 12, month % 12 + 1, 5)
    return (told - due).days


def test_weekly_reports_are_varied_and_come_from_major_industrial_projects_only() -> None:
    weekly = [
        (life.project, each.command)
        for life in lived(1)
        for each in life.told
        if isinstance(each.command, SubmitWeeklyReport)
    ]
    assert all(project.weekly for project, _ in weekly)
    registered = ((life.project, each.command) for life in lived(1) for each in life.told)
    assert all(told.major == one.weekly for one, told in registered if isinstance(told, RegisterProject))
    assert 25 <= len({project.project_id for project, _ in weekly}) <= 45
    assert len({command.progress for _, command in weekly}) > len(weekly) // 2
    assert all("{" not in f"{command.progress}{command.problems}{command.next_week}" for _, command in weekly)
