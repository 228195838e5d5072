"""Facts about a programme (推进方案), and the values they are made of."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from services.chassis.domain import EntityId, Event, Name, Text
from services.policy_registry.events.rule_sets import RuleSet
from services.policy_registry.events.unit_registry import UnitKind


class FaultType(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault (问题) that a campaign puts right, in the programme's words; its id is unique in the campaign."""

    id: EntityId
    title: Name
    english: Name | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rectification campaign (专项整治). `quote` is the clause that ordered it."""

    id: EntityId
    title: Name
    clause: Name
    quote: Text
    faults: Annotated[tuple[FaultType, ...], msgspec.Meta(min_length=1)]
    english: Name | None = None


class MeasureGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A heading under which measures stand together."""

    id: EntityId
    title: Name
    clause: Name
    english: Name | None = None


class NamedUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that the programme names for a measure, and the words (`part`) that say what it is to do."""

    unit_id: EntityId
    part: Name


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A measure (举措). `departments` holds whom the programme names for it; empty means 未明确 (it names nobody)."""

    id: EntityId
    number: Annotated[int, msgspec.Meta(ge=1, le=999)]
    group: EntityId
    title: Name
    summary: Text
    quote: Text
    departments: tuple[NamedUnit, ...] = ()
    english: Name | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step (阶段) of the programme, both days included. Phases may share days and block nothing."""

    id: EntityId
    title: Name
    clause: Name
    starts_on: date
    ends_on: date
    summary: Text
    english: Name | None = None


class DutyForm(StrEnum):
    """What is owed."""

    REPORT = "report"
    FILING = "filing"
    MEETING = "meeting"
    EXPLANATION = "explanation"
    OBSERVATION = "observation"
    RECKONING = "reckoning"
    EVALUATION = "evaluation"
    REVIEW = "review"


class DutySubject(StrEnum):
    """For whom or what one such duty is owed each time: every unit, every project, or the city once."""

    UNIT = "unit"
    PROJECT = "project"
    CITY = "city"


class Every(StrEnum):
    """How often. `occasion`: not by the calendar but each time something happens."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ONCE = "once"
    OCCASION = "occasion"


class Roll(StrEnum):
    """What becomes of a due day that is no working day."""

    STRICT = "strict"
    FORWARD = "forward"
    BACKWARD = "backward"


class Rhythm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a duty falls due. What the programme leaves open stays None.

    `weekday` (1 Monday … 7 Sunday) belongs to a weekly duty; `month` counts within the period (the 3rd month
    of a quarter, the 12th of a year); `day` is the day of that month; `opens_day` the first day it can be done.
    `due_on` belongs to what is owed once.
    """

    every: Every
    month: Annotated[int, msgspec.Meta(ge=1, le=12)] | None = None
    day: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    opens_day: Annotated[int, msgspec.Meta(ge=1, le=31)] | None = None
    weekday: Annotated[int, msgspec.Meta(ge=1, le=7)] | None = None
    due_on: date | None = None
    occasion: Text | None = None
    roll: Roll = Roll.STRICT


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who owes or receives: the programme's words, and what they mean in the register (all units of these kinds,
    these units, these posts). All three empty: 未明确."""

    words: Name
    kinds: tuple[UnitKind, ...] = ()
    units: tuple[EntityId, ...] = ()
    posts: tuple[EntityId, ...] = ()


class RecurringDuty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody owes somebody again and again. `inferred` with `basis`: what we read into it."""

    id: EntityId
    title: Name
    clause: Name
    quote: Text
    form: DutyForm
    subject: DutySubject
    author: Party
    addressee: Party
    rhythm: Rhythm
    measure: EntityId | None = None
    english: Name | None = None
    inferred: bool = False
    basis: Text | None = None


class ProgrammeAdopted(Event, frozen=True, kw_only=True):
    """The programme was adopted (印发); its rule sets follow as facts of their own. `occurred_on`: day of issue."""

    type: ClassVar[str] = "bizenv.programme.adopted.v1"

    title: Name
    city: Name
    year: int
    goals: tuple[Text, ...]
    campaigns: tuple[Campaign, ...]
    groups: tuple[MeasureGroup, ...]
    measures: tuple[Measure, ...]
    phases: tuple[Phase, ...]
    duties: tuple[RecurringDuty, ...]
    english: Name | None = None
    inferred: bool = False
    basis: Text | None = None


class ProgrammeAmended(Event, frozen=True, kw_only=True):
    """The programme was amended from `effective_on`: what is named replaces its namesake or is added."""

    type: ClassVar[str] = "bizenv.programme.amended.v1"

    number: int
    reason: Text
    effective_on: date
    campaigns: tuple[Campaign, ...] = ()
    groups: tuple[MeasureGroup, ...] = ()
    measures: tuple[Measure, ...] = ()
    phases: tuple[Phase, ...] = ()
    duties: tuple[RecurringDuty, ...] = ()
    withdrawn: tuple[EntityId, ...] = ()


class RuleSetPublished(Event, frozen=True, kw_only=True):
    """A version of a rule set was published; it holds from `rule_set.effective_on`."""

    type: ClassVar[str] = "bizenv.programme.rule_set_published.v1"

    rule_set: RuleSet


class ProgrammeWithdrawn(Event, frozen=True, kw_only=True):
    """The programme was taken back (撤回) before its day of issue: it and its rule sets hold on no day."""

    type: ClassVar[str] = "bizenv.programme.withdrawn.v1"

    reason: Text
