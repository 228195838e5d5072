"""The events of services that other processes own, read over their gRPC feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.chassis.auth import Principal
from services.chassis.contracts.descriptors import build_contracts
from services.chassis.deadline import Deadline
from services.chassis.envelope import Envelope
from services.chassis.errors import DeadlineExceeded, InvalidRequest
from services.chassis.feed.cloudevents import SOURCE_PREFIX
from services.chassis.feed.rights import FeedRights
from services.chassis.feed.stream import FeedEvent, ReadEvents
from services.chassis.grpc_server.requests import DEFAULT_SECONDS
from services.chassis.peers.calling import answered, bearer_of
from services.chassis.peers.channels import Channels
from services.chassis.peers.refusals import Peer, unreadable
from services.chassis.peers.remote_gateway import method_of
from services.chassis.service import Service

Page = list[tuple[Envelope, int]]

_SAME = tuple(name for name in Envelope.__struct_fields__ if name in FeedEvent.__struct_fields__)


class RemoteFeed:
    """The feed of the peers that `channels` leads to. Lives on one event loop."""

    def __init__(self, services: Sequence[Service], channels: Channels) -> None:
        there = [service for service in services if service.name in channels.services]
        self._rights = FeedRights(there)
        self._peers = {service.name: Peer(service.title, service.name) for service in there}
        self._channels = channels
        contracts = build_contracts([])
        (feed,) = contracts.services
        self._method = method_of(contracts, feed, feed.rpcs[0])

    def services(self, principal: Principal) -> tuple[str, ...]:
        return self._rights.readable(principal)

    async def read(self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None) -> Page:
        self._rights.require(service, principal)
        body = self._method.request.encode(ReadEvents(service=service, after=after, limit=limit))
        peer, metadata = self._peers[service], bearer_of(bearer)

        async def send(seconds: float) -> list[bytes]:
            rpc = self._channels.of(service).unary_stream(self._method.path)
            return [data async for data in rpc(body, metadata=metadata, timeout=seconds)]

        late = DeadlineExceeded("请求已超过期限", "the request's deadline has passed")
        found = await answered(send, Deadline.after(DEFAULT_SECONDS), peer, late)
        try:
            return [_event(self._method.response.decode(data)) for data in found]
        except InvalidRequest as error:
            raise unreadable(peer) from error


def _event(event: Any) -> tuple[Envelope, int]:
    """The envelope that the peer made this of (`grpc_server.handlers.feed_event`), and the position before it."""
    assert isinstance(event, FeedEvent)
    same = {name: getattr(event, name) for name in _SAME}
    service = event.source.removeprefix(SOURCE_PREFIX)
    return Envelope(**same, service=service, stream=event.subject, recorded_at=event.time), event.previous
