"""The port under a city: where its facts, views and bus are. `embedded` and `distributed` are its adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from services.chassis.auth.access_place import AccessPlace
from services.chassis.bus.port import Bus
from services.chassis.event_store import EventStore
from services.chassis.event_store.dialect import Dialect
from services.chassis.positions.known import Positions
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.sinks.database import SinkDatabase
from services.chassis.views.live import LiveViews

if TYPE_CHECKING:
    from services.chassis.flow.topics import Topics


class Relayed(NamedTuple):
    """How far a store's events were brought to the bus."""

    position: int
    head: int
    """The store's newest position."""
    owner: str | None
    """The process that brings them; None: none does now."""


class Relaying(Protocol):
    """Brings what a store records to the bus, step by step, on one thread."""

    @property
    def trouble(self) -> str | None:
        """Why nothing goes on; None: it does, or another process leads."""
        ...

    @property
    def begun(self) -> bool:
        """Whether it has ever gone on, here or in another process."""
        ...

    def step(self) -> int:
        """Some of it; waits a moment when there is nothing to do. Never raises what passes by itself."""
        ...

    def stop(self) -> None:
        """Note what was acknowledged and let another process lead."""
        ...


class HeadPublishing(Protocol):
    """Gives signed heads away on the bus, step by step, on one thread."""

    @property
    def trouble(self) -> str | None:
        """Why nothing goes on; None: it does."""
        ...

    def step(self) -> int:
        """Some of it; returns at once. Never raises what passes by itself."""
        ...

    def close(self) -> None: ...


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

    def reach(self) -> None:
        """Raises StoreUnusable or Unavailable, with the reason, while a server that the city stands on is away."""
        ...

    def reach_bus(self) -> str | None:
        """Where the bus is, and how it is spoken to; None: in the event tables. Raises Unavailable while it is away."""
        ...

    def exists(self) -> bool:
        """Whether there is a city."""
        ...

    def dialect(self, service: str) -> Dialect:
        """Where the service's event store is, or shall be."""
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

    def logins(self) -> AccessPlace:
        """Where login codes and ended sessions are."""
        ...

    def examine(self, stores: Sequence[EventStore]) -> None:
        """Let stores that lack what was brought to the bus record nothing; may raise SQLAlchemyError. Where the bus
        can't be asked, whoever brings events there finds it out."""
        ...

    def bus(self, stores: Mapping[str, EventStore]) -> Bus:
        """The bus, for a process that has these stores open."""
        ...

    def positions(self, stores: Mapping[str, EventStore]) -> Positions:
        """Who judges position tokens in such a process."""
        ...

    def relay(self, store: EventStore) -> Relaying | None:
        """What brings the store's events to the bus; None: the bus reads them there."""
        ...

    def topics(self) -> Topics | None:
        """The topics that carry the events; None: the bus reads the event tables."""
        ...

    def relayed(self, store: EventStore) -> Relayed | None:
        """How far the store's events were brought; None: the bus reads them there. May raise SQLAlchemyError."""
        ...

    def topic_flaw(self, store: EventStore) -> str | None:
        """What is wrong with the topic of the store's events, for an operator; None: nothing. Raises Unavailable where
        the bus can't be asked; may raise SQLAlchemyError."""
        ...

    def refill(self, store: EventStore) -> bool:
        """Let all of the store's events be brought to the bus again; False: none ever was. May raise
        SQLAlchemyError."""
        ...

    def require_free(self, store_id: str | None) -> None:
        """Raises Unavailable where the bus holds what another city recorded (None: any), or can't be asked."""
        ...

    def head_publisher(self, store: EventStore) -> HeadPublishing | None:
        """What gives the store's signed heads away beside the published files; None: those are all."""
        ...

    def close(self) -> None:
        """Let go of what the parts shared; each part is closed by now."""
        ...
