"""Orders and questions as the bytes of their RPCs, by the platform's own contracts."""

from __future__ import annotations

from typing import Any

import msgspec

from services.chassis.contracts.convert import Codec
from services.chassis.contracts.descriptors import Contracts
from services.chassis.contracts.model import Rpc, RpcService


class Message(msgspec.Struct, frozen=True):
    """An RPC's full method name and the bytes of its request."""

    method: str
    data: bytes


class Messages:
    """Both ways between Structs and bytes, for every command and query."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        rpcs = [(service, rpc) for service in contracts.services for rpc in service.rpcs]
        self._methods = {rpc.request: f"/{service.full_name}/{rpc.name}" for service, rpc in rpcs}
        self._requests = {rpc.request: self._codec(service, rpc, "Request") for service, rpc in rpcs}
        self._answers = {rpc.request: self._codec(service, rpc, "Response") for service, rpc in rpcs}

    def of(self, request: msgspec.Struct) -> Message:
        return Message(self._methods[type(request)], self._requests[type(request)].encode(request))

    def answer_to(self, request: msgspec.Struct, data: bytes) -> Any:
        """The Struct in the bytes of the answer to this request."""
        return self._answers[type(request)].decode(data)

    def _codec(self, service: RpcService, rpc: Rpc, part: str) -> Codec[Any]:
        struct = rpc.request if part == "Request" else rpc.response
        return Codec(struct, self._contracts.message(f"{service.package}.{rpc.name}{part}"))
