"""One call to a peer: what goes beside it, and when it is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import grpc

from services.chassis.commanding.gateway import Call
from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded
from services.chassis.grpc_server.problems import FROM_PEER, PEER_KEY
from services.chassis.peers.refusals import Peer, elsewhere, lost, refusal

T = TypeVar("T")
Metadata = tuple[tuple[str, str], ...]

PAUSES = (0.05, 0.2, 0.5)
"""Seconds before each further attempt where a peer gave no answer. A query changes nothing and a command bears its id,
so neither can be carried out twice; more of them would only let callers queue behind a peer that is away."""

_NO_UUID = "none"


def metadata_of(call: Call) -> Metadata:
    """What the peer's door reads: who asks, under which id, version and trace."""
    found = {
        "idempotency-key": None if call.command_id is None else _sendable(call.command_id),
        "expected-version": None if call.expected_version is None else str(call.expected_version),
        "traceparent": call.traceparent,
    }
    given = tuple((name, value) for name, value in found.items() if value is not None)
    return (*bearer_of(call.bearer), *given)


def bearer_of(token: str | None) -> Metadata:
    """The caller's own token, and that a peer asks."""
    ours = ((PEER_KEY, "1"),)
    return ours if token is None else (*ours, ("authorization", f"Bearer {token}"))


def _sendable(command_id: str) -> str:
    """An id as metadata can carry it. What is no UUID stays none: the peer refuses it as our own bus would."""
    try:
        return str(UUID(command_id))
    except ValueError:
        return _NO_UUID


async def answered(send: Callable[[float], Awaitable[T]], deadline: Deadline, peer: Peer, late: DeadlineExceeded) -> T:
    """The answer to what `send` asks within so many seconds; raises as the peer did, Unavailable where none came or
    where a peer asks us for what we would have to ask another, or `late`."""
    if FROM_PEER.get():
        raise elsewhere(peer)
    for pause in (*PAUSES, None):
        if deadline.expired:
            raise late
        try:
            return await send(deadline.remaining())
        except grpc.aio.AioRpcError as error:
            if pause is None or not lost(error) or deadline.remaining() <= pause:
                raise refusal(error, peer, late) from error
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")
