"""The programme 推进方案 with its rule sets, and the register of units 单位名录, folded from their facts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.views import AppendedView, FoldedView, Received
from services.policy_registry.events import (
    PROGRAMME_EVENTS,
    UNIT_REGISTRY_EVENTS,
    ProgrammeRecord,
    UnitRegister,
    programme_after,
    register_after,
)

PROGRAMME_STREAMS = "programme-"
REGISTER_STREAMS = "unit_registry-"


def _programme_of(envelope: Envelope) -> str | None:
    return envelope.entity if envelope.stream.startswith(PROGRAMME_STREAMS) else None


def _register_of(envelope: Envelope) -> str | None:
    return envelope.entity if envelope.stream.startswith(REGISTER_STREAMS) else None


def _either(envelope: Envelope) -> str | None:
    known = envelope.stream.startswith((PROGRAMME_STREAMS, REGISTER_STREAMS))
    return envelope.stream if known else None


def _programme_fact(row: ProgrammeRecord | None, fact: Received) -> ProgrammeRecord:
    return programme_after(row or ProgrammeRecord(), fact.event)


def _register_fact(row: UnitRegister | None, fact: Received) -> UnitRegister:
    return register_after(row or UnitRegister(), fact.event)


PROGRAMME = FoldedView("programme", ProgrammeRecord, _programme_of, dict.fromkeys(PROGRAMME_EVENTS, _programme_fact))
UNITS = FoldedView("units", UnitRegister, _register_of, dict.fromkeys(UNIT_REGISTRY_EVENTS, _register_fact))
REGISTRY_TIMELINE = AppendedView("registry_timeline", _either)
"""The facts of both, so that a page can show them as they were known on a day."""


def programme_from(events: Iterable[Event]) -> ProgrammeRecord:
    record = ProgrammeRecord()
    for event in events:
        record = programme_after(record, event)
    return record


def register_from(events: Iterable[Event]) -> UnitRegister:
    register = UnitRegister()
    for event in events:
        register = register_after(register, event)
    return register


def latest_adopted(programmes: Iterable[ProgrammeRecord]) -> ProgrammeRecord:
    """The programme that the pages are about: a store runs one; of several, the one adopted last."""
    return max(programmes, key=_adopted_on, default=ProgrammeRecord())


def _adopted_on(record: ProgrammeRecord) -> date:
    return record.adopted.occurred_on if record.adopted is not None else date.min
