"""The port under a city: where its facts, views and bus are. `embedded` and `distributed` are its adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from services.chassis.bus import Bus
from services.chassis.event_store import EventStore
from services.chassis.live_views import LiveViews
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.sink_database import SinkDatabase


class Form(Protocol):
    """What opens the parts of one city. Each part is opened for one owner, who closes it."""

    @property
    def place(self) -> str:
        """For messages: where the city is."""
        ...

    @property
    def published(self) -> Path:
        """The folder of the signed heads and the public key, for anyone to keep a copy of."""
        ...

    def exists(self) -> bool:
        """Whether there is a city."""
        ...

    def store(self, service: str) -> EventStore:
        """The service's event store; raises StoreUnusable."""
        ...

    def views(self, service: Service, store_id: str, registry: EventRegistry) -> LiveViews:
        """The service's views, of this build and of the city that bears the id."""
        ...

    def reactions(self, service: str) -> SinkDatabase:
        """How far the service's reactions got; raises StoreUnusable where that is damaged."""
        ...

    def bus(self, stores: Mapping[str, EventStore]) -> Bus:
        """The bus, for a process that has these stores open."""
        ...
