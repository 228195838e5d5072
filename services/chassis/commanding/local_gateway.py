"""The gateway of a process that hosts the services itself: commands to their bus, queries to their views."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from services.chassis.auth import Principal, Scope, authorise
from services.chassis.commanding.command_bus import CommandBus
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.domain import Command, title_of
from services.chassis.envelope import Envelope
from services.chassis.errors import DeadlineExceeded, NotFound
from services.chassis.event_store import EventStore
from services.chassis.feed.rights import FeedRights
from services.chassis.feed.stream import beyond_end
from services.chassis.positions.known import Positions, StoredPositions
from services.chassis.positions.position import PositionToken, bad_token
from services.chassis.positions.waiters import Waiters
from services.chassis.service import Asker, Query, QueryHandler, Service
from services.chassis.settings import Settings
from services.chassis.time.clock import Clock
from services.chassis.time.time_limits import TimeLimits
from services.chassis.views.live import LiveViews


class LocalGateway:
    """Routes by type. Lives on one event loop; queries run on a small thread pool."""

    def __init__(
        self,
        services: Sequence[Service],
        buses: Sequence[CommandBus],
        views: Mapping[str, LiveViews],
        positions: Positions | Mapping[str, EventStore],
        clock: Clock,
        settings: Settings,
    ) -> None:
        """`positions` judges the position tokens: the stores themselves, or who knows of them otherwise."""
        self._clock = clock
        self._positions = StoredPositions(positions) if isinstance(positions, Mapping) else positions
        self._buses = {command: bus for bus in buses for command in bus.commands}
        self._views = views
        self._queries: dict[type[Query], tuple[Service, QueryHandler]] = {
            handler.query: (service, handler) for service in services for handler in service.queries
        }
        self._pool = ThreadPoolExecutor(settings.query_threads, thread_name_prefix="query")
        self._waiters = Waiters(settings.waiting_queries)
        self._limits = TimeLimits()
        for each in views.values():
            each.on_progress(self._waiters.wake)

    def serves(self, kind: type[Command | Query]) -> bool:
        """Whether this command or query is carried out here."""
        return kind in self._buses or kind in self._queries

    async def execute(self, command: Command, call: Call) -> Receipt:
        bus = self._buses.get(type(command))
        if bus is None:
            raise not_here(type(command).__name__)
        left = call.deadline.remaining()
        try:
            with self._limits.of(left):
                return await bus.execute(command, call)
        except TimeoutError:
            raise DeadlineExceeded(
                "超过时限;命令可能已经保存,请用同一命令编号重试",
                "the deadline passed; the command may have been recorded: repeat it with the same id",
            ) from None

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        if type(query) not in self._queries:
            raise not_here(type(query).__name__)
        service, handler = self._queries[type(query)]
        scope = authorise(service.rights, call.principal, type(query).__name__, title_of(type(query)))
        views = self._views[service.name]
        if query.token is not None:
            await self._reached(views, self._token(service, query.token), call)
        call.deadline.check()
        asker = self._asker(call.principal, scope)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, handler.handle, views.current, query, asker)

    def _token(self, service: Service, text: str) -> PositionToken:
        """The token, if a store whose facts these views show can have given it; raises InvalidRequest."""
        token = PositionToken.parse(text)
        if token.service not in service.listens_to:
            raise bad_token(f"{service.title}不反映 {token.service} 的记录", f"these views do not show {token.service}")
        self._positions.require_possible(token)
        return token

    async def _reached(self, views: LiveViews, token: PositionToken, call: Call) -> None:
        """Wait until the views hold the token's position; raises InvalidRequest for one that its store never gave,
        Overloaded or DeadlineExceeded."""
        if views.covers(token):
            return
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._pool, self._positions.to_come, token):
            views.want()
            await self._waiters.reached(views, token, call.deadline)

    def _asker(self, principal: Principal, scope: Scope) -> Asker:
        own_unit = (principal.unit or "") if scope is Scope.OWN else None
        return Asker(principal=principal, own_unit=own_unit, today=self._clock.today(), now=self._clock.now())

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def not_here(name: str) -> NotFound:
    """For what neither this process nor a peer of it serves."""
    return NotFound(f"本进程不提供 {name}", f"{name} is not served by this process")


class StoreFeed:
    """The event feed read from the stores themselves."""

    def __init__(self, services: Sequence[Service], stores: Mapping[str, EventStore]) -> None:
        self._rights = FeedRights(services)
        self._stores = stores

    def services(self, principal: Principal) -> tuple[str, ...]:
        return self._rights.readable(principal)

    async def read(
        self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None
    ) -> list[tuple[Envelope, int]]:
        self._rights.require(service, principal)
        return await asyncio.to_thread(self._told, self._stores[service], after, limit)

    def _told(self, store: EventStore, after: int, limit: int) -> list[tuple[Envelope, int]]:
        with store.trouble_told():
            return self._page(store, after, limit)

    @staticmethod
    def _page(store: EventStore, after: int, limit: int) -> list[tuple[Envelope, int]]:
        last: dict[int, int] = {}
        page = []
        found = store.read(after, limit)
        if not found and after > (end := store.last_position()):
            raise beyond_end(store.service, after, end)
        for envelope in found:
            partition = envelope.partition
            if partition not in last:
                last[partition] = store.previous_in_partition(partition, envelope.position)
            page.append((envelope, last[partition]))
            last[partition] = envelope.position
        return page
