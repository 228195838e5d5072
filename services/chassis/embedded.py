"""The embedded form: all services of a city in one process, SQLite files, the event tables as the bus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from services.chassis.bus import EmbeddedBus
from services.chassis.clock import Clock
from services.chassis.domain import Command
from services.chassis.event_store import EventStore, SqliteDialect, StoreInfo, StoreKind, StoreUnusable
from services.chassis.event_store.migrations import migrate
from services.chassis.event_store.opening import open_file, require_unaltered
from services.chassis.event_store.store_info import new_store_info, write_info
from services.chassis.gateway import Call, Receipt
from services.chassis.host import ServiceHost
from services.chassis.local_gateway import LocalGateway, StoreFeed
from services.chassis.loop_thread import LoopThread
from services.chassis.passing_time import DayPassed
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.truth import unknown_head

PARTITIONS = 12
"""Partitions of a new store. A store keeps the number it was made with."""

EVENTS_FILE = "events.sqlite"

PUBLISHED = "published"
"""In the data folder: the signed heads and the public key, for anyone to keep a copy of."""

RESTORED = (
    "{} 的事件库落后于已公布的树头(可能刚从备份恢复),请停止服务并运行 bizenv restored,本次未保存",
    "the store of {} lies behind its published heads, as after a restore from a backup: stop and run bizenv restored; "
    "nothing was recorded",
)


def registry_of(services: Iterable[Service]) -> EventRegistry:
    """All events that these services publish, and the passing of days."""
    services = list(services)
    events = [event for service in services for event in service.events]
    upcasts = {name: upcast for service in services for name, upcast in service.upcasts.items()}
    return EventRegistry([DayPassed, *events], upcasts)


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


class Embedded:
    """A city opened in this process. Nothing runs by itself: `runtime` gives the hosts their threads, a
    rehearsal or a test steps them with `settle`."""

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
        self.data = data
        self.services = tuple(services)
        self.clock = clock
        self.registry = registry_of(services)
        self.loop = LoopThread("doors")
        self.stores = {service.name: self._store(service, settings, durable) for service in services}
        self.info = self._agreed()
        self._refuse_restored()
        self.hosts = {service.name: self._host(service, settings, durable, ordered) for service in services}
        self.bus = EmbeddedBus(self.stores, settings.poll_busy_milliseconds / 1000)
        for host in self.hosts.values():
            host.connect(self.bus)
        buses = [host.bus for host in self.hosts.values()]
        views = {name: host.views for name, host in self.hosts.items()}
        self.gateway = LocalGateway(self.services, buses, views, self.stores, clock, settings)
        self.feed = StoreFeed(self.services, self.stores)

    def _store(self, service: Service, settings: Settings, durable: bool) -> EventStore:
        path = self.data / service.name / EVENTS_FILE
        store = open_file(path, service.name, durable=durable, queue_limit=settings.command_queue)
        require_unaltered(store)
        return store

    def _host(self, service: Service, settings: Settings, durable: bool, ordered: bool) -> ServiceHost:
        return ServiceHost(
            service,
            self.stores[service.name],
            self.data / service.name,
            self.registry,
            self.clock,
            settings,
            self.loop,
            durable=durable,
            ordered=ordered,
        )

    def _agreed(self) -> StoreInfo:
        """What all stores say of themselves; refuses stores of different cities or kinds in one folder."""
        infos = [store.info for store in self.stores.values()]
        first = infos[0]
        for info in infos[1:]:
            if (info.store_id, info.kind) != (first.store_id, first.kind):
                raise StoreUnusable(
                    f"{self.data}:{info.service} 与 {first.service} 的数据不属于同一座城市,真实与演练数据不得混放 · "
                    f"the stores of {info.service} and {first.service} are not of one city"
                )
        return first

    def _refuse_restored(self) -> None:
        """A store that was put back records nothing until its new epoch is opened: positions would be used twice."""
        for name, store in self.stores.items():
            if unknown_head(store, self.data / PUBLISHED) is not None:
                store.refuse_appends(*(sentence.format(name) for sentence in RESTORED))

    def do(self, command: Command, call: Call) -> Receipt:
        """Carry out a command from a plain thread."""
        return self.loop.run(self.gateway.execute(command, call))

    def settle(self) -> None:
        """Apply everything that was recorded, and what follows from it, until nothing is left to do."""
        while any(consumer.step() for host in self.hosts.values() for consumer in host.consumers):
            pass

    def close(self) -> None:
        """Finish what is queued and let go of all files."""
        self.gateway.close()
        for host in self.hosts.values():
            host.close()
        self.loop.close()
