"""What a decision on the register rests on besides its own history."""

from __future__ import annotations

from services.chassis.domain import Facts


class RegistryFacts(Facts, frozen=True, kw_only=True):
    """`registry_id` is the id of the city's register; None until its first fact is known."""

    registry_id: str | None = None
