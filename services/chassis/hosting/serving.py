"""A city served from this process: what its hosts keep and give away, the way up and the way down."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.contracts.about import VERSION
from services.chassis.event_store import StoreKind
from services.chassis.hosting.access import Access
from services.chassis.hosting.city import City
from services.chassis.hosting.doors import Doors
from services.chassis.hosting.ending import heed_signals
from services.chassis.settings import Settings
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.truth import MerkleLog

log = logger(__name__)


REST_SECONDS = 15.0
"""So long after the grace period a process has ended that was told to: within it consumers and relay leave in order."""


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
