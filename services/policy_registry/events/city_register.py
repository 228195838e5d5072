"""The one register of a city's units and posts: a store belongs to one city and has one unit registry.

Two that are begun at the same moment may both be recorded. The one whose first fact stands earliest in the store is
the city's, whatever comes to a reader first; the other's facts say nothing.
"""

from __future__ import annotations

import msgspec

from services.chassis.domain import Event
from services.policy_registry.events.register import UnitRegister
from services.policy_registry.events.register_fold import register_after


class RegistryFactPlace(msgspec.Struct, frozen=True):
    """Where a fact of a register stands: the register's id, the position in the store, the version of its stream."""

    registry_id: str
    position: int
    version: int


class CityRegister(msgspec.Struct, frozen=True, kw_only=True):
    """The city's register up to the version of its stream; `since` is the position of its first fact."""

    registry_id: str
    since: int
    version: int
    register: UnitRegister


def city_register_after(known: CityRegister | None, place: RegistryFactPlace, event: Event) -> CityRegister:
    """The city's register after one more fact. One register's facts come in their order, those of several in any."""
    if known is not None and known.registry_id != place.registry_id and known.since < place.position:
        return known
    mine = known if known is not None and known.registry_id == place.registry_id else None
    return CityRegister(
        registry_id=place.registry_id,
        since=place.position if mine is None else mine.since,
        version=place.version,
        register=register_after(UnitRegister() if mine is None else mine.register, event),
    )
