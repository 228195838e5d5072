"""What project_tracking knows of others: units by code and day, rules in force, projects to be given lamps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from services.chassis.domain import Command, Facts
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.views.view import Received
from services.policy_registry.events import ProgrammeWithdrawn
from services.project_tracking.events import (
    Lamp,
    LampEvidence,
    ProjectCompleted,
    ProjectLampRecorded,
    ProjectStepRetracted,
    ProjectTerminated,
    Step,
    last_day,
    record_of,
)
from services.project_tracking.events.fold import Known
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from services.project_tracking.reactions import REACTIONS, give_lamps
from services.project_tracking.reference import facts_for, known_units, lamps_owed, rules_in_force
from services.project_tracking.scope import units_of
from tests.unit.given import given
from tests.unit.project_tracking.known import (
    PROGRAMME,
    REGISTRY,
    KnownFacts,
    issued,
    joined,
    left,
    published,
    received,
    recoded,
)
from tests.unit.project_tracking.world import FILED, GRANTED, PLANNED, SIGNED, STARTED, P, day, register, registered

RECODED = day(5, 1, 2015)
"""From this day the code 130602, until then 新市区's, is 竞秀区's (DOMAIN §7)."""
LEFT = day(4, 1)
BASE = Facts(today=day(12, 31))
LISTED = registered(unit_code="130602", unit_id="jingxiu")
RECORD = record_of([LISTED])
SIGN = c.SignProject(project_id=P, occurred_on=day(2, 1))


def city() -> KnownFacts:
    """Two units that bore one code after another, one that left, and rules from 2017 on, changed in July."""
    known = KnownFacts().told(REGISTRY, joined("xinshi", "130602", "新市区", day(1, 1, 2013)))
    known.told(REGISTRY, left("xinshi", RECODED), joined("jingxiu", "130602", "竞秀区", RECODED))
    known.told(REGISTRY, joined("rongcheng", "130629", "容城县", day(1, 1, 2013)), left("rongcheng", LEFT))
    return known.told(PROGRAMME, issued(day(3, 1)), published(1, day(1, 1)), published(2, day(7, 1)))


LIXIAN_LISTED = registered(unit_code="130635", unit_id="lixian")
LIXIAN = record_of([LIXIAN_LISTED])


def lixian() -> KnownFacts:
    """A county that is given another code on 1 September."""
    known = KnownFacts().told(REGISTRY, joined("lixian", "130635", "蠡县", day(1, 1, 2013)))
    known.told(REGISTRY, recoded("lixian", "130690", "蠡县", day(9, 1)))
    return known.told(PROGRAMME, issued(day(3, 1)), published(1, day(1, 1)))


def unit_at(command: c.RegisterProject | c.SignProject, known: KnownFacts | None = None) -> str | None:
    state = None if isinstance(command, c.RegisterProject) else RECORD
    unit = facts_for(known or city(), state, command, BASE).unit
    return None if unit is None else unit.unit_id


# --- units


@pytest.mark.parametrize(
    ("on", "unit_id"),
    [(day(4, 30, 2015), "xinshi"), (RECODED, "jingxiu"), (day(1, 5), "jingxiu"), (day(1, 1, 2012), None)],
)
def test_a_registration_is_of_the_unit_that_bears_the_code_on_its_day(on: date, unit_id: str | None) -> None:
    assert unit_at(register(unit_code="130602", occurred_on=on)) == unit_id


def test_a_fact_before_the_registration_is_of_the_unit_on_the_day_of_the_registration() -> None:
    for on in (day(6, 1, 2012), day(6, 1, 2014), day(1, 4), day(1, 5), day(9, 1)):
        assert unit_at(replace(SIGN, occurred_on=on)) == "jingxiu"


def test_a_fact_after_the_registration_is_of_the_unit_on_its_own_day() -> None:
    state = record_of([registered(unit_code="130629", unit_id="rongcheng")])
    for on, unit_id in ((day(6, 1, 2012), "rongcheng"), (day(3, 31), "rongcheng"), (LEFT, None)):
        unit = facts_for(city(), state, replace(SIGN, occurred_on=on), BASE).unit
        assert (None if unit is None else unit.unit_id) == unit_id


def test_a_corrected_registration_is_looked_up_by_the_code_and_day_it_gives() -> None:
    moved = register(unit_code="130629", occurred_on=day(1, 6), correction_reason="录入有误")
    unit = facts_for(city(), RECORD, moved, BASE).unit
    assert unit is not None
    assert (unit.unit_id, unit.code, unit.name) == ("rongcheng", "130629", "容城县")


def test_the_version_of_the_registry_is_told_and_a_change_of_it_is_seen_at_once() -> None:
    known = city()
    first = facts_for(known, RECORD, SIGN, BASE).unit
    known.told(REGISTRY, left("jingxiu", day(1, 20)))
    assert first is not None
    assert first.registry_version == 5
    assert facts_for(known, RECORD, SIGN, BASE).unit is None


def test_without_register_code_or_project_there_is_no_unit() -> None:
    assert unit_at(SIGN, KnownFacts()) is None
    assert unit_at(register(unit_code="999999")) is None
    assert facts_for(city(), None, SIGN, BASE).unit is None


def test_a_project_stays_its_units_when_the_unit_is_given_another_code() -> None:
    known = lixian()
    for on, code in ((day(8, 31), "130635"), (day(9, 1), "130690")):
        unit = facts_for(known, LIXIAN, replace(SIGN, occurred_on=on), BASE).unit
        assert unit is not None
        assert (unit.unit_id, unit.code) == ("lixian", code)
    assert unit_at(register(unit_code="130635", occurred_on=day(9, 1)), known) is None
    assert unit_at(register(unit_code="130690", occurred_on=day(9, 1)), known) == "lixian"


def test_reports_and_lamps_go_on_across_a_change_of_the_units_code() -> None:
    known, facts = lixian(), Facts(today=day(9, 30))
    history = [LIXIAN_LISTED, FILED, GRANTED, SIGNED, STARTED, PLANNED]
    state = record_of(history)
    report = c.ReportProgress(
        project_id=P,
        occurred_on=day(9, 3),
        month="2017-08",
        physical_percent=Decimal(20),
        invested_this_month_yuan=1_000_000,
    )
    lamp = c.RecordLamp(project_id=P, occurred_on=day(9, 6), month="2017-08")
    for command in (report, lamp):
        assert PROJECT.decide(state, command, facts_for(known, state, command, facts))


# --- whose business it is


def whose(command: Command, state: Known = RECORD, known: KnownFacts | None = None, today: date = BASE.today) -> Any:
    reader = known or city()
    return units_of(reader, state, command, facts_for(reader, state, command, Facts(today=today)))


def test_a_command_is_the_business_of_the_projects_unit_and_a_registration_that_of_the_named_one() -> None:
    assert whose(SIGN) == ("130602",)
    assert whose(register(unit_code="130602"), None) == ("130602",)
    assert whose(SIGN, None) == ()


def test_moving_a_project_is_the_business_of_both_units() -> None:
    moved = register(unit_code="130629", occurred_on=day(1, 6), correction_reason="录入有误")
    assert whose(moved) == ("130602", "130629")
    assert whose(replace(moved, unit_code="130602")) == ("130602",)


def test_a_code_that_nobody_bears_is_named_as_it_is_for_the_decision_to_refuse() -> None:
    assert whose(register(unit_code="130699"), None) == ("130699",)
    assert whose(register(unit_code="130699", correction_reason="录入有误")) == ("130602",)


def test_after_a_new_code_the_project_is_the_business_of_who_has_the_new_one() -> None:
    known = lixian()
    corrected = register(unit_code="130635", correction_reason="录入有误")
    late = register(unit_code="130635", occurred_on=day(8, 20))
    for command, state in ((SIGN, LIXIAN), (corrected, LIXIAN), (late, None)):
        assert whose(command, state, known, day(8, 31)) == ("130635",)
        assert whose(command, state, known, day(9, 1)) == ("130690",)


def test_a_unit_that_left_may_go_on_under_its_last_code() -> None:
    left_since = record_of([registered(unit_code="130629", unit_id="rongcheng")])
    assert whose(SIGN, left_since, today=day(5, 1)) == ("130629",)
    assert whose(SIGN, left_since, KnownFacts()) == ("130629",)


def test_a_code_that_was_taken_up_again_gives_no_right_to_what_was_the_first_ones() -> None:
    """130602 was 新市区's until 2015 and is 竞秀区's since, also after that one has left in its turn."""
    known, first = city(), record_of([registered(unit_code="130602", unit_id="xinshi", occurred_on=day(1, 5, 2014))])
    assert whose(SIGN, first, known, day(4, 30, 2015)) == ("130602",)
    assert whose(SIGN, first, known, RECODED) == ("130602/xinshi",)
    assert whose(register(unit_code="130602", occurred_on=day(1, 5, 2014)), None, known) == ("130602/xinshi",)
    known.told(REGISTRY, left("jingxiu", day(5, 1)))
    assert whose(SIGN, first, known) == ("130602/xinshi",)
    assert whose(SIGN, RECORD, known) == ("130602",)


# --- rules


@pytest.mark.parametrize(
    ("on", "version"),
    [(day(12, 31, 2016), None), (day(1, 1), 1), (day(6, 30), 1), (day(7, 1), 2), (day(1, 1, 2030), 2)],
)
def test_the_rules_in_force_on_a_day(on: date, version: int | None) -> None:
    rules = rules_in_force(city(), on)
    assert (None if rules is None else rules.version) == (None if version is None else f"project/{version}")


def test_other_rule_sets_are_none_of_ours_and_new_ones_are_seen_at_once() -> None:
    known = KnownFacts()
    assert rules_in_force(known, day(9, 1)) is None
    known.told(PROGRAMME, issued(day(3, 1)), published(1, day(1, 1), id="reports"))
    assert rules_in_force(known, day(9, 1)) is None
    known.told(PROGRAMME, published(1, day(1, 1)))
    assert rules_in_force(known, day(9, 1)) is not None


@pytest.mark.parametrize(
    ("on", "today", "version"),
    [
        (day(2, 1), day(9, 1), "project/1"),
        (day(7, 1), day(9, 1), "project/2"),
        (day(6, 1, 2014), day(1, 5), "project/1"),
        (day(6, 1, 2014), day(9, 1), "project/2"),
    ],
)
def test_a_fact_from_before_the_rules_is_held_to_those_of_the_day_on_which_it_is_told(
    on: date, today: date, version: str
) -> None:
    facts = facts_for(city(), RECORD, replace(SIGN, occurred_on=on), Facts(today=today))
    assert facts.rules is not None
    assert facts.rules.version == version
    assert facts.today == today


def test_before_there_are_any_rules_there_are_none_to_fall_back_to() -> None:
    early = Facts(today=day(12, 31, 2016))
    assert facts_for(city(), RECORD, replace(SIGN, occurred_on=day(6, 1, 2014)), early).rules is None


def test_a_programme_adopted_ahead_of_its_day_leaves_the_rules_in_force_alone() -> None:
    known = city().told("programme-next", issued(day(3, 1, 2018)), published(1, day(1, 1, 2018), lamp_day="9"))
    for on, lamp_day in ((day(12, 31), 6), (day(2, 28, 2018), 6), (day(3, 1, 2018), 9)):
        rules = rules_in_force(known, on)
        assert rules is not None
        assert rules.lamp_day == lamp_day
    known.told("programme-next", ProgrammeWithdrawn(occurred_on=day(12, 1), reason="另行印发"))
    rules = rules_in_force(known, day(3, 1, 2018))
    assert rules is not None
    assert (rules.version, rules.lamp_day) == ("project/2", 6)


@pytest.mark.parametrize(
    "wrong",
    [{"lamp_day": "31"}, {"lamp_day": "0"}, {"yellow_from": "NaN"}, {"yellow_from": "abc"}, {"yellow_from": "1E+30"}],
)
def test_a_recorded_rule_set_that_cannot_be_decided_by_is_no_rule_set(wrong: dict[str, str]) -> None:
    known = KnownFacts().told(REGISTRY, joined("jingxiu", "130602", "竞秀区", RECODED))
    known.told(PROGRAMME, issued(day(1, 1)), published(1, day(1, 1), **wrong))
    facts = facts_for(known, RECORD, SIGN, BASE)
    assert facts.rules is None
    lamp = c.RecordLamp(project_id=P, occurred_on=day(2, 6), month="2017-01")
    given(PROJECT, LISTED).when(lamp, facts).raises("RULES_NOT_ADOPTED")
    assert list(give_lamps(passed(day(2, 6)), known)) == []
    known.told(PROGRAMME, published(2, day(1, 1)))
    assert facts_for(known, RECORD, SIGN, BASE).rules is not None


def test_of_two_registers_the_one_begun_first_is_the_citys_whichever_is_heard_of_first() -> None:
    ours = received(REGISTRY, joined("jingxiu", "130602", "竞秀区", RECODED), 1, 3)
    other = received("unit_registry-other", joined("else", "130602", "别区", RECODED), 1, 4)
    for facts in ((ours, other), (other, ours)):
        known = KnownFacts()
        for fact in facts:
            known.take(fact)
        assert unit_at(SIGN, known) == "jingxiu"
        assert set(known_units(known).units) == {"jingxiu"}


# --- lamps

A, B, C = "project-a", "project-b", "project-c"


def with_projects() -> KnownFacts:
    known = city()
    for stream in (C, A, B):
        known.told(stream, registered(unit_id="jingxiu", project_id=stream[8:]))
    return known.told(B, ProjectCompleted(occurred_on=day(6, 1)))


def owed(known: KnownFacts, month: str, on: date = date(2017, 7, 9)) -> list[str]:
    return list(lamps_owed(known, month, on, on.replace(day=6)))


def lit(month: str, on: date) -> ProjectLampRecorded:
    evidence = LampEvidence(judged_on=last_day(month), month=month)
    return ProjectLampRecorded(
        occurred_on=on, month=month, lamp=Lamp.GREEN, rule_version="project/1", evidence=evidence
    )


def test_a_lamp_is_owed_to_those_not_completed_or_ended_by_the_months_end_in_order() -> None:
    known = with_projects()
    assert owed(known, "2017-06") == ["a", "c"]
    known.told(A, ProjectTerminated(occurred_on=day(6, 30), reason="停"))
    assert owed(known, "2017-06") == ["c"]


RETRACTED = ProjectStepRetracted(occurred_on=day(7, 6), step=Step.COMPLETED, reason="误登")


def test_what_runs_again_by_the_lamp_day_is_given_that_months_lamp_and_later_the_next_ones() -> None:
    in_time = with_projects().told(B, RETRACTED, came=day(7, 6))
    assert owed(in_time, "2017-06") == ["a", "b", "c"]
    late = with_projects().told(B, RETRACTED, came=day(7, 7))
    assert owed(late, "2017-06") == ["a", "c"]
    assert owed(late, "2017-07", day(8, 6)) == ["a", "b", "c"]


def test_what_comes_onto_the_list_after_the_lamp_day_is_given_its_first_lamp_on_the_next_one() -> None:
    listed = registered(unit_id="jingxiu", occurred_on=day(6, 28))
    assert owed(city().told(A, listed, came=day(7, 6)), "2017-06") == ["a"]
    late = city().told(A, listed, came=day(7, 7))
    assert owed(late, "2017-06") == []
    assert owed(late, "2017-07", day(8, 6)) == ["a"]


def test_a_project_that_is_over_since_the_months_end_still_owes_the_months_lamp() -> None:
    known = with_projects()
    assert owed(known, "2017-05") == ["a", "b", "c"]
    known.told(A, ProjectTerminated(occurred_on=day(6, 2), reason="停"))
    assert owed(known, "2017-05") == ["a", "b", "c"]
    known.told(B, ProjectCompleted(occurred_on=day(5, 31), correction_reason="误登"))
    assert owed(known, "2017-05") == ["a", "c"]


def test_one_step_taken_back_leaves_another_end_as_it_is() -> None:
    known = with_projects().told(B, ProjectTerminated(occurred_on=day(6, 20), reason="停"))
    known.told(B, ProjectStepRetracted(occurred_on=day(7, 9), step=Step.TERMINATED, reason="误登"))
    assert owed(known, "2017-06") == ["a", "c"]


def test_the_correction_of_a_registration_lets_nothing_run_again() -> None:
    known = with_projects().told(B, registered(unit_id="jingxiu", project_id="b", correction_reason="录入有误"))
    assert owed(known, "2017-06") == ["a", "c"]


def test_a_project_is_owed_no_lamp_of_a_month_before_its_registration() -> None:
    known = city().told(A, registered(unit_id="jingxiu", occurred_on=day(7, 10)))
    assert list(give_lamps(passed(day(7, 10)), known)) == []
    assert [order.month for order in lamps(known, day(8, 6))] == ["2017-07"]


def test_a_project_whose_unit_has_left_is_sent_nothing() -> None:
    known = city().told(A, registered(unit_id="rongcheng"))
    assert owed(known, "2017-02", day(3, 31)) == ["a"]
    assert owed(known, "2017-03", LEFT) == []


def test_a_lamp_that_is_recorded_is_owed_no_more() -> None:
    known = with_projects().told(A, lit("2017-06", day(7, 6)))
    assert [order.project_id for order in lamps(known, day(7, 7))] == ["c"]
    known.told(C, lit("2017-06", day(7, 7)))
    assert [lamps(known, day(7, n)) for n in range(8, 32)] == [[]] * 24
    assert [order.project_id for order in lamps(known, day(8, 6))] == ["a", "c"]


@pytest.mark.parametrize(("before", "after"), [("6", "3"), ("3", "6"), ("6", "6")])
@pytest.mark.parametrize("stream", [PROGRAMME, "programme-next"])
def test_each_month_has_one_lamp_whatever_day_later_rules_move_it_to(before: str, after: str, stream: str) -> None:
    known = KnownFacts().told(REGISTRY, joined("jingxiu", "130602", "竞秀区", RECODED))
    known.told(PROGRAMME, issued(day(3, 1)), published(1, day(1, 1), lamp_day=before))
    if stream != PROGRAMME:
        known.told(stream, issued(day(7, 5)))
    known.told(stream, published(2, day(7, 5), lamp_day=after))
    known.told(A, LISTED)
    given_on = []
    for month, number in [(m, n) for m in (6, 7, 8) for n in range(1, 31)]:
        for order in lamps(known, day(month, number)):
            state = record_of([LISTED])
            facts = facts_for(known, state, order, Facts(today=day(month, number)))
            (event,) = PROJECT.decide(state, order, facts)
            known.told(A, event)
            given_on.append((order.month, (month, number)))
    assert [month for month, _ in given_on] == ["2017-05", "2017-06", "2017-07"]
    moved_over = (7, 5) if (before, after) == ("6", "3") else (7, int(before))
    assert dict(given_on)["2017-06"] == moved_over


def test_what_was_completed_before_the_lamp_day_is_given_the_lamp_of_the_month_before() -> None:
    history = [FILED, GRANTED, SIGNED, STARTED, PLANNED, ProjectCompleted(occurred_on=day(7, 3))]
    known = city().told(A, LISTED, *history)
    (order,) = give_lamps(passed(day(7, 6)), known)
    state = record_of([LISTED, *history])
    (event,) = PROJECT.decide(state, order, facts_for(known, state, order, Facts(today=day(7, 6))))
    assert isinstance(event, ProjectLampRecorded)
    assert (event.month, event.evidence.judged_on) == ("2017-06", day(6, 30))
    assert list(give_lamps(passed(day(8, 6)), known)) == []


def test_on_the_lamp_day_every_running_project_is_given_the_lamp_of_the_month_before() -> None:
    orders = list(give_lamps(passed(day(7, 6)), with_projects()))
    assert orders == [c.RecordLamp(project_id=each, occurred_on=day(7, 6), month="2017-06") for each in ("a", "c")]
    assert {order.month for order in lamps(with_projects(), day(2, 6))} == {"2017-01"}
    assert lamps(with_projects(), day(1, 6)) == [], "none was on the list in December"


@pytest.mark.parametrize("on", [day(2, 1), day(2, 5), day(12, 6, 2016)])
def test_before_the_lamp_day_and_before_there_are_rules_no_lamps(on: date) -> None:
    assert list(give_lamps(passed(on), with_projects())) == []


def test_the_passing_of_a_day_is_what_gives_lamps() -> None:
    assert [(each.name, each.event, each.react) for each in REACTIONS] == [("give_lamps", DayPassed, give_lamps)]


def passed(on: date) -> Received:
    return received("calendar-project_tracking", DayPassed(occurred_on=on))


def lamps(known: KnownFacts, on: date) -> list[c.RecordLamp]:
    return [order for order in give_lamps(passed(on), known) if isinstance(order, c.RecordLamp)]
