"""The embedded form: all services of a city in one process, SQLite files, the event tables as the bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.chassis.auth.access_place import AccessFile
from services.chassis.bus.port import EmbeddedBus
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore, SqliteDialect, StoreKind, StoreUnusable
from services.chassis.event_store.migrations import migrate
from services.chassis.event_store.opening import open_file
from services.chassis.event_store.store_info import new_store_info, write_info
from services.chassis.hosting.city import City
from services.chassis.hosting.host import REACTIONS_DAMAGED
from services.chassis.positions.known import StoredPositions
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.sinks.database import SinkDatabase
from services.chassis.time.clock import Clock
from services.chassis.views.live import LiveViews

PARTITIONS = 12
"""Partitions of a new store. A store keeps the number it was made with."""

EVENTS_FILE, REACTIONS_FILE, LOGINS_FILE = "events.sqlite", "reactions.sqlite", "logins.sqlite"

PUBLISHED = "published"


class EmbeddedForm:
    """A city in one folder, with a folder for each service in it.

    `durable=False` leaves out the flush at each commit: only for a city that is thrown away when its making is
    interrupted.
    """

    def __init__(self, data: Path, settings: Settings, *, durable: bool = True) -> None:
        self.data = data
        self._settings = settings
        self._durable = durable

    @property
    def place(self) -> str:
        return str(self.data)

    @property
    def published(self) -> Path:
        return self.data / PUBLISHED

    def reach(self) -> None:
        """It stands on no server."""

    def reach_bus(self) -> None:
        """It is in the event tables."""

    def exists(self) -> bool:
        return city_exists(self.data)

    def dialect(self, service: str) -> SqliteDialect:
        return SqliteDialect(self.data / service / EVENTS_FILE, durable=self._durable)

    def store(self, service: str) -> EventStore:
        path = self.data / service / EVENTS_FILE
        return open_file(path, service, durable=self._durable, queue_limit=self._settings.command_queue)

    def views(self, service: Service, store_id: str, registry: EventRegistry) -> LiveViews:
        return LiveViews(self.data / service.name, store_id, service.views, registry, durable=self._durable)

    def reactions(self, service: str) -> SinkDatabase:
        path = self.data / service / REACTIONS_FILE
        try:
            return SinkDatabase(path, durable=self._durable)
        except Unavailable as error:
            raise StoreUnusable(f"{path}: {REACTIONS_DAMAGED}") from error

    def logins(self) -> AccessFile:
        return AccessFile(self.data / LOGINS_FILE)

    def examine(self, stores: Sequence[EventStore]) -> None:
        """The bus has what the stores have."""

    def bus(self, stores: Mapping[str, EventStore]) -> EmbeddedBus:
        return EmbeddedBus(stores, self._settings.poll_busy_milliseconds / 1000)

    def positions(self, stores: Mapping[str, EventStore]) -> StoredPositions:
        return StoredPositions(stores)

    def relay(self, store: EventStore) -> None:
        """The bus reads the event tables themselves."""

    def topics(self) -> None:
        """The bus reads the event tables themselves."""

    def relayed(self, store: EventStore) -> None:
        """The bus reads the event tables themselves."""

    def topic_flaw(self, store: EventStore) -> None:
        """There is no topic."""

    def refill(self, store: EventStore) -> bool:
        """Nothing is brought anywhere."""
        return False

    def require_free(self, store_id: str | None) -> None:
        """The bus is the city's own."""

    def head_publisher(self, store: EventStore) -> None:
        """The published files are enough."""

    def close(self) -> None:
        """Nothing is shared."""


class Embedded(City):
    """A city in a folder, opened with all its services."""

    def __init__(
        self,
        data: Path,
        services: Sequence[Service],
        settings: Settings,
        clock: Clock,
        *,
        durable: bool = True,
        ordered: bool = False,
    ) -> None:
        super().__init__(EmbeddedForm(data, settings, durable=durable), services, settings, clock, ordered=ordered)


def create_city(
    data: Path,
    services: Sequence[Service],
    kind: StoreKind,
    programme: str,
    *,
    store_id: str | None = None,
    created_at: datetime | None = None,
) -> None:
    """Make the empty stores of a city in the folder; refuses a folder that holds one already.

    Real and rehearsed facts never share a store: `kind` is fixed here.
    """
    if city_exists(data):
        raise StoreUnusable(f"{data} 中已有一座城市的数据 · already holds a city")
    store_id = store_id or str(uuid4())
    created_at = created_at or datetime.now(UTC)
    for service in services:
        folder = data / service.name
        folder.mkdir(parents=True, exist_ok=True)
        dialect = SqliteDialect(folder / EVENTS_FILE)
        engine = dialect.engine()
        migrate(engine)
        engine.dispose()
        info = new_store_info(
            store_id=store_id,
            service=service.name,
            kind=kind,
            programme=programme,
            partitions=PARTITIONS,
            created_at=created_at,
        )
        write_info(dialect, info)


def city_exists(data: Path) -> bool:
    """Whether the folder holds a city's stores."""
    return any(data.glob(f"*/{EVENTS_FILE}"))
