"""A rule set is read by name; what it does not state is an error and never a default."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from services.policy_registry.events import (
    Attribute,
    Checklist,
    ChecklistItem,
    Origin,
    Parameter,
    RuleSet,
    attribute,
    checklist,
    flag,
    number,
    parameter,
    whole,
)


def stated(name: str, value: str) -> Parameter:
    return Parameter(name=name, value=value, unit="ratio", origin=Origin.PLAN, source="原文")


PERMIT = ChecklistItem(id="permit", name="许可", attributes=(Attribute(name="required_for_start", value="true"),))
NOTICE = ChecklistItem(id="notice", name="告知")
RULES = RuleSet(
    id="project",
    version=3,
    effective_on=date(2017, 1, 1),
    title="规则",
    parameters=(stated("green_from", "0.95"), stated("lamp_day", "6"), stated("roll", "strict")),
    checklists=(Checklist(id="approvals", title="报批", origin=Origin.OURS, source="默认", items=(PERMIT, NOTICE)),),
)


def test_numbers_are_exact_and_keep_their_origin() -> None:
    assert str(number(RULES, "green_from")) == "0.95"
    assert whole(RULES, "lamp_day") == 6
    assert parameter(RULES, "green_from").origin is Origin.PLAN


def test_what_is_not_stated_is_an_error() -> None:
    with pytest.raises(KeyError, match="project v3: red_from"):
        number(RULES, "red_from")
    with pytest.raises(KeyError, match="project v3: dimensions"):
        checklist(RULES, "dimensions")


def test_a_word_is_no_number_and_a_fraction_is_not_whole() -> None:
    with pytest.raises(ValueError, match="not a number"):
        number(RULES, "roll")
    with pytest.raises(ValueError, match="not a whole number"):
        whole(RULES, "green_from")


def test_checklists_keep_their_order_and_the_properties_of_their_items() -> None:
    assert checklist(RULES, "approvals") == (PERMIT, NOTICE)
    assert [flag(item, "required_for_start") for item in (PERMIT, NOTICE)] == [True, False]
    assert attribute(NOTICE, "required_for_start") is None


def test_a_newer_field_of_a_rule_set_is_passed_over() -> None:
    newer = msgspec.to_builtins(RULES) | {"field_of_a_later_version": 1}
    assert msgspec.convert(newer, RuleSet) == RULES
