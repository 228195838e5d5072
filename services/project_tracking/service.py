"""project_tracking put together."""

from __future__ import annotations

from pathlib import Path

from services.chassis.auth import Rights
from services.chassis.service import Aggregate, Service
from services.project_tracking.events import PROJECT_EVENTS
from services.project_tracking.project.decider import INTERNAL, PROJECT
from services.project_tracking.reactions import REACTIONS
from services.project_tracking.reference import LAMPS_DUE, PROGRAMMES, UNITS, facts_for
from services.project_tracking.scope import units_of

SERVICE = Service(
    name="project_tracking",
    title="项目跟踪",
    aggregates=(Aggregate(PROJECT, "projects", scope=units_of, facts=facts_for, internal=INTERNAL),),
    events=PROJECT_EVENTS,
    views=(UNITS, PROGRAMMES, LAMPS_DUE),
    listens_to=("policy_registry", "project_tracking"),
    reactions=REACTIONS,
    rights=Rights.load(Path(__file__).with_name("rights.toml")),
    keeps_calendar=True,
)
