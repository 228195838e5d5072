"""Unit registry (单位与岗位名录): who belongs to the programme, under which code, and which post answers for what."""

from services.policy_registry.unit_registry.commands import (
    AbolishPost,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)
from services.policy_registry.unit_registry.decider import UNIT_REGISTRY
from services.policy_registry.unit_registry.facts import RegistryFacts

__all__ = [
    "UNIT_REGISTRY",
    "AbolishPost",
    "EstablishPost",
    "JoinUnit",
    "LeaveUnit",
    "MakeResponsible",
    "RecodeUnit",
    "RegistryFacts",
    "RelievePost",
]
