"""The answer about the programme."""

from __future__ import annotations

from datetime import date

from services.policy_registry.events import Campaign, Measure, MeasureGroup, Phase, RecurringDuty, RuleSet
from services.projection.answers.parts import Answer, Reading


class PhaseLine(Answer, frozen=True, kw_only=True):
    """A phase of the programme and whether the day lies in it."""

    phase: Phase
    current: bool


class NamedParty(Answer, frozen=True, kw_only=True):
    """What a unit's id is called on the day."""

    unit_id: str
    name: str
    english: str | None


class ProgrammeAnswer(Answer, frozen=True, kw_only=True):
    """The programme on the day; `title` is None where none was adopted by then."""

    reading: Reading
    title: str | None
    english: str | None
    city: str | None
    year: int | None
    adopted_on: date | None
    goals: tuple[str, ...]
    campaigns: tuple[Campaign, ...]
    groups: tuple[MeasureGroup, ...]
    measures: tuple[Measure, ...]
    phases: tuple[PhaseLine, ...]
    duties: tuple[RecurringDuty, ...]
    rule_sets: tuple[RuleSet, ...]
    units: tuple[NamedParty, ...]
