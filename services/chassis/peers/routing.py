"""What this process has itself, and what its peers have: one gateway and one feed over both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from services.chassis.auth import Principal
from services.chassis.commanding.gateway import Call, Gateway, Receipt
from services.chassis.commanding.local_gateway import not_here
from services.chassis.domain import Command
from services.chassis.envelope import Envelope
from services.chassis.feed.rights import FeedRights
from services.chassis.feed.stream import Feed
from services.chassis.service import Query, Service


class Serving(Gateway, Protocol):
    """A gateway that says what it carries out."""

    def serves(self, kind: type[Command | Query]) -> bool: ...


class RoutingGateway:
    """Sends each command and query to the first gateway that serves it; NotFound where none does."""

    def __init__(self, *gateways: Serving) -> None:
        self._gateways = gateways

    def serves(self, kind: type[Command | Query]) -> bool:
        return any(gateway.serves(kind) for gateway in self._gateways)

    async def execute(self, command: Command, call: Call) -> Receipt:
        return await self._of(type(command)).execute(command, call)

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        return await self._of(type(query)).ask(query, call)

    def _of(self, kind: type[Command | Query]) -> Serving:
        for gateway in self._gateways:
            if gateway.serves(kind):
                return gateway
        raise not_here(kind.__name__)


class RoutingFeed:
    """The events of all these services: of those `here` from this process, of the others from their peers."""

    def __init__(self, services: Sequence[Service], here: Collection[str], local: Feed, remote: Feed) -> None:
        self._rights = FeedRights(services)
        self._here = frozenset(here)
        self._local = local
        self._remote = remote

    def services(self, principal: Principal) -> tuple[str, ...]:
        return self._rights.readable(principal)

    async def read(
        self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None
    ) -> list[tuple[Envelope, int]]:
        self._rights.require(service, principal)
        feed = self._local if service in self._here else self._remote
        return await feed.read(service, after, limit, principal, bearer)
