"""What policy_registry looks up for a decision: which unit registry is the city's, fed by its own events."""

from __future__ import annotations

from typing import Any

import msgspec

from services.chassis.domain import Command, Facts
from services.chassis.envelope import Envelope
from services.chassis.views.view import FoldedView, Reader, Received
from services.policy_registry.events import UNIT_REGISTRY_EVENTS
from services.policy_registry.unit_registry.facts import RegistryFacts

THE_CITY = "city"
"""The key of what there is once: a store belongs to one city."""


class KnownRegistry(msgspec.Struct, frozen=True, kw_only=True):
    """The register whose first fact stands earliest in the store (`CityRegister` follows the same rule)."""

    registry_id: str
    since: int


def _registry(row: KnownRegistry | None, fact: Received) -> KnownRegistry:
    position = fact.envelope.position
    if row is not None and row.since < position:
        return row
    return KnownRegistry(registry_id=fact.envelope.entity, since=position)


def _the_city(_envelope: Envelope) -> str:
    return THE_CITY


REGISTRY = FoldedView(
    "known_registry", KnownRegistry, _the_city, dict.fromkeys(UNIT_REGISTRY_EVENTS, _registry), shared=True
)


def facts_for(reader: Reader, _state: Any, _command: Command, base: Facts) -> RegistryFacts:
    """Which register is the city's. Of two that are begun at once both may still be taken; readers then follow the
    first."""
    known: KnownRegistry | None = reader.get(REGISTRY.name, THE_CITY)
    return RegistryFacts(today=base.today, registry_id=None if known is None else known.registry_id)
