"""The one question of Kafka's protocol that the launcher asks: which brokers are at work (Metadata, version 0)."""

from __future__ import annotations

import socket
import struct

from deploy.processes import LOOPBACK

METADATA = 3
TIMEOUT_SECONDS = 3.0


def brokers_at_work(port: int) -> set[int]:
    """The node ids of the brokers that are registered and not fenced, as the broker at the port sees it.

    Empty when it doesn't answer (yet). For a listener without encryption or login.
    """
    try:
        with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(_request())
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            return _node_ids(_exactly(connection, size))
    except OSError:
        return set()


def _request() -> bytes:
    """Header version 1 (api, version, correlation, client) and the topics asked for: the name of none that exists."""
    client, topic = b"bizenv", b"-"
    header = struct.pack(">hhih", METADATA, 0, 1, len(client)) + client
    body = struct.pack(">ih", 1, len(topic)) + topic
    return struct.pack(">i", len(header) + len(body)) + header + body


def _node_ids(answer: bytes) -> set[int]:
    """After the correlation: an array of brokers, each with node id, host and port."""
    (count,) = struct.unpack_from(">i", answer, 4)
    at, found = 8, set()
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, at)
        found.add(node)
        at += 6 + host_length + 4
    return found


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        more = connection.recv(size - len(received))
        if not more:
            raise ConnectionError("the broker hung up")
        received += more
    return received
