"""A city served from this process: the doors over the hosts, readiness, the way up and the way down."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.routing import BaseRoute

from services.chassis.auth import EndedTokens, LoginCodes, Principal, TokenIssuer, TokenVerifier, signing_key
from services.chassis.auth.access_place import AccessPlace
from services.chassis.auth.keys import TOKEN_KEY, TRUTH_KEY
from services.chassis.contracts.about import VERSION
from services.chassis.event_store import StoreKind
from services.chassis.forms.embedded import LOGINS_FILE
from services.chassis.grpc_server import GrpcDoor
from services.chassis.hosting.city import City
from services.chassis.hosting.ending import heed_signals
from services.chassis.hosting.http_server import HttpDoor, health_routes
from services.chassis.http_api import api_routes
from services.chassis.settings import Settings
from services.chassis.sqlite.file_lock import lock_now
from services.chassis.telemetry import metrics
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.truth import MerkleLog

log = logger(__name__)


LEAST_FREE_BYTES = 50 * 1024 * 1024
"""With less room than this a start is refused: the first commits would fail."""

READY_CHECK_SECONDS = 0.2

REST_SECONDS = 15.0
"""So long after the grace period a process has ended that was told to: within it consumers and relay leave in order."""


class CannotStart(Exception):
    """One sentence that says why the process does not start."""


@dataclass(frozen=True)
class Access:
    """How this store's tokens and login codes are made and checked."""

    issuer: TokenIssuer
    verifier: TokenVerifier
    logins: LoginCodes
    ended: EndedTokens

    @classmethod
    def of(cls, data: Path, store_id: str) -> Access:
        """Of a city in this folder, from its own keys, which are made at first use."""
        return cls.at(data / LOGINS_FILE, data / "keys", store_id)

    @classmethod
    def at(cls, place: Path | AccessPlace, keys: Path, store_id: str) -> Access:
        """Of a city whose codes and ended sessions are at this place, from the keys in a folder."""
        key, ended = signing_key(keys, TOKEN_KEY), EndedTokens(place)
        return cls(
            TokenIssuer(key, store_id), TokenVerifier(key.public_key(), store_id, ended), LoginCodes(place), ended
        )

    def token(self, principal: Principal, days: float) -> str:
        return self.issuer.issue(principal, timedelta(days=days), datetime.now(UTC))


def check_folder(data: Path) -> None:
    """Refuse a data folder that can't be written or has no room."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / f".probe.{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise _unwritable(data, error) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"数据文件夹 {data} 所在磁盘只剩 {free // 2**20} MB,至少需要 {LEAST_FREE_BYTES // 2**20} MB · "
            f"only {free // 2**20} MB are free on the disk of the data folder"
        )


def _unwritable(data: Path, error: OSError) -> CannotStart:
    if error.errno == errno.ENOSPC:
        return CannotStart(f"数据文件夹 {data} 所在磁盘已满 · the disk of the data folder is full")
    return CannotStart(f"数据文件夹 {data} 不可写:{error.strerror} · the data folder can't be written")


@contextlib.contextmanager
def only_server(data: Path) -> Iterator[None]:
    """Hold the folder for one serving process: two consumers on the same views would undo each other."""
    with alone(data) as held:
        if not held:
            raise CannotStart(f"另一个 bizenv 进程正在使用 {data} · another bizenv process serves this folder")
        yield


@contextlib.contextmanager
def alone(data: Path) -> Iterator[bool]:
    """Keep servers out for a while; False: one is at work in the folder. Raises CannotStart."""
    try:
        opened = (data / "serve.lock").open("w")
    except OSError as error:
        raise _unwritable(data, error) from error
    with opened as lock:
        yield lock_now(lock)


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
            *health_routes(troubles, lambda: [each for host in city.hosts.values() for each in host.notices]),
            *api_routes(city.services, city.gateway, access.verifier, city.feed, settings),
            *pages,
        ]
        with _taken("HTTP", settings.http_host, settings.http_port):
            self.http = HttpDoor(routes, settings)
        self.grpc = GrpcDoor(city.services, city.gateway, access.verifier, city.feed, settings)
        with _taken("metrics", settings.metrics_host, settings.metrics_port):
            self.metrics = metrics.serve(settings.metrics_host, settings.metrics_port)
        with _taken("gRPC", settings.grpc_host, settings.grpc_port):
            self._loop.run(self.grpc.listen())
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the doors."""
        self._loop.run(self._start())

    async def _start(self) -> None:
        await self.grpc.start()
        await self.http.start()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Keep gRPC health what readiness says."""
        serving = False
        while True:
            ready = not self._troubles()
            if ready != serving:
                serving = ready
                await self.grpc.set_serving(serving)
            await asyncio.sleep(READY_CHECK_SECONDS)

    def stop(self) -> None:
        """Take no new work and finish what is in hand, within the grace period."""
        self._loop.run(self._stop(self._settings.shutdown_grace_seconds))
        self.metrics.close()

    async def _stop(self, grace: float) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(self.grpc.stop(grace), self.http.stop(grace))


@contextlib.contextmanager
def _taken(what: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        setting = f"BIZENV_{what.upper()}_PORT"
        taken = f"端口已被占用,可用 {setting} 另设 · the port is taken, {setting} sets another"
        reason = taken if error.errno == errno.EADDRINUSE else str(error)
        raise CannotStart(f"无法在 {host}:{port} 提供 {what}:{reason}") from error


def keep_logs(city: City, settings: Settings) -> None:
    """Let each host keep its store's tamper-evident log; closing the city signs what it holds then."""
    key = signing_key(settings.keys_folder, TRUTH_KEY)
    every = settings.tree_head_seconds
    for host in city.hosts.values():
        host.outflow.follow_with(MerkleLog(host.store, key, city.form.published, interval_seconds=every))


def relay_events(city: City, settings: Settings) -> None:
    """Let each host that records anything bring it to the bus, where the bus does not read it at its store."""
    for host in city.hosts.values():
        host.outflow.on_servers = settings.distributed
        if not host.service.aggregates:
            continue
        host.outflow.relay_with(city.form.relay(host.store), city.form.head_publisher(host.store))


def serve(
    city: City, access: Access, settings: Settings, pages: Sequence[BaseRoute], announce: Callable[[Doors], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is called once every door is open. The caller closes the city."""
    from services.chassis.hosting.runtime import Runtime  # noqa: PLC0415 - slow to load, and only a server needs it

    ending = heed_signals()
    hosts = list(city.hosts.values())
    keep_logs(city, settings)
    relay_events(city, settings)
    if settings.distributed:
        access.ended.follow()
    started = False

    def troubles() -> list[str]:
        found = [trouble for host in hosts if (trouble := host.trouble)]
        return found if started else ["正在启动 · starting", *found]

    doors = Doors(city, access, settings, pages, troubles)
    METRICS.rehearsal.set(city.info.kind is StoreKind.REHEARSAL)
    METRICS.build.labels(VERSION, platform.python_version()).set(1)

    def on_started() -> None:
        nonlocal started
        doors.start()
        started = True
        try:
            announce(doors)
        except BaseException:
            doors.stop()  # else callers would come upon services that are gone
            raise

    def on_stopping() -> None:
        ending.begin()
        doors.stop()

    runtime = Runtime(hosts, settings.poll_idle_milliseconds / 1000)
    ending.serving(runtime.stop, settings.shutdown_grace_seconds + REST_SECONDS)
    try:
        runtime.run(on_started, on_stopping)
    finally:
        access.ended.close()
