"""nameko hosts the services: lifecycle, dependency injection, entrypoints. Nothing is monkey-patched.

The only module that imports nameko or eventlet, so that the host can be changed here. Each service becomes a
nameko service class with one entrypoint per kind of work; an entrypoint owns a native thread and the container
runs its worker on that thread, never on the hub, so that blocking libraries block nobody else.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated.*")  # decided with open eyes: ADR 0001
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")  # its resolver takes 0.2 s to load, for patched sockets only

import eventlet  # noqa: E402
import eventlet.hubs  # noqa: E402
import eventlet.tpool  # noqa: E402
from nameko.containers import ServiceContainer, WorkerContext  # noqa: E402
from nameko.extensions import DependencyProvider, Entrypoint  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from services.chassis.hosting.host import ServiceHost  # noqa: E402
from services.chassis.hosting.job import Turns  # noqa: E402
from services.chassis.telemetry.logs import logger  # noqa: E402

log = logger(__name__)

ON_DEATH = "on_death"
"""Under this name the containers' config holds what an entrypoint's dying thread calls."""


class ThreadContainer(ServiceContainer):  # type: ignore[misc]
    """A container that can run a worker on the thread it is asked on."""

    def run_worker(self, entrypoint: Entrypoint) -> None:
        """The worker's whole life (inject, set up, call, tear down) here and now; its errors are logged."""
        context = WorkerContext(self, self.service_cls(), entrypoint)
        self._run_worker(context, None)


class Repeating(Entrypoint):  # type: ignore[misc]
    """Calls the method again and again on a thread of its own, with a job's pauses, until stopped."""

    def __init__(self, turns: Turns, **kwargs: Any) -> None:
        self._turns = turns
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        super().__init__(**kwargs)

    def start(self) -> None:
        name = f"{self.container.service_name}.{self.method_name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the call in hand finish; waits for it without blocking the hub."""
        self._stopping.set()
        if self._thread is not None:
            eventlet.tpool.execute(self._thread.join)

    kill = stop

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.container.run_worker(self)
                self._stopping.wait(self._turns.pause)
        except BaseException as error:
            self.container.config[ON_DEATH](error)
            raise


repeat = Repeating.decorator


class Host(DependencyProvider):  # type: ignore[misc]
    """Gives the worker its service's host."""

    def __init__(self, host: ServiceHost) -> None:
        self._host = host

    def get_dependency(self, _context: WorkerContext) -> ServiceHost:
        return self._host


def hosted(host: ServiceHost, idle_seconds: float) -> type:
    """The nameko service class of one service, with an entrypoint for each kind of work that it has."""
    body: dict[str, Any] = {"name": host.service.name, "host": Host(host)}
    body |= {name: repeat(turns)(_method(turns)) for name, turns in host.jobs(idle_seconds).items()}
    return type(host.service.name, (), body)


def _method(turns: Turns) -> Callable[[Any], object]:
    return lambda _service: turns.step()


class Runtime:
    """Runs hosts in this process until it is stopped."""

    def __init__(self, hosts: Sequence[ServiceHost], idle_seconds: float) -> None:
        self._runner = ServiceRunner({ON_DEATH: self._die})
        self._runner.container_cls = ThreadContainer
        for host in hosts:
            self._runner.add_service(hosted(host, idle_seconds))
        self._hosts = hosts
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._failure: BaseException | None = None

    def run(self, started: Callable[[], None], stopping: Callable[[], None]) -> None:
        """Start the services, then call `started`; after `stop` or a container's death call `stopping`, then stop the
        services. Raises what a container died of."""
        self._runner.start()
        try:
            started()
            eventlet.spawn(self._watch)
            eventlet.hubs.trampoline(self._read_end, read=True)
            log.info("stopping")
            eventlet.tpool.execute(stopping)
        finally:
            self._stop_services()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Let `run` come to its end (from any thread): by a pipe that the hub waits on, for nothing else wakes it."""
        with contextlib.suppress(BlockingIOError):  # it is full: the hub will wake
            os.write(self._write_end, b"x")

    def _stop_services(self) -> None:
        for host in self._hosts:
            for consumer in host.followers:
                consumer.stop()
        self._runner.stop()
        eventlet.tpool.killall()

    def _watch(self) -> None:
        try:
            self._runner.wait()
        except BaseException as error:  # noqa: BLE001 - raised again by `run`, on the main greenlet
            self._die(error)

    def _die(self, error: BaseException) -> None:
        """End the process with this error (from any thread)."""
        self._failure = error
        self.stop()
