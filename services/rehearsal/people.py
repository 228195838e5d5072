"""Who acts: posts of the units and of the city's group, each under an account of its own; never a person."""

from __future__ import annotations

from services.chassis.auth import Principal, Role
from services.rehearsal.units import Unit

CITY = Principal(account="city.projects", role=Role.CITY_GROUP)
"""The city's group: adopts the programme, decides on plans, takes projects off the list."""


def staff(unit: Unit, number: int) -> Principal:
    """One of the unit's two clerks."""
    return Principal(account=f"{unit.unit_id}.staff{number % 2 + 1}", role=Role.UNIT_STAFF, unit=unit.code)


def head(unit: Unit) -> Principal:
    """The unit's head."""
    return Principal(account=f"{unit.unit_id}.head", role=Role.UNIT_HEAD, unit=unit.code)
