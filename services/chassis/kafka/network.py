"""The library's network client, which leaves no socket open behind it.

The library forgets a socket whose connection fails or is given up before it stands, and one that still has something
to write when its client is closed. Such a socket stays open until Python happens to collect it.
"""

from __future__ import annotations

import socket
from typing import Any
from weakref import WeakSet

from kafka import KafkaConsumer
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector

_SCHEME = "direct"


class _DirectSocket(KafkaNetSocket):  # type: ignore[misc]
    """No proxy, as by default. The library finds it by the scheme."""

    SCHEMES = (_SCHEME,)

    async def sock_connect(self, net: Any, sock: socket.socket, sockaddr: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:  # also when its task is given up
            sock.close()
            raise


class Network(NetworkSelector):  # type: ignore[misc]
    """The library's event loop, which closes the sockets that it waited for."""

    def __init__(self, **settings: Any) -> None:
        self._waited_for: WeakSet[socket.socket] = WeakSet()
        super().__init__(**settings)

    def register_event(self, fileobj: Any, event: int, task: Any) -> None:
        self._waited_for.add(fileobj)
        super().register_event(fileobj, event, task)

    def close(self) -> None:
        super().close()
        for each in list(self._waited_for):
            each.close()


class Client(KafkaNetClient):  # type: ignore[misc]
    """For the `kafka_client` of a consumer, a producer or an admin client."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(net=Network(**settings), **direct(settings))


def direct(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with which connections are made by our own kind of socket."""
    return {**settings, "proxy_url": f"{_SCHEME}://"}


def leave(consumer: KafkaConsumer, milliseconds: int) -> None:
    """Close a consumer that commits nothing. What it raises (KafkaError, RuntimeError) leaves no connection open."""
    try:
        consumer.close(autocommit=False, timeout_ms=milliseconds)
    finally:
        consumer._client.close()
