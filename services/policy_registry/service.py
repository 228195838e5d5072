"""policy_registry put together."""

from __future__ import annotations

from pathlib import Path

from services.chassis.auth import Rights
from services.chassis.domain import Command
from services.chassis.service import Aggregate, Service
from services.policy_registry.events import EVENTS
from services.policy_registry.programme.decider import PROGRAMME
from services.policy_registry.unit_registry.decider import UNIT_REGISTRY


def of_the_city(_state: object, _command: Command) -> None:
    """Programme and unit registry belong to no unit."""


SERVICE = Service(
    name="policy_registry",
    title="政策与名录",
    aggregates=(
        Aggregate(PROGRAMME, "programmes", scope=of_the_city),
        Aggregate(UNIT_REGISTRY, "unitRegistries", scope=of_the_city),
    ),
    events=EVENTS,
    rights=Rights.load(Path(__file__).with_name("rights.toml")),
)
