"""A start before the servers that a city stands on, or one that loses them: the process waits and says so, in its log
and by its health, and begins again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreUnusable
from services.chassis.hosting.doors import port_taken
from services.chassis.hosting.http_server import HttpDoor, health_routes
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.http_api.answers import error_response
from services.chassis.http_api.routes import METHODS
from services.chassis.settings import Settings
from services.chassis.telemetry.logs import logger

log = logger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 0.5
TELL_SECONDS = 5.0
"""Between two lines in the log while nothing changes."""


class _NotYet(Exception):
    """The servers are not there, or went away again in the middle of the start."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(getattr(reason, "orig", None) or reason).strip())
        self.reason = reason


def start_with_servers(look: Callable[[], None], start: Callable[[], T], settings: Settings) -> T:
    """What `start` returns, called once `look` raises neither StoreUnusable nor Unavailable, and called again where the
    servers go away in its middle: it must let go of all that it has when it raises. Raises what was raised last when
    that takes longer than the settings allow, and at once what no waiting mends. Meanwhile `/livez` is well, `/readyz`
    tells what is waited for and all else over HTTP is UNAVAILABLE (503), to be tried again; a signal ends the
    process at once (`ending`). Raises CannotStart where the HTTP port is taken."""
    try:
        return _attempt(look, start)
    except _NotYet as first:
        missing = first
    deadline = time.monotonic() + settings.wait_for_servers_seconds
    troubles: list[str] = []
    with _health(settings, troubles):
        tell_at = 0.0
        while time.monotonic() < deadline:
            if [str(missing)] != troubles or time.monotonic() >= tell_at:
                troubles[:] = [str(missing)]
                tell_at = time.monotonic() + TELL_SECONDS
                log.warning("waiting for servers", reason=str(missing))
            time.sleep(LOOK_SECONDS)
            try:
                started = _attempt(look, start)
            except _NotYet as again:
                missing = again
            else:
                log.info("servers are there")
                return started
    raise missing.reason


def _attempt(look: Callable[[], None], start: Callable[[], T]) -> T:
    try:
        look()
    except (StoreUnusable, Unavailable) as reason:
        raise _NotYet(reason) from reason
    try:
        return start()
    except (StoreUnusable, Unavailable, SQLAlchemyError) as error:
        if not _is_passing(error):
            raise
        log.warning("start begins again", reason=str(error))
        raise _NotYet(error) from error


def _is_passing(error: BaseException | None) -> bool:
    """Whether it stems from a server that went away: it was there just before."""
    from services.chassis.postgres.trouble import is_passing  # noqa: PLC0415 - slow to load, and seldom needed

    while error is not None:
        if is_passing(error) or is_passing(getattr(error, "orig", None)):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def _health(settings: Settings, troubles: list[str]) -> Iterator[None]:
    health = health_routes(lambda: troubles or ["正在启动 · starting"], list)
    with port_taken("HTTP", settings.http_host, settings.http_port):
        door = HttpDoor([*health, Route("/{rest:path}", _not_yet, methods=METHODS)], settings)
    loop = LoopThread("waiting")
    loop.run(door.start())
    try:
        yield
    finally:
        loop.run(door.stop(0))
        loop.close()


async def _not_yet(_request: Request) -> Response:
    return error_response(Unavailable("服务正在启动,请稍后重试", "the service is starting; try again later"))
