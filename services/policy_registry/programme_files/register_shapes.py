"""What may stand in units.toml and posts.toml."""

from __future__ import annotations

from datetime import date

import msgspec

from services.chassis.domain import EntityId, Name, Text
from services.policy_registry.events import UnitKind
from services.policy_registry.events.unit_registry import Subject, UnitCode


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    on: date
    reason: Text
    inferred: bool = False
    basis: Text | None = None


class Recoding(msgspec.Struct, frozen=True, kw_only=True):
    on: date
    code: UnitCode
    name: Name | None = None
    english: Name | None = None
    kind: UnitKind | None = None
    inferred: bool = False
    basis: Text | None = None


class UnitEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: EntityId
    code: UnitCode
    name: Name
    kind: UnitKind
    scored: bool
    joined: date
    english: Name | None = None
    inferred: bool = False
    basis: Text | None = None
    recoded: tuple[Recoding, ...] = ()
    left: Leaving | None = None


class UnitsFile(msgspec.Struct, frozen=True, kw_only=True):
    units: tuple[UnitEntry, ...]


class Responsibility(msgspec.Struct, frozen=True, kw_only=True):
    subject: Subject
    since: date
    until: date | None = None
    inferred: bool = False
    basis: Text | None = None


class PostEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: EntityId
    unit: EntityId
    title: Name
    since: date
    inferred: bool = False
    basis: Text | None = None
    responsible_for: tuple[Responsibility, ...] = ()
    abolished: Leaving | None = None


class PostsFile(msgspec.Struct, frozen=True, kw_only=True):
    posts: tuple[PostEntry, ...]
