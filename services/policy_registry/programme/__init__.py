"""Programme (推进方案): the city's plan itself as data, adopted and amended as facts."""

from services.policy_registry.programme.commands import (
    AdoptProgramme,
    AmendProgramme,
    PublishRuleSet,
    WithdrawProgramme,
)
from services.policy_registry.programme.decider import PROGRAMME

__all__ = ["PROGRAMME", "AdoptProgramme", "AmendProgramme", "PublishRuleSet", "WithdrawProgramme"]
