"""A name server of a test's own, on a free port of the loopback: all names have the same addresses; they may change."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Any

HEADER_BYTES = 12
TYPE_A, CLASS_IN = 1, 1
ANSWERED = 0x8180
"""The flags of an answer without error, from a server that asks others where it must."""

SAME_NAME = 0xC000 | HEADER_BYTES
"""Points to the name in the question."""


class NameServer(asyncio.DatagramProtocol):
    """Answers every question for IPv4 addresses with all it has; there are no other records."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._transport.sendto(answer(data, self.addresses), address)


def answer(query: bytes, addresses: Sequence[str]) -> bytes:
    """To a query with one question (RFC 1035, 4.1)."""
    end = query.index(0, HEADER_BYTES) + 5
    (kind,) = struct.unpack_from(">H", query, end - 4)
    found = addresses if kind == TYPE_A else ()
    header = query[:2] + struct.pack(">5H", ANSWERED, 1, len(found), 0, 0)
    records = (struct.pack(">3HIH", SAME_NAME, TYPE_A, CLASS_IN, 0, 4) + IPv4Address(each).packed for each in found)
    return header + query[HEADER_BYTES:end] + b"".join(records)


@asynccontextmanager
async def names(*addresses: str) -> AsyncIterator[NameServer]:
    """A name server that knows these, on the running event loop."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: NameServer(addresses), ("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
