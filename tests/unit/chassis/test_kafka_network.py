"""The library's network client as we use it: whatever becomes of a connection, its socket is closed with the client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import create_connection
from kafka.net.transport import KafkaTCPTransport

from deploy.processes import free_port
from services.chassis.kafka.network import Client, Network, direct, leave

MORE_THAN_FITS = b"x" * 64 * 1024 * 1024


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """All sockets that were made to be connected."""
    found: list[socket.socket] = []

    class Noted(socket.socket):
        def connect_ex(self, address: Any) -> int:
            found.append(self)
            return super().connect_ex(address)

    monkeypatch.setattr(socket, "socket", Noted)
    return found


@pytest.fixture
def listening() -> Iterator[int]:
    """A port where callers are let in and nobody answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def closed(sockets: list[socket.socket]) -> bool:
    return bool(sockets) and all(each.fileno() == -1 for each in sockets)


def test_a_refused_connection_is_closed_at_once(made: list[socket.socket]) -> None:
    with closing(Network()) as net:
        place = direct({})["proxy_url"]
        with pytest.raises(KafkaConnectionError):
            net.run(create_connection, net, "127.0.0.1", free_port(), (), place)
        assert closed(made[-1:])


@pytest.mark.parametrize("turns", range(4))
def test_a_client_that_is_closed_while_it_connects(made: list[socket.socket], listening: int, turns: int) -> None:
    """After as many turns of its loop: asked to, under way, connected, asking who is there."""
    client = Client(bootstrap_servers=[f"127.0.0.1:{listening}"])
    client.maybe_connect(client.cluster.bootstrap_brokers()[0].node_id)
    for _ in range(turns):
        client.poll(timeout_ms=0)
    client.close()
    assert closed(made)


def test_a_client_that_is_closed_while_it_writes(listening: int) -> None:
    with closing(Network()) as net:
        connection = socket.create_connection(("127.0.0.1", listening))
        connection.setblocking(False)
        transport = KafkaTCPTransport(net, connection)
        transport.write(MORE_THAN_FITS)
        net.poll(timeout_ms=0)
        net.poll(timeout_ms=0)
        transport.close()
        assert connection.fileno() != -1, "the library still has something to write"
    assert connection.fileno() == -1


def test_a_consumer_that_can_not_take_its_leave() -> None:
    client = Client()

    class Consumer:
        _client = client

        def close(self, **_: Any) -> None:
            raise KafkaConnectionError("gone")

    with pytest.raises(KafkaConnectionError):
        leave(Consumer(), 100)
    assert client._net._wakeup_r.fileno() == -1
