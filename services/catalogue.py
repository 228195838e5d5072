"""All services of the platform, in the order in which they are started and documented."""

from __future__ import annotations

from services.chassis.service import Service
from services.policy_registry.service import SERVICE as POLICY_REGISTRY
from services.project_tracking.service import SERVICE as PROJECT_TRACKING
from services.projection.service import SERVICE as PROJECTION

SERVICES: tuple[Service, ...] = (POLICY_REGISTRY, PROJECT_TRACKING, PROJECTION)
