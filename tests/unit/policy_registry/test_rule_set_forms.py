"""A rule set is published only if what decides by it can: every number present, within its limits and in order."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from functools import cache

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from msgspec.structs import replace

from services.chassis.domain import DomainError
from services.policy_registry.events import Attribute, Parameter, RuleSet, require_form
from services.policy_registry.events.rule_set_forms import FORMS
from services.policy_registry.programme import PROGRAMME, AdoptProgramme, PublishRuleSet
from services.policy_registry.programme_files import load_programme
from services.project_tracking.events.adopted_rules import project_rules
from tests.unit.given import given
from tests.unit.policy_registry.samples import FACTS, ISSUED, TODAY, adopt, rule_set
from tests.unit.policy_registry.test_baoding_2017 import FOLDER

ADOPTED = PROGRAMME.decide(PROGRAMME.initial, adopt(rule_sets=()), FACTS)


@cache
def shipped() -> RuleSet:
    """The shipped programme's rules of projects."""
    adoption = load_programme(FOLDER)[0]
    assert isinstance(adoption, AdoptProgramme)
    return next(each for each in adoption.rule_sets if each.id == "project")


def place(name: str) -> int:
    return [each.name for each in shipped().parameters].index(name)


def stating(name: str, value: str) -> RuleSet:
    parameters = [replace(each, value=value) if each.name == name else each for each in shipped().parameters]
    return replace(shipped(), parameters=tuple(parameters))


def publish(found: RuleSet) -> PublishRuleSet:
    return PublishRuleSet(programme_id="plan", occurred_on=TODAY, rule_set=found)


def test_every_shipped_rule_set_has_a_form_and_keeps_to_it() -> None:
    adoption = load_programme(FOLDER)[0]
    assert isinstance(adoption, AdoptProgramme)
    assert {each.id for each in adoption.rule_sets} == set(FORMS)
    for found in adoption.rule_sets:
        require_form(found, "rule_set")
        with pytest.raises(DomainError):
            require_form(replace(found, parameters=(), checklists=()), "rule_set")


def test_the_shipped_rules_are_of_their_form() -> None:
    assert len(given(PROGRAMME).when(adopt(rule_sets=(shipped(),)), FACTS).events) == 2
    assert len(given(PROGRAMME, *ADOPTED).when(publish(shipped()), FACTS).events) == 1


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("lamp_day", "31", "OUT_OF_RANGE"),
        ("lamp_day", "0", "OUT_OF_RANGE"),
        ("lamp_day", "6.5", "TOO_FINE"),
        ("lamp_day", "１５", "NO_NUMBER"),
        ("yellow_from", "Infinity", "NO_NUMBER"),
        ("yellow_from", "NaN", "NO_NUMBER"),
        ("yellow_from", "sNaN", "NO_NUMBER"),
        ("yellow_from", "abc", "NO_NUMBER"),
        ("yellow_from", "1E+30", "NO_NUMBER"),
        ("yellow_from", "-0.1", "OUT_OF_RANGE"),
        ("green_from", "1.001", "OUT_OF_RANGE"),
        ("green_from", "0.9555", "TOO_FINE"),
        ("yellow_months_to_red", "1", "OUT_OF_RANGE"),
        ("milestone_red_days", "9" * 30, "OUT_OF_RANGE"),
        ("milestone_watch_days", "3", "OUT_OF_RANGE"),
    ],
)
def test_a_wrong_number_is_named_by_its_place(name: str, value: str, code: str) -> None:
    at = f"parameters[{place(name)}].value"
    wrong, full = stating(name, value), f"RULE_SET_PARAMETER_{code}"
    given(PROGRAMME).when(adopt(rule_sets=(wrong,)), FACTS).raises(full, field=f"rule_sets[0].{at}")
    given(PROGRAMME, *ADOPTED).when(publish(wrong), FACTS).raises(full, field=f"rule_set.{at}")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("yellow_from", "0.80", "yellow_from"),
        ("green_from", "0.7", "watch_from"),
        ("milestone_red_days", "8", "milestone_yellow_days"),
    ],
)
def test_thresholds_stand_in_their_order(name: str, value: str, named: str) -> None:
    given(PROGRAMME, *ADOPTED).when(publish(stating(name, value)), FACTS).raises(
        "RULE_SET_PARAMETERS_OUT_OF_ORDER", field=f"rule_set.parameters[{place(named)}].value"
    )


def test_what_is_missing_is_named() -> None:
    fewer = replace(shipped(), parameters=shipped().parameters[:-1])
    error = (
        given(PROGRAMME)
        .when(adopt(rule_sets=(rule_set(), fewer)), FACTS)
        .raises("RULE_SET_PARAMETER_MISSING", field="rule_sets[1].parameters")
    )
    assert "lamp_day" in error.message
    fewer = replace(shipped(), checklists=shipped().checklists[:1])
    given(PROGRAMME, *ADOPTED).when(publish(fewer), FACTS).raises(
        "RULE_SET_CHECKLIST_MISSING", field="rule_set.checklists"
    )


def test_a_flag_is_true_or_false() -> None:
    first, *others = shipped().checklists
    item = replace(first.items[1], attributes=(Attribute(name="required_for_start", value="yes"),))
    unclear = replace(first, items=(first.items[0], item, *first.items[2:]))
    given(PROGRAMME, *ADOPTED).when(publish(replace(shipped(), checklists=(unclear, *others))), FACTS).raises(
        "RULE_SET_FLAG_NOT_CLEAR", field="rule_set.checklists[0].items[1].attributes[0].value"
    )


@pytest.mark.parametrize(("value", "taken"), [("strict", True), ("1E+30", True), ("NaN", False), ("-Infinity", False)])
def test_another_citys_own_set_is_taken_if_its_numbers_are_numbers(value: str, taken: bool) -> None:
    order = publish(rule_set(1, TODAY, id="ours", value=value))
    outcome = given(PROGRAMME, *ADOPTED).when(order, FACTS)
    if taken:
        assert len(outcome.events) == 1
    else:
        outcome.raises("RULE_SET_PARAMETER_NO_NUMBER", field="rule_set.parameters[0].value")


def test_a_set_recorded_before_its_form_was_declared_may_be_told_again() -> None:
    wrong = stating("lamp_day", "31")
    old = PROGRAMME.fold(ADOPTED)
    state = replace(old, rule_sets=(wrong,))
    assert PROGRAMME.decide(state, publish(wrong), FACTS) == ()


@forall(
    st.sampled_from([each.name for each in shipped().parameters]),
    st.one_of(st.text(min_size=1, max_size=8), st.decimals(allow_nan=True).map(str), st.integers(-5, 40).map(str)),
)
def test_what_is_of_its_form_makes_rules_and_what_is_not_breaks_a_rule(name: str, value: str) -> None:
    found = stating(name, value)
    with suppress(DomainError):
        require_form(found, "rule_set")
        rules = project_rules(found)
        assert 1 <= rules.lamp_day <= 28
        assert 1000 >= rules.green_permille > rules.watch_permille > rules.yellow_permille >= 0


def test_more_than_the_form_asks_for_is_kept() -> None:
    extra = Parameter(name="own", value="abc", unit="word", origin=shipped().parameters[0].origin, source="本市")
    more = replace(shipped(), effective_on=date(2017, 9, 1), parameters=(*shipped().parameters, extra))
    assert more.effective_on > ISSUED
    assert len(given(PROGRAMME, *ADOPTED).when(publish(more), FACTS).events) == 1
