"""Orders to the register of units and posts of one city.

`occurred_on` is the day from which the fact holds; it may lie in the past, not in the future. A correction
gives `correction_reason` and, when the day itself was wrong, `corrects_on`: the day that was recorded.
"""

from __future__ import annotations

from datetime import date

from services.chassis.domain import Command, EntityId, Name, Text
from services.policy_registry.events import UnitKind
from services.policy_registry.events.unit_registry import Subject, UnitCode


class RegistryOrder(Command, frozen=True, kw_only=True):
    """What every order to the register can carry."""

    registry_id: EntityId
    occurred_on: date
    inferred: bool = False
    basis: Text | None = None
    correction_reason: Text | None = None
    corrects_on: date | None = None


class JoinUnit(RegistryOrder, frozen=True, kw_only=True):
    """单位纳入 · let a unit belong to the city."""

    unit_id: EntityId
    code: UnitCode
    name: Name
    kind: UnitKind
    scored: bool
    english: Name | None = None


class LeaveUnit(RegistryOrder, frozen=True, kw_only=True):
    """单位退出 · let a unit leave.

    `occurred_on` is the first day on which the unit no longer belongs.
    """

    unit_id: EntityId
    reason: Text


class RecodeUnit(RegistryOrder, frozen=True, kw_only=True):
    """变更单位代码 · give a unit a new code.

    And where given a new name or kind (a county that became a district).
    """

    unit_id: EntityId
    code: UnitCode
    name: Name | None = None
    kind: UnitKind | None = None
    english: Name | None = None


class EstablishPost(RegistryOrder, frozen=True, kw_only=True):
    """设立岗位 · establish a post of a unit.

    By its title; never a person's name.
    """

    post_id: EntityId
    unit_id: EntityId
    title: Name


class AbolishPost(RegistryOrder, frozen=True, kw_only=True):
    """撤销岗位 · abolish a post."""

    post_id: EntityId
    reason: Text


class MakeResponsible(RegistryOrder, frozen=True, kw_only=True):
    """岗位负责事项 · make a post responsible for a subject."""

    post_id: EntityId
    subject: Subject


class RelievePost(RegistryOrder, frozen=True, kw_only=True):
    """解除岗位负责 · relieve a post of a subject."""

    post_id: EntityId
    subject: Subject
