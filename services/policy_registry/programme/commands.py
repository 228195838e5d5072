"""Orders to a programme."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from services.chassis.domain import Command, EntityId, Name, Text
from services.policy_registry.events import Campaign, Measure, MeasureGroup, Phase, RecurringDuty, RuleSet


class AdoptProgramme(Command, frozen=True, kw_only=True):
    """印发方案 · adopt the programme.

    With all it says. It may start later than today: `issued_on` can lie ahead.
    """

    programme_id: EntityId
    issued_on: date
    title: Name
    city: Name
    year: Annotated[int, msgspec.Meta(ge=1949, le=9999)]
    goals: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    campaigns: tuple[Campaign, ...]
    groups: tuple[MeasureGroup, ...]
    measures: tuple[Measure, ...]
    phases: tuple[Phase, ...]
    duties: tuple[RecurringDuty, ...] = ()
    rule_sets: tuple[RuleSet, ...] = ()
    english: Name | None = None
    inferred: bool = False
    basis: Text | None = None


class AmendProgramme(Command, frozen=True, kw_only=True):
    """修订方案 · amend the programme.

    From `effective_on`: replace or add by id, withdraw by id; `number` counts from 1.
    """

    programme_id: EntityId
    occurred_on: date
    number: Annotated[int, msgspec.Meta(ge=1)]
    reason: Text
    effective_on: date
    campaigns: tuple[Campaign, ...] = ()
    groups: tuple[MeasureGroup, ...] = ()
    measures: tuple[Measure, ...] = ()
    phases: tuple[Phase, ...] = ()
    duties: tuple[RecurringDuty, ...] = ()
    withdrawn: tuple[EntityId, ...] = ()


class PublishRuleSet(Command, frozen=True, kw_only=True):
    """发布规则集 · publish a new version of a rule set.

    It may take effect later than today.
    """

    programme_id: EntityId
    occurred_on: date
    rule_set: RuleSet


class WithdrawProgramme(Command, frozen=True, kw_only=True):
    """撤回方案 · take back a programme before its day of issue.

    It is then as if it had never been adopted; the same id may be adopted anew.
    """

    programme_id: EntityId
    occurred_on: date
    reason: Text
