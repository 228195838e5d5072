"""HTTP connections that keep no client for ever.

uvicorn times only the pause after an answer (`timeout_keep_alive`), drops even that with the next byte, and counts
connections (`limit_concurrency`) only once a request is whole. What it offers for the rest is the class that it speaks
by: ours also times the way of each header and body, and takes no more connections than there may be.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.chassis.settings import Settings

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\n\r\ntoo many connections"
)


def bounded(settings: Settings) -> type[H11Protocol]:
    """The class that uvicorn is to make for each connection."""
    return type("BoundedConnection", (_Connection,), {"settings": settings})


class _Connection(H11Protocol):
    settings: Settings
    _awaited: type[h11.IDLE | h11.SEND_BODY] | None = None
    """What is on its way from the client, as h11 calls it: a header (IDLE), a body (SEND_BODY) or nothing."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.settings.http_connections:
            transport.write(FULL)
            transport.close()
            return
        self._await(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await(self.conn.their_state)

    def on_response_complete(self) -> None:
        """From here uvicorn's own keep-alive time runs, until the next byte."""
        super().on_response_complete()
        state = self.conn.their_state
        self._await(None if state is h11.IDLE else state)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        super().connection_lost(exc)

    def _await(self, state: Any) -> None:
        """The client's next part is one that we wait for, in its time from when that began; any other state: it is we
        who work."""
        awaited = state if state is h11.IDLE or state is h11.SEND_BODY else None
        if awaited is self._awaited or (awaited and self.transport.is_closing()):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._awaited = awaited
        if awaited is not None:
            given = self.settings
            seconds = given.http_header_seconds if awaited is h11.IDLE else given.http_body_seconds
            self._timer = self.loop.call_later(seconds, self.transport.close)
