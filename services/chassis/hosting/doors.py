"""The doors of a process: HTTP, gRPC and metrics, open together and closed together."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence

from starlette.routing import BaseRoute

from services.chassis.grpc_server import GrpcDoor
from services.chassis.hosting.access import Access
from services.chassis.hosting.city import City
from services.chassis.hosting.data_folder import CannotStart
from services.chassis.hosting.garbage import give_back, settle
from services.chassis.hosting.http_server import HttpDoor, health_routes
from services.chassis.http_api import api_routes
from services.chassis.settings import Settings
from services.chassis.telemetry import metrics

READY_CHECK_SECONDS = 0.2

GIVE_BACK_SECONDS = 10.0
"""How often what long answers and batches have left free goes back to the system."""


class Doors:
    """HTTP, gRPC and metrics of one process. All ports are taken before anything starts."""

    def __init__(
        self,
        city: City,
        access: Access,
        settings: Settings,
        pages: Sequence[BaseRoute],
        troubles: Callable[[], list[str]],
    ) -> None:
        self._loop = city.loop
        self._settings = settings
        self._troubles = troubles
        routes = [
            *health_routes(troubles, lambda: _notices(city), city.info.store_id),
            *api_routes(city.services, city.gateway, access.verifier, city.feed, settings),
            *pages,
        ]
        with port_taken("HTTP", settings.http_host, settings.http_port):
            self.http = HttpDoor(routes, settings)
        self.grpc = GrpcDoor(city.services, city.gateway, access.verifier, city.feed, settings)
        with port_taken("metrics", settings.metrics_host, settings.metrics_port):
            self.metrics = metrics.serve(settings.metrics_host, settings.metrics_port)
        with port_taken("gRPC", settings.grpc_host, settings.grpc_port):
            self._loop.run(self.grpc.listen())
        self._watching: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Open the doors."""
        self._loop.run(self._start())

    async def _start(self) -> None:
        await self.grpc.start()
        await self.http.start()
        self._watching = [asyncio.create_task(self._watch()), asyncio.create_task(_keep_giving_back())]

    async def _watch(self) -> None:
        """Keep gRPC health what readiness says; let go of what only the first catching-up needed."""
        serving = settled = False
        while True:
            ready = not self._troubles()
            if ready and not settled:
                settle()
                settled = True
            if ready != serving:
                serving = ready
                await self.grpc.set_serving(serving)
            await asyncio.sleep(READY_CHECK_SECONDS)

    def stop(self) -> None:
        """Take no new work and finish what is in hand, within the grace period."""
        self._loop.run(self._stop(self._settings.shutdown_grace_seconds))
        self.metrics.close()

    async def _stop(self, grace: float) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(self.grpc.stop(grace), self.http.stop(grace))


async def _keep_giving_back() -> None:
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        await asyncio.to_thread(give_back)


def _notices(city: City) -> list[str]:
    return [each for host in city.hosts.values() for each in host.notices]


@contextlib.contextmanager
def port_taken(what: str, host: str, port: int) -> Iterator[None]:
    """Around the taking of a port: raises CannotStart, naming its setting, where it can't be had."""
    try:
        yield
    except OSError as error:
        setting = f"BIZENV_{what.upper()}_PORT"
        taken = f"端口已被占用,可用 {setting} 另设 · the port is taken, {setting} sets another"
        reason = taken if error.errno == errno.EADDRINUSE else str(error)
        raise CannotStart(f"无法在 {host}:{port} 提供 {what}:{reason}") from error
