"""What a rule set must state so that a service can decide by it: its form, declared here, checked when it is published.

A rule set whose id has no form is another city's own and is taken as it is, if its numbers are numbers. Who reads a
rule set checks it again: an older store may hold one that was published before its form was declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import pairwise

import msgspec

from services.chassis.domain import Rule
from services.policy_registry.events.rule_sets import Checklist, Parameter, RuleSet

PARAMETER_MISSING = Rule(
    "RULE_SET_PARAMETER_MISSING", "规则集 {id} 缺少参数 {name}", "the rule set {id} lacks the parameter {name}"
)
PARAMETER_NO_NUMBER = Rule(
    "RULE_SET_PARAMETER_NO_NUMBER",
    "参数 {name} 的值“{value}”不是普通的十进制数",
    "the parameter {name} is {value}, which is no plain decimal number",
)
PARAMETER_OUT_OF_RANGE = Rule(
    "RULE_SET_PARAMETER_OUT_OF_RANGE",
    "参数 {name} 的值 {value} 应在 {lowest} 至 {highest} 之间",
    "the parameter {name} is {value}; it must lie between {lowest} and {highest}",
)
PARAMETER_TOO_FINE = Rule(
    "RULE_SET_PARAMETER_TOO_FINE",
    "参数 {name} 的值 {value} 最多可有 {places} 位小数",
    "the parameter {name} is {value}; it may have {places} decimal places at most",
)
PARAMETERS_OUT_OF_ORDER = Rule(
    "RULE_SET_PARAMETERS_OUT_OF_ORDER",
    "参数 {name}({value})必须小于 {greater}({bound})",
    "the parameter {name} ({value}) must be less than {greater} ({bound})",
)
CHECKLIST_MISSING = Rule(
    "RULE_SET_CHECKLIST_MISSING", "规则集 {id} 缺少清单 {name}", "the rule set {id} lacks the checklist {name}"
)
FLAG_NOT_CLEAR = Rule(
    "RULE_SET_FLAG_NOT_CLEAR",
    "清单项 {item} 的 {name} 应为 true 或 false,收到“{value}”",
    "{name} of the item {item} must be true or false, not {value}",
)

_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


class NumberForm(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that is a number from `lowest` to `highest`, both included, with so many decimal `places`."""

    name: str
    lowest: Decimal
    highest: Decimal
    places: int = 0
    required: bool = True


class RuleSetForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of one rule set. In each of `rising` every parameter that is stated is less than the next."""

    numbers: tuple[NumberForm, ...] = ()
    rising: tuple[tuple[str, ...], ...] = ()
    checklists: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def _ratio(name: str) -> NumberForm:
    """A share of one, told in thousandths."""
    return NumberForm(name=name, lowest=Decimal(0), highest=Decimal(1), places=3)


def _count(name: str, lowest: int, highest: int, *, required: bool = True) -> NumberForm:
    return NumberForm(name=name, lowest=Decimal(lowest), highest=Decimal(highest), required=required)


FORMS: dict[str, RuleSetForm] = {
    "project": RuleSetForm(
        numbers=(
            _ratio("green_from"),
            _ratio("watch_from"),
            _ratio("yellow_from"),
            _count("milestone_watch_days", 1, 1, required=False),
            _count("milestone_yellow_days", 1, 3660),
            _count("milestone_red_days", 1, 3660),
            _count("yellow_months_to_red", 2, 120),
            _count("lamp_day", 1, 28),
        ),
        rising=(("yellow_from", "watch_from", "green_from"), ("milestone_yellow_days", "milestone_red_days")),
        checklists=("checklist.investment", "checklist.government"),
        flags=("required_for_start",),
    ),
    "land": RuleSetForm(numbers=(_ratio("key_project_share_min"),)),
    "observation": RuleSetForm(
        numbers=(
            _count("rounds_per_year", 1, 366),
            _count("new_projects_per_unit", 0, 1000),
            _count("completed_projects_per_unit", 0, 1000),
        )
    ),
    "evaluation": RuleSetForm(checklists=("checklist.dimensions",)),
    "five_ones": RuleSetForm(numbers=(_count("schedulings_per_quarter", 1, 92),), checklists=("checklist.five_ones",)),
}
"""The forms by the id of the rule set. A late milestone is 提示 from its first day on, whatever else is published:
`milestone_watch_days` may say so and nothing else. Every month has a 28th, so the lamp day comes in each."""


def require_form(rule_set: RuleSet, field: str) -> None:
    """Raises DomainError where the rule set is not of its form; `field` is the path to it."""
    form = FORMS.get(rule_set.id)
    if form is None:
        for place, parameter in _placed(rule_set, field):
            _require_finite(parameter, place)
        return
    placed = {parameter.name: (place, parameter) for place, parameter in _placed(rule_set, field)}
    for number in form.numbers:
        if number.name in placed:
            _require_number(number, *placed[number.name])
        elif number.required:
            raise PARAMETER_MISSING.broken(f"{field}.parameters", id=rule_set.id, name=number.name)
    for names in form.rising:
        _require_rising([placed[name] for name in names if name in placed])
    _require_checklists(form, rule_set, field)


def _placed(rule_set: RuleSet, field: str) -> Iterator[tuple[str, Parameter]]:
    for index, parameter in enumerate(rule_set.parameters):
        yield f"{field}.parameters[{index}].value", parameter


def _require_finite(parameter: Parameter, place: str) -> None:
    """A word is taken; what Python reads as a number without an end is not."""
    try:
        value = Decimal(parameter.value)
    except InvalidOperation:
        return
    if not value.is_finite():
        raise PARAMETER_NO_NUMBER.broken(place, name=parameter.name, value=parameter.value)


def _require_number(form: NumberForm, place: str, parameter: Parameter) -> None:
    if _PLAIN.fullmatch(parameter.value) is None:
        raise PARAMETER_NO_NUMBER.broken(place, name=form.name, value=parameter.value)
    value = Decimal(parameter.value)
    if not form.lowest <= value <= form.highest:
        raise PARAMETER_OUT_OF_RANGE.broken(
            place, name=form.name, value=parameter.value, lowest=form.lowest, highest=form.highest
        )
    if value != round(value, form.places):
        raise PARAMETER_TOO_FINE.broken(place, name=form.name, value=parameter.value, places=form.places)


def _require_rising(placed: list[tuple[str, Parameter]]) -> None:
    for (place, less), (_, greater) in pairwise(placed):
        if Decimal(less.value) >= Decimal(greater.value):
            raise PARAMETERS_OUT_OF_ORDER.broken(
                place, name=less.name, value=less.value, greater=greater.name, bound=greater.value
            )


def _require_checklists(form: RuleSetForm, rule_set: RuleSet, field: str) -> None:
    stated = {checklist.id for checklist in rule_set.checklists}
    missing = next((name for name in form.checklists if name not in stated), None)
    if missing is not None:
        raise CHECKLIST_MISSING.broken(f"{field}.checklists", id=rule_set.id, name=missing)
    for index, checklist in enumerate(rule_set.checklists):
        _require_clear_flags(checklist, form.flags, f"{field}.checklists[{index}]")


def _require_clear_flags(checklist: Checklist, flags: tuple[str, ...], place: str) -> None:
    """A flag that is neither would be read as false: a project could start without its permit."""
    for number, item in enumerate(checklist.items):
        for index, attribute in enumerate(item.attributes):
            if attribute.name in flags and attribute.value not in ("true", "false"):
                where = f"{place}.items[{number}].attributes[{index}].value"
                raise FLAG_NOT_CLEAR.broken(where, item=item.id, name=attribute.name, value=attribute.value)
