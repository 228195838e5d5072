"""policy_registry put together."""

from __future__ import annotations

from pathlib import Path

from services.chassis.auth import Rights
from services.chassis.service import Aggregate, Service, whole_city
from services.policy_registry.events import EVENTS
from services.policy_registry.programme.decider import PROGRAMME
from services.policy_registry.reference import REGISTRY, facts_for
from services.policy_registry.unit_registry.decider import UNIT_REGISTRY

SERVICE = Service(
    name="policy_registry",
    title="政策与名录",
    aggregates=(
        Aggregate(PROGRAMME, "programmes", scope=whole_city),
        Aggregate(UNIT_REGISTRY, "unitRegistries", scope=whole_city, facts=facts_for),
    ),
    events=EVENTS,
    views=(REGISTRY,),
    listens_to=("policy_registry",),
    rights=Rights.load(Path(__file__).with_name("rights.toml")),
)
