"""The programme 推进方案 with its rule sets, and the register of units 单位名录, folded from their facts."""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.envelope import Envelope
from services.chassis.views.view import AppendedView, FoldedView, Received, StoredFact
from services.policy_registry.events import (
    PROGRAMME_EVENTS,
    UNIT_REGISTRY_EVENTS,
    CityRegister,
    ProgrammeRecord,
    RegistryFactPlace,
    UnitRegister,
    city_register_after,
    programme_after,
)

PROGRAMME_STREAMS = "programme-"
REGISTER_STREAMS = "unit_registry-"
THE_CITY = "city"
"""The key of what there is once: a store belongs to one city."""


def _programme_of(envelope: Envelope) -> str | None:
    return envelope.entity if envelope.stream.startswith(PROGRAMME_STREAMS) else None


def _register_of(envelope: Envelope) -> str | None:
    return THE_CITY if envelope.stream.startswith(REGISTER_STREAMS) else None


def _either(envelope: Envelope) -> str | None:
    known = envelope.stream.startswith((PROGRAMME_STREAMS, REGISTER_STREAMS))
    return envelope.stream if known else None


def _programme_fact(row: ProgrammeRecord | None, fact: Received) -> ProgrammeRecord:
    return programme_after(row or ProgrammeRecord(), fact.event)


def _register_fact(row: CityRegister | None, fact: Received) -> CityRegister:
    at = fact.envelope
    return city_register_after(row, RegistryFactPlace(at.entity, at.position, at.version), fact.event)


PROGRAMME = FoldedView("programme", ProgrammeRecord, _programme_of, dict.fromkeys(PROGRAMME_EVENTS, _programme_fact))
UNITS = FoldedView(
    "units", CityRegister, _register_of, dict.fromkeys(UNIT_REGISTRY_EVENTS, _register_fact), revision=2, shared=True
)
REGISTRY_TIMELINE = AppendedView("registry_timeline", _either)
"""The facts of both, so that a page can show them as they were known on a day."""


def programmes_from(facts: Iterable[StoredFact]) -> dict[str, ProgrammeRecord]:
    """The programmes by id, from facts in the order of their positions."""
    records: dict[str, ProgrammeRecord] = {}
    for fact in facts:
        if fact.stream.startswith(PROGRAMME_STREAMS):
            key = fact.stream.removeprefix(PROGRAMME_STREAMS)
            records[key] = programme_after(records.get(key, ProgrammeRecord()), fact.event)
    return records


def register_from(facts: Iterable[StoredFact]) -> UnitRegister:
    """The city's register, from facts in the order of their positions."""
    known: CityRegister | None = None
    for fact in facts:
        if fact.stream.startswith(REGISTER_STREAMS):
            place = RegistryFactPlace(fact.stream.removeprefix(REGISTER_STREAMS), fact.position, fact.version)
            known = city_register_after(known, place, fact.event)
    return UnitRegister() if known is None else known.register
