"""The HTTP door: the JSON API, the cockpit and the health pages on one uvicorn server in the doors' loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.chassis.hosting.http_connections import bounded
from services.chassis.settings import Settings

Sentences = Callable[[], Sequence[str]]

CITY_HEADER = "Bizenv-City"
"""Of a health page's answer: the id of the city that the process serves."""


def health_routes(troubles: Sentences, notices: Sentences, store_id: str | None = None) -> list[BaseRoute]:
    """`/livez`: the process answers. `/readyz`: its databases, bus and consumers are ready, or 503 with the troubles
    that keep it from being so; notices want somebody's eye and keep nobody waiting. `store_id`: of the city that is
    served; None: none is yet."""
    headers = {} if store_id is None else {CITY_HEADER: store_id}

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=headers)

    async def readyz(_request: Request) -> Response:
        found = list(troubles())
        answer = {"status": "unavailable" if found else "ok", "troubles": found, "notices": list(notices())}
        return JSONResponse(answer, status_code=503 if found else 200, headers=headers)

    return [Route("/livez", livez), Route("/readyz", readyz)]


class HttpDoor:
    """One listening socket and its server. `start` and `stop` run on the loop that serves."""

    def __init__(self, routes: Sequence[BaseRoute], settings: Settings) -> None:
        """Take the port; raises OSError when it is not free."""
        self._socket = bind(settings.http_host, settings.http_port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            Starlette(routes=list(routes)),
            http=bounded(settings),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=settings.http_idle_seconds,
            h11_max_incomplete_event_size=64 * 1024,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)

    async def stop(self, grace_seconds: float) -> None:
        """Take no new connection, finish the requests in hand for at most `grace_seconds`."""
        if self._serving is None:
            self._socket.close()
            return
        self._server.config.timeout_graceful_shutdown = max(int(grace_seconds), 1)
        self._server.should_exit = True
        await self._serving


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the runtime has the signals."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError when the port is taken. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(1024)
    listening.setblocking(False)
    return listening
