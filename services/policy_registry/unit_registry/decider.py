"""The register of one city as one stream: that no code belongs to two units on a day must balance in one place."""

from __future__ import annotations

from services.chassis.domain import Decider
from services.policy_registry.events import UnitRegister
from services.policy_registry.events.register_fold import REGISTER_EVOLUTIONS
from services.policy_registry.unit_registry import posts, units
from services.policy_registry.unit_registry.commands import (
    AbolishPost,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)
from services.policy_registry.unit_registry.facts import RegistryFacts

UNIT_REGISTRY: Decider[UnitRegister, RegistryFacts] = Decider(
    aggregate="unit_registry",
    identity="registry_id",
    initial=UnitRegister(),
    decisions={
        JoinUnit: units.join,
        LeaveUnit: units.leave,
        RecodeUnit: units.recode,
        EstablishPost: posts.establish,
        AbolishPost: posts.abolish,
        MakeResponsible: posts.make_responsible,
        RelievePost: posts.relieve,
    },
    evolutions=REGISTER_EVOLUTIONS,
)
