"""Rule sets: the numbers and checklists that other services decide by, each with where it comes from.

A rule set is data of a programme. A service builds its own typed rules from it by name (`number`, `whole`,
`checklist`) and records the version with every judgement that rests on it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import msgspec

from services.chassis.domain import EntityId, Name, Text

Value = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""A parameter's value as it was written: a decimal number, a date or a word."""


class Origin(StrEnum):
    """Where a number comes from. Only `plan` binds; the other two are defaults that the city may replace."""

    PLAN = "plan"
    OTHER_CITY = "other_city"
    OURS = "ours"


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One number or word of a rule set. `unit` says what it counts (`ratio`, `day`, `month`, `project` …)."""

    name: EntityId
    value: Value
    unit: Name
    origin: Origin
    source: Text
    title: Name | None = None


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """A named property of a checklist item, for instance `required_for_start` = `true`."""

    name: EntityId
    value: Value


class ChecklistItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: EntityId
    name: Name
    english: Name | None = None
    attributes: tuple[Attribute, ...] = ()


class Checklist(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An ordered list of things, such as the approvals that a kind of project needs (`checklist.investment`)."""

    id: EntityId
    title: Name
    origin: Origin
    source: Text
    items: Annotated[tuple[ChecklistItem, ...], msgspec.Meta(min_length=1)]


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a rule set, in force from `effective_on` until a newer version's day."""

    id: EntityId
    version: Annotated[int, msgspec.Meta(ge=1)]
    effective_on: date
    title: Name
    parameters: tuple[Parameter, ...] = ()
    checklists: tuple[Checklist, ...] = ()


def parameter(rule_set: RuleSet, name: str) -> Parameter:
    """The parameter of that name; KeyError when the rule set does not state it."""
    for candidate in rule_set.parameters:
        if candidate.name == name:
            return candidate
    raise KeyError(f"{rule_set.id} v{rule_set.version}: {name}")


def number(rule_set: RuleSet, name: str) -> Decimal:
    """A parameter as an exact number; ValueError when its value is a word or has no end."""
    value = parameter(rule_set, name).value
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ValueError(f"{rule_set.id} v{rule_set.version}: {name} = {value!r} is not a number")
    return found


def whole(rule_set: RuleSet, name: str) -> int:
    """A parameter as a whole number (days, months, projects); ValueError when it has a fraction."""
    value = number(rule_set, name)
    if value != value.to_integral_value():
        raise ValueError(f"{rule_set.id} v{rule_set.version}: {name} = {value} is not a whole number")
    return int(value)


def checklist(rule_set: RuleSet, list_id: str) -> tuple[ChecklistItem, ...]:
    """The items of a checklist in their order; KeyError when the rule set has no such list."""
    for candidate in rule_set.checklists:
        if candidate.id == list_id:
            return candidate.items
    raise KeyError(f"{rule_set.id} v{rule_set.version}: {list_id}")


def attribute(item: ChecklistItem, name: str) -> str | None:
    """An item's property, or None where the list does not state it."""
    return next((each.value for each in item.attributes if each.name == name), None)


def flag(item: ChecklistItem, name: str) -> bool:
    """Whether an item's property is `true`; not stated is false."""
    return attribute(item, name) == "true"
