"""Of several programmes one is in force on a day; one that was taken back never is."""

from __future__ import annotations

from datetime import date

import msgspec

from services.policy_registry.events import (
    ProgrammeRecord,
    ProgrammeWithdrawn,
    RuleSet,
    programme_on,
    rule_set_in_force,
)
from services.policy_registry.programme import PROGRAMME, WithdrawProgramme
from tests.unit.given import given
from tests.unit.policy_registry.samples import FACTS, ISSUED, TODAY, TOMORROW, adopt, rule_set

NEXT = date(2018, 3, 1)
NEW_YEAR = date(2018, 1, 1)
AHEAD = PROGRAMME.decide(PROGRAMME.initial, adopt(issued_on=TOMORROW), FACTS)


def record(issued_on: date, *rule_sets: RuleSet, title: str = "方案") -> ProgrammeRecord:
    order = adopt(issued_on=issued_on, title=title, rule_sets=rule_sets)
    return PROGRAMME.fold(PROGRAMME.decide(PROGRAMME.initial, order, FACTS))


THIS_YEARS = record(ISSUED, rule_set(1, date(2017, 1, 1)), rule_set(2, date(2017, 7, 1)), rule_set(id="duties"))
NEXT_YEARS = record(NEXT, rule_set(1, NEW_YEAR, value="0.90"))
BOTH = {"plan-2018": NEXT_YEARS, "plan-2017": THIS_YEARS}


def version_on(programmes: dict[str, ProgrammeRecord], day: date, id: str = "lamps") -> tuple[int, str] | None:
    found = rule_set_in_force(programmes, id, day)
    return None if found is None else (found.version, found.parameters[0].value)


def withdraw(on: date = TODAY, reason: str = "另行印发") -> WithdrawProgramme:
    return WithdrawProgramme(programme_id="plan", occurred_on=on, reason=reason)


class TestInForce:
    def test_next_years_programme_is_in_force_from_its_day_of_issue(self) -> None:
        assert programme_on(BOTH, date(2017, 2, 28)) is None
        assert programme_on(BOTH, ISSUED) is THIS_YEARS
        assert programme_on(BOTH, date(2018, 2, 28)) is THIS_YEARS
        assert programme_on(BOTH, NEXT) is NEXT_YEARS

    def test_of_two_issued_on_one_day_the_one_with_the_greater_id(self) -> None:
        one, other = record(ISSUED, title="甲"), record(ISSUED, title="乙")
        for programmes in ({"a": one, "b": other}, {"b": other, "a": one}):
            assert programme_on(programmes, ISSUED) is other

    def test_a_rule_set_holds_from_the_day_of_its_programme_and_its_own(self) -> None:
        assert version_on(BOTH, date(2018, 2, 28)) == (2, "0.95")
        assert version_on(BOTH, NEXT) == (1, "0.90")

    def test_what_the_newer_programme_does_not_publish_goes_on(self) -> None:
        assert version_on(BOTH, NEXT, "duties") == (1, "0.95")
        later = {**BOTH, "plan-2018": record(NEXT, rule_set(5, date(2018, 7, 1)))}
        assert version_on(later, date(2018, 6, 30)) == (2, "0.95")
        assert version_on(later, date(2018, 7, 1)) == (5, "0.95")

    def test_before_any_programme_the_rule_sets_of_the_first_one_reach_back(self) -> None:
        assert version_on(BOTH, date(2017, 1, 1)) == (1, "0.95")
        assert version_on(BOTH, date(2016, 12, 31)) is None
        assert version_on({"plan-2018": NEXT_YEARS}, NEW_YEAR) == (1, "0.90")

    def test_without_programmes_there_is_nothing(self) -> None:
        for programmes in ({}, {"gone": ProgrammeRecord()}):
            assert programme_on(programmes, TODAY) is None
            assert rule_set_in_force(programmes, "lamps", TODAY) is None


class TestWithdraw:
    def test_a_programme_is_taken_back_before_its_day(self) -> None:
        withdrawn = ProgrammeWithdrawn(occurred_on=TODAY, reason="另行印发")
        state = given(PROGRAMME, *AHEAD).when(withdraw(), FACTS).then(withdrawn)
        assert state == ProgrammeRecord(withdrawn=withdrawn)
        assert programme_on({"plan": state}, TOMORROW) is None
        assert rule_set_in_force({"plan": state}, "lamps", TOMORROW) is None

    def test_one_in_force_is_amended_and_not_taken_back(self) -> None:
        in_force = PROGRAMME.decide(PROGRAMME.initial, adopt(issued_on=TODAY), FACTS)
        given(PROGRAMME, *in_force).when(withdraw(), FACTS).raises("PROGRAMME_IN_FORCE", field="programme_id")
        given(PROGRAMME, *in_force).when(withdraw(ISSUED), FACTS).raises("PROGRAMME_IN_FORCE", field="programme_id")

    def test_the_same_again_says_nothing_new_and_another_has_nothing_to_take_back(self) -> None:
        events = given(PROGRAMME, *AHEAD).when(withdraw(), FACTS).events
        given(PROGRAMME, *AHEAD, *events).when(withdraw(), FACTS).nothing()
        given(PROGRAMME, *AHEAD, *events).when(withdraw(reason="又一次"), FACTS).raises("PROGRAMME_UNKNOWN")

    def test_refuses_a_day_ahead_and_an_unknown_programme(self) -> None:
        given(PROGRAMME, *AHEAD).when(withdraw(TOMORROW), FACTS).raises("DATE_IN_FUTURE", field="occurred_on")
        given(PROGRAMME).when(withdraw(), FACTS).raises("PROGRAMME_UNKNOWN", field="programme_id")

    def test_afterwards_the_id_may_be_adopted_anew_with_versions_from_the_first(self) -> None:
        gone = given(PROGRAMME, *AHEAD).when(withdraw(), FACTS).events
        anew = adopt(issued_on=NEXT, title="新方案", rule_sets=(rule_set(1, NEXT, value="0.90"),))
        outcome = given(PROGRAMME, *AHEAD, *gone).when(anew, FACTS)
        assert len(outcome.events) == 2
        assert outcome.state.withdrawn is None
        assert version_on({"plan": outcome.state}, NEXT) == (1, "0.90")
        assert len(given(PROGRAMME, *AHEAD, *gone, *outcome.events).when(withdraw(), FACTS).events) == 1

    def test_the_very_same_programme_may_be_adopted_anew(self) -> None:
        gone = given(PROGRAMME, *AHEAD).when(withdraw(), FACTS).events
        given(PROGRAMME, *AHEAD, *gone).when(adopt(issued_on=TOMORROW), FACTS).then(*AHEAD)

    def test_what_was_taken_back_turns_into_json_and_back(self) -> None:
        gone = given(PROGRAMME, *AHEAD).when(withdraw(), FACTS).state
        assert msgspec.json.decode(msgspec.json.encode(gone), type=ProgrammeRecord) == gone
