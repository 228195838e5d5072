"""The gateway to services that other processes own: commands and queries over gRPC, from the same tables as the doors.

The peer judges the caller's own token, so a right is checked where the facts are, and nothing rests on this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec

from services.chassis.admission import place_given_back
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.commanding.local_gateway import not_here
from services.chassis.contracts.convert import Codec
from services.chassis.contracts.descriptors import Contracts, build_contracts
from services.chassis.contracts.model import Rpc, RpcService
from services.chassis.domain import Command
from services.chassis.errors import DeadlineExceeded, InvalidRequest
from services.chassis.peers.calling import answered, metadata_of
from services.chassis.peers.channels import Channels
from services.chassis.peers.refusals import Peer, unreadable
from services.chassis.random_ids import ordered_uuid
from services.chassis.service import Query, Service


@dataclass(frozen=True)
class Method:
    """One command or query of a peer, with what turns it into bytes and its answer back."""

    service: str
    path: str
    request: Codec[Any]
    response: Codec[Any]


class RemoteGateway:
    """Asks the peers that `channels` leads to for what these services offer. Lives on one event loop; the caller
    closes the channels."""

    def __init__(self, services: Sequence[Service], channels: Channels, contracts: Contracts | None = None) -> None:
        there = [service for service in services if service.name in channels.services]
        self._peers = {service.name: Peer(service.title, service.name) for service in there}
        self._channels = channels
        found = contracts or build_contracts(there)
        self._methods = {
            rpc.request: method_of(found, owner, rpc)
            for owner in found.services
            for rpc in owner.rpcs
            if owner.service in self._peers
        }

    def serves(self, kind: type[Command | Query]) -> bool:
        """Whether a peer carries this out."""
        return kind in self._methods

    async def execute(self, command: Command, call: Call) -> Receipt:
        """Under an id in any case, so that it can be sent again. That a repeat of our own found it recorded is not
        told: it is the caller's first answer."""
        given = call.command_id
        if given is None:
            call = msgspec.structs.replace(call, command_id=ordered_uuid())
        receipt: Receipt = await self._ask(command, call, _late_command())
        return msgspec.structs.replace(receipt, repeated=False) if given is None else receipt

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        """One that waits for a position at the peer, which bounds those who wait, holds no place at the door here."""
        with nullcontext() if query.token is None else place_given_back():
            answer: msgspec.Struct = await self._ask(query, call, _late_query(query))
        return answer

    async def _ask(self, request: Command | Query, call: Call, late: DeadlineExceeded) -> Any:
        method = self._methods.get(type(request))
        if method is None:
            raise not_here(type(request).__name__)
        body, metadata = method.request.encode(request), metadata_of(call)
        peer = self._peers[method.service]._replace(commanded=isinstance(request, Command))

        async def send(seconds: float) -> bytes:
            rpc = self._channels.of(method.service).unary_unary(method.path)
            data: bytes = await rpc(body, metadata=metadata, timeout=seconds)
            return data

        data = await answered(send, call.deadline, peer, late)
        try:
            return method.response.decode(data)
        except InvalidRequest as error:
            raise unreadable(peer) from error


def method_of(contracts: Contracts, owner: RpcService, rpc: Rpc) -> Method:
    """How this RPC of the contracts is called."""
    request, response = (contracts.message(f"{owner.package}.{rpc.name}{end}") for end in ("Request", "Response"))
    return Method(
        owner.service, f"/{owner.full_name}/{rpc.name}", Codec(rpc.request, request), Codec(rpc.response, response)
    )


def _late_command() -> DeadlineExceeded:
    return DeadlineExceeded(
        "超过时限;命令可能已经保存,请用同一命令编号重试",
        "the deadline passed; the command may have been recorded: repeat it with the same id",
    )


def _late_query(query: Query) -> DeadlineExceeded:
    if query.token is not None:
        return DeadlineExceeded(
            "视图尚未更新到所要求的位置,请稍后重试", "the views have not reached the position in time; try again"
        )
    return DeadlineExceeded("请求已超过期限", "the request's deadline has passed")
