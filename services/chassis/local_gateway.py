"""The gateway of a process that hosts the services itself: commands to their bus, queries to their views."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from services.chassis.auth import Principal, Scope, authorise, no_right
from services.chassis.clock import Clock
from services.chassis.commands import CommandBus
from services.chassis.domain import Command
from services.chassis.envelope import Envelope
from services.chassis.errors import DeadlineExceeded, InvalidRequest, NotFound, Violation
from services.chassis.event_store import EventStore
from services.chassis.gateway import Call, Receipt
from services.chassis.live_views import LiveViews
from services.chassis.position import PositionToken
from services.chassis.service import Asker, Query, QueryHandler, Service

READ_FEED, READ_FEED_TITLE = "ReadEvents", "读取事件"
"""The right that the event feed asks for, in the table of the service whose events are read."""


class LocalGateway:
    """Routes by type. Lives on one event loop; queries run on a small thread pool."""

    def __init__(
        self,
        services: Sequence[Service],
        buses: Sequence[CommandBus],
        views: Mapping[str, LiveViews],
        clock: Clock,
        threads: int,
    ) -> None:
        self._clock = clock
        self._buses = {command: bus for bus in buses for command in bus.commands}
        self._views = views
        self._queries: dict[type[Query], tuple[Service, QueryHandler]] = {
            handler.query: (service, handler) for service in services for handler in service.queries
        }
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="query")

    async def execute(self, command: Command, call: Call) -> Receipt:
        bus = self._buses.get(type(command))
        if bus is None:
            raise _not_here(type(command).__name__)
        left = call.deadline.remaining()
        try:
            async with asyncio.timeout(left):
                return await bus.execute(command, call)
        except TimeoutError:
            raise DeadlineExceeded(
                "超过时限;命令可能已经保存,请用同一命令编号重试",
                "the deadline passed; the command may have been recorded: repeat it with the same id",
            ) from None

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        if type(query) not in self._queries:
            raise _not_here(type(query).__name__)
        service, handler = self._queries[type(query)]
        scope = authorise(service.rights, call.principal, type(query).__name__)
        views = self._views[service.name]
        if query.token is not None:
            await _reached(views, _token(service, query.token), call)
        call.deadline.check()
        asker = self._asker(call.principal, scope)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, handler.handle, views.current, query, asker)

    def _asker(self, principal: Principal, scope: Scope) -> Asker:
        own_unit = (principal.unit or "") if scope is Scope.OWN else None
        return Asker(principal=principal, own_unit=own_unit, today=self._clock.today(), now=self._clock.now())

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _token(service: Service, text: str) -> PositionToken:
    """The token, if it is of a service whose facts these views show; raises InvalidRequest."""
    token = PositionToken.parse(text)
    if token.service not in service.listens_to:
        raise InvalidRequest(
            Violation(
                "token", f"{service.title}不反映 {token.service} 的记录", f"these views do not show {token.service}"
            )
        )
    return token


async def _reached(views: LiveViews, token: PositionToken, call: Call) -> None:
    """Wait until the views hold the token's position; raises DeadlineExceeded when they do not in time."""
    while not views.covers(token):
        if call.deadline.remaining() <= 0.002:
            raise DeadlineExceeded(
                "视图尚未更新到所要求的位置,请稍后重试", "the views have not reached the position in time; try again"
            )
        await asyncio.sleep(0.002)


def _not_here(name: str) -> NotFound:
    return NotFound(f"本进程不提供 {name}", f"{name} is not served by this process")


class StoreFeed:
    """The event feed read from the stores themselves."""

    def __init__(self, services: Sequence[Service], stores: Mapping[str, EventStore]) -> None:
        self._rights = {service.name: service.rights for service in services if service.events}
        self._stores = stores

    def services(self, principal: Principal) -> tuple[str, ...]:
        readable = tuple(name for name, rights in self._rights.items() if rights.scope(principal.role, READ_FEED))
        if not readable:
            raise no_right(principal, READ_FEED, READ_FEED_TITLE)
        return readable

    async def read(self, service: str, after: int, limit: int, principal: Principal) -> list[tuple[Envelope, int]]:
        if service not in self._rights:
            known = ", ".join(self._rights)
            raise NotFound(
                f"没有发布事件的服务 {service};有:{known}", f"no service {service} publishes events; there are: {known}"
            )
        authorise(self._rights[service], principal, READ_FEED, READ_FEED_TITLE)
        return await asyncio.to_thread(self._page, self._stores[service], after, limit)

    @staticmethod
    def _page(store: EventStore, after: int, limit: int) -> list[tuple[Envelope, int]]:
        last: dict[int, int] = {}
        page = []
        for envelope in store.read(after, limit):
            partition = envelope.partition
            if partition not in last:
                last[partition] = store.previous_in_partition(partition, envelope.position)
            page.append((envelope, last[partition]))
            last[partition] = envelope.position
        return page
