"""Facts about the city's units (counties, zones, departments) and posts.

`occurred_on` is the day from which the fact holds. A fact that carries `correction_reason` replaces the one of
the same kind about the same unit or post that was recorded for `corrects_on` (None: for the same day).
`inferred` facts name their `basis`: they were concluded, not found in a document.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from services.chassis.domain import EntityId, Event, Name, Text


class UnitKind(StrEnum):
    """District 区, county 县, county-level city 县级市, development zone 开发区, department 市直部门, office 机构."""

    DISTRICT = "district"
    COUNTY = "county"
    CITY = "city"
    ZONE = "zone"
    DEPARTMENT = "department"
    OFFICE = "office"


UnitCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_]{2,32}$", description="单位代码 · code of a unit")]
"""Six digits for a territory or zone (GB/T 2260 or statistics code); letters for departments and offices."""

Subject = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z_]{1,32}:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="负责的事项,例如 measure:18、campaign:2、unit:130602 · what a post answers for",
    ),
]


class RegistryFact(Event, frozen=True, kw_only=True):
    """What every fact of the register can carry."""

    inferred: bool = False
    basis: Text | None = None
    correction_reason: Text | None = None
    corrects_on: date | None = None


class UnitJoined(RegistryFact, frozen=True, kw_only=True):
    """The unit belongs to the programme from this day, under this code and name."""

    type: ClassVar[str] = "bizenv.unit_registry.unit_joined.v1"

    unit_id: EntityId
    code: UnitCode
    name: Name
    kind: UnitKind
    scored: bool
    english: Name | None = None


class UnitLeft(RegistryFact, frozen=True, kw_only=True):
    """The unit no longer belongs from this day on (the day before was its last)."""

    type: ClassVar[str] = "bizenv.unit_registry.unit_left.v1"

    unit_id: EntityId
    reason: Text


class UnitRecoded(RegistryFact, frozen=True, kw_only=True):
    """The unit bears this code and name (and is of this kind) from this day on."""

    type: ClassVar[str] = "bizenv.unit_registry.unit_recoded.v1"

    unit_id: EntityId
    code: UnitCode
    name: Name
    kind: UnitKind
    english: Name | None = None


class PostEstablished(RegistryFact, frozen=True, kw_only=True):
    """The unit has this post from this day. Posts, never persons."""

    type: ClassVar[str] = "bizenv.unit_registry.post_established.v1"

    post_id: EntityId
    unit_id: EntityId
    title: Name


class PostAbolished(RegistryFact, frozen=True, kw_only=True):
    """The post no longer exists from this day on, and answers for nothing while it does not."""

    type: ClassVar[str] = "bizenv.unit_registry.post_abolished.v1"

    post_id: EntityId
    reason: Text


class PostMadeResponsible(RegistryFact, frozen=True, kw_only=True):
    """The post answers for the subject from this day. Several posts may answer for one subject."""

    type: ClassVar[str] = "bizenv.unit_registry.post_made_responsible.v1"

    post_id: EntityId
    subject: Subject


class PostRelieved(RegistryFact, frozen=True, kw_only=True):
    """The post no longer answers for the subject from this day on."""

    type: ClassVar[str] = "bizenv.unit_registry.post_relieved.v1"

    post_id: EntityId
    subject: Subject


UNIT_EVENTS = (UnitJoined, UnitLeft, UnitRecoded)
POST_EVENTS = (PostEstablished, PostAbolished, PostMadeResponsible, PostRelieved)
