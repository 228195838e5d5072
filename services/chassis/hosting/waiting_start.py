"""A start before the servers that a city stands on: the process waits and says so, in its log and by its health."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreUnusable
from services.chassis.hosting.http_server import HttpDoor, health_routes
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.http_api.answers import error_response
from services.chassis.http_api.routes import METHODS
from services.chassis.settings import Settings
from services.chassis.telemetry.logs import logger

log = logger(__name__)

LOOK_SECONDS = 0.5
TELL_SECONDS = 5.0
"""Between two lines in the log while nothing changes."""


def wait_for_servers(look: Callable[[], None], settings: Settings) -> None:
    """Return once `look` raises neither StoreUnusable nor Unavailable; raises what it raised last when that takes
    longer than the settings allow. Meanwhile `/livez` is well, `/readyz` tells what is waited for and all else over
    HTTP is UNAVAILABLE (503), to be tried again; SIGTERM and SIGINT end the process with exit code 0."""
    reason = _missing(look)
    if reason is None:
        return
    deadline = time.monotonic() + settings.wait_for_servers_seconds
    troubles: list[str] = []
    with _leaving_at_once(), _health(settings, troubles):
        tell_at = 0.0
        while reason is not None:
            if time.monotonic() >= deadline:
                raise reason
            if [str(reason)] != troubles or time.monotonic() >= tell_at:
                troubles[:] = [str(reason)]
                tell_at = time.monotonic() + TELL_SECONDS
                log.warning("waiting for servers", reason=str(reason))
            time.sleep(LOOK_SECONDS)
            reason = _missing(look)
    log.info("servers are there")


def _missing(look: Callable[[], None]) -> Exception | None:
    try:
        look()
    except (StoreUnusable, Unavailable) as reason:
        return reason
    return None


@contextmanager
def _health(settings: Settings, troubles: list[str]) -> Iterator[None]:
    loop = LoopThread("waiting")
    health = health_routes(lambda: troubles or ["正在启动 · starting"], list)
    door = HttpDoor([*health, Route("/{rest:path}", _not_yet, methods=METHODS)], settings)
    loop.run(door.start())
    try:
        yield
    finally:
        loop.run(door.stop(0))
        loop.close()


async def _not_yet(_request: Request) -> Response:
    return error_response(Unavailable("服务正在启动,请稍后重试", "the service is starting; try again later"))


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    def leave(*_: object) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
