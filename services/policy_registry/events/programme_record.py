"""The programme as folded from its facts, and what of it holds on a day. Others fold the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Protocol, TypeVar

import msgspec

from services.chassis.domain import Event
from services.policy_registry.events.programme import (
    Campaign,
    Measure,
    MeasureGroup,
    Phase,
    ProgrammeAdopted,
    ProgrammeAmended,
    ProgrammeWithdrawn,
    RecurringDuty,
    RuleSetPublished,
)
from services.policy_registry.events.rule_sets import RuleSet


class ProgrammeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded: the adoption, amendments by number, rule sets in the order of publication.

    A programme taken back is as if it had never been adopted, but for `withdrawn`: the latest withdrawal, until it is
    adopted anew.
    """

    adopted: ProgrammeAdopted | None = None
    amendments: tuple[ProgrammeAmended, ...] = ()
    rule_sets: tuple[RuleSet, ...] = ()
    withdrawn: ProgrammeWithdrawn | None = None


class ProgrammeText(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme says on one day, amendments worked in."""

    campaigns: tuple[Campaign, ...] = ()
    groups: tuple[MeasureGroup, ...] = ()
    measures: tuple[Measure, ...] = ()
    phases: tuple[Phase, ...] = ()
    duties: tuple[RecurringDuty, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of everything in it; a programme uses none twice."""
        parts = (self.campaigns, self.groups, self.measures, self.phases, self.duties)
        return tuple(each.id for part in parts for each in part)


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_HasId)


def adopted(record: ProgrammeRecord, event: ProgrammeAdopted) -> ProgrammeRecord:
    return msgspec.structs.replace(record, adopted=event, withdrawn=None)


def amended(record: ProgrammeRecord, event: ProgrammeAmended) -> ProgrammeRecord:
    return msgspec.structs.replace(record, amendments=(*record.amendments, event))


def rule_set_published(record: ProgrammeRecord, event: RuleSetPublished) -> ProgrammeRecord:
    return msgspec.structs.replace(record, rule_sets=(*record.rule_sets, event.rule_set))


def programme_withdrawn(_record: ProgrammeRecord, event: ProgrammeWithdrawn) -> ProgrammeRecord:
    return ProgrammeRecord(withdrawn=event)


PROGRAMME_EVOLUTIONS: dict[type[Event], Callable[[ProgrammeRecord, Any], ProgrammeRecord]] = {
    ProgrammeAdopted: adopted,
    ProgrammeAmended: amended,
    RuleSetPublished: rule_set_published,
    ProgrammeWithdrawn: programme_withdrawn,
}


def programme_after(record: ProgrammeRecord, event: Event) -> ProgrammeRecord:
    """The record after one more fact; a fact of another kind changes nothing."""
    evolve = PROGRAMME_EVOLUTIONS.get(type(event))
    return record if evolve is None else evolve(record, event)


def merged(old: Iterable[T], new: Iterable[T], withdrawn: frozenset[str]) -> tuple[T, ...]:
    """The old ones in their order, each replaced by its namesake among the new; then what is new."""
    replacing = {each.id: each for each in new}
    kept = [replacing.pop(each.id, each) for each in old if each.id not in withdrawn]
    return (*kept, *replacing.values())


def amended_text(text: ProgrammeText, amendment: ProgrammeAmended) -> ProgrammeText:
    """The text with one amendment worked in."""
    new, gone = text_in_full(amendment), frozenset(amendment.withdrawn)
    return ProgrammeText(
        campaigns=merged(text.campaigns, new.campaigns, gone),
        groups=merged(text.groups, new.groups, gone),
        measures=merged(text.measures, new.measures, gone),
        phases=merged(text.phases, new.phases, gone),
        duties=merged(text.duties, new.duties, gone),
    )


def text_in_full(event: ProgrammeAdopted | ProgrammeAmended) -> ProgrammeText:
    """All that one fact brought, as a text of its own."""
    return ProgrammeText(
        campaigns=event.campaigns,
        groups=event.groups,
        measures=event.measures,
        phases=event.phases,
        duties=event.duties,
    )


def text_on(record: ProgrammeRecord, day: date) -> ProgrammeText:
    """What the programme says on that day: as adopted, with the amendments in force by then."""
    if record.adopted is None or day < record.adopted.occurred_on:
        return ProgrammeText()
    text = text_in_full(record.adopted)
    for amendment in record.amendments:
        if amendment.effective_on <= day:
            text = amended_text(text, amendment)
    return text


def phases_on(record: ProgrammeRecord, day: date) -> tuple[Phase, ...]:
    """The phases that the day falls into: none, one or several."""
    return tuple(phase for phase in text_on(record, day).phases if phase.starts_on <= day <= phase.ends_on)


def rule_set_on(record: ProgrammeRecord, rule_set_id: str, day: date) -> RuleSet | None:
    """The newest version of a rule set in force on that day, or None before the first one."""
    in_force = [each for each in record.rule_sets if each.id == rule_set_id and each.effective_on <= day]
    return max(in_force, key=lambda each: (each.effective_on, each.version), default=None)
