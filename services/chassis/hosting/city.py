"""A city opened in a process: its services, put together on the form that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.chassis.bus.consumer import Consumer
from services.chassis.commanding.gateway import Call, Gateway, Receipt
from services.chassis.commanding.local_gateway import LocalGateway, StoreFeed
from services.chassis.domain import Command
from services.chassis.event_store import EventStore, StoreInfo, StoreUnusable
from services.chassis.event_store.opening import require_unaltered
from services.chassis.feed.stream import Feed
from services.chassis.forms.form import Form
from services.chassis.hosting.host import ServiceHost
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.peers.channels import Channels
from services.chassis.peers.remote_feed import RemoteFeed
from services.chassis.peers.remote_gateway import RemoteGateway
from services.chassis.peers.routing import RoutingFeed, RoutingGateway
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.settings.servers import peers_of
from services.chassis.settings.tls import peers_roots
from services.chassis.sinks.checkpoints import LostPlace
from services.chassis.time.clock import Clock
from services.chassis.truth import unknown_head

RESTORED = (
    "{} 的事件库落后于已公布的树头(可能刚从备份恢复),请停止服务并运行 bizenv restored(多进程形式:bizenv recover),"
    "本次未保存",
    "the store of {} lies behind its published heads, as after a restore from a backup: stop and run bizenv restored "
    "(with PostgreSQL and Kafka: bizenv recover); nothing was recorded",
)


def registry_of(services: Iterable[Service]) -> EventRegistry:
    """All events that these services publish, and the passing of days."""
    services = list(services)
    events = [event for service in services for event in service.events]
    upcasts = {name: upcast for service in services for name, upcast in service.upcasts.items()}
    return EventRegistry([DayPassed, *events], upcasts)


class City:
    """A city opened in this process. Nothing runs by itself: `runtime` gives the hosts their threads, a
    rehearsal or a test steps them with `settle`."""

    def __init__(
        self,
        form: Form,
        services: Sequence[Service],
        settings: Settings,
        clock: Clock,
        *,
        catalogue: Sequence[Service] = (),
        ordered: bool = False,
    ) -> None:
        """`services` are hosted here; they are all there are, unless the `catalogue` names more. `ordered`: reactions'
        commands are carried out one after another, so that it is the same each time."""
        self.form = form
        self.clock = clock
        catalogue = tuple(catalogue or services)
        self.registry = registry_of(catalogue)
        self.loop = LoopThread("doors")
        self.stores: dict[str, EventStore] = {}
        self.hosts: dict[str, ServiceHost] = {}
        try:
            self._open(services, settings, ordered)
        except BaseException:
            self._let_go()
            raise
        self._local = self._gateway_here(services, settings)
        peers = peers_of(settings, [service.name for service in catalogue])
        asked = {name: found for name, found in peers.items() if name not in self.hosts}
        self._channels = Channels(asked, peers_roots(settings))
        there = [service for service in catalogue if service.name in self._channels.services]
        self.services = tuple(service for service in catalogue if service.name in self.hosts or service in there)
        """Those whose requests this process answers: its own, and those of its peers, which it asks."""
        self.gateway, self.feed = self._routes(services, there)

    def _open(self, services: Sequence[Service], settings: Settings, ordered: bool) -> None:
        """All that asks the servers. A call that fails may be repeated with another object: each step makes only what
        is missing, in transactions of its own."""
        for service in services:
            self.stores[service.name] = self._store(service.name)
        self.info = self._agreed()
        self._refuse_restored()
        for service in services:
            self.hosts[service.name] = self._host(service, settings, ordered)
        self.bus = self.form.bus(self.stores)
        for host in self.hosts.values():
            host.connect(self.bus)

    def _let_go(self) -> None:
        """Of what is open after a failure."""
        for host in self.hosts.values():
            host.close()
        for name, store in self.stores.items():
            if name not in self.hosts:
                store.close()
        self.loop.close()

    def _gateway_here(self, services: Sequence[Service], settings: Settings) -> LocalGateway:
        buses = [host.bus for host in self.hosts.values()]
        views = {name: host.views for name, host in self.hosts.items()}
        return LocalGateway(services, buses, views, self.form.positions(self.stores), self.clock, settings)

    def _routes(self, here: Sequence[Service], there: Sequence[Service]) -> tuple[Gateway, Feed]:
        feed = StoreFeed(here, self.stores)
        if not there:
            return self._local, feed
        remote, remote_feed = RemoteGateway(there, self._channels), RemoteFeed(there, self._channels)
        return RoutingGateway(self._local, remote), RoutingFeed(self.services, self.hosts, feed, remote_feed)

    def _store(self, service: str) -> EventStore:
        store = self.form.store(service)
        try:
            require_unaltered(store)
        except BaseException:
            store.close()
            raise
        return store

    def _host(self, service: Service, settings: Settings, ordered: bool) -> ServiceHost:
        store = self.stores[service.name]
        views = self.form.views(service, store.info.store_id, self.registry)
        try:
            reactions = self.form.reactions(service.name)
        except BaseException:
            views.close()
            raise
        return ServiceHost(
            service, store, views, reactions, self.registry, self.clock, settings, self.loop, ordered=ordered
        )

    def _agreed(self) -> StoreInfo:
        """What all stores say of themselves; refuses stores of different cities or kinds in one folder."""
        infos = [store.info for store in self.stores.values()]
        first = infos[0]
        for info in infos[1:]:
            if (info.store_id, info.kind) != (first.store_id, first.kind):
                raise StoreUnusable(
                    f"{self.form.place}:{info.service} 与 {first.service} 的数据不属于同一座城市,"
                    "真实与演练数据不得混放 · "
                    f"the stores of {info.service} and {first.service} are not of one city"
                )
        return first

    def _refuse_restored(self) -> None:
        """A store that was put back records nothing until its new epoch is opened: positions would be used twice."""
        for name, store in self.stores.items():
            if unknown_head(store, self.form.published) is not None:
                store.refuse_appends(*(sentence.format(name) for sentence in RESTORED))
        self.form.examine(list(self.stores.values()))

    def do(self, command: Command, call: Call) -> Receipt:
        """Carry out a command from a plain thread."""
        return self.loop.run(self.gateway.execute(command, call))

    def settle(self) -> None:
        """Apply everything that was recorded, and what follows from it, until nothing is left to do."""
        while any(_stepped(consumer) for host in self.hosts.values() for consumer in host.followers):
            pass

    def close(self) -> None:
        """Finish what is queued and let go of everything."""
        self._local.close()
        self.loop.run(self._channels.close())
        for host in self.hosts.values():
            host.close()
        self.loop.close()
        self.form.close()


def _stepped(consumer: Consumer) -> bool:
    """Whether there was something to do; a consumer that another process was faster than reads again."""
    try:
        return consumer.step() > 0
    except LostPlace:
        return True
