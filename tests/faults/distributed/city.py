"""The city that the storm is over: a database on a disk that can be filled, one broker or three, a process for each
service and now and then a second one."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.kafka.server import KafkaServer
from deploy.postgres.server import PostgresServer
from deploy.processes import is_free
from tests.e2e.forms import City, on_servers
from tests.faults.distributed.jumping import jump
from tests.faults.distributed.schedule import REPLICAS, SERVICES
from tests.faults.distributed.worker import Worker
from tests.processes import PROGRAMME, environment
from tests.small_disk import SmallDisk, small_disk
from tests.waiting import eventually

START_SECONDS = 180.0
"""Until all is ready, on a machine that has much else to do."""
PORTS = range(10_000, 15_000)
WAL_MEGABYTES = 96
DISK_MEGABYTES = (512, 64)
"""Of the database's disk: to begin with, and for each minute."""
BROKER_DISK_MEGABYTES = (160, 32)
SETTINGS = {
    "tree_head_seconds": "0.5",
    "consumer_batch": "40",
    "poll_busy_milliseconds": "20",
    "log_level": "info",
}
"""With many small batches, so that faults fall into one."""


class StormCity:
    """Servers and processes in a folder. Nothing runs yet."""

    def __init__(self, folder: Path, brokers: int) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres", settings={"max_wal_size": f"{WAL_MEGABYTES}MB"})
        self.kafka = KafkaServer(folder / "kafka", brokers, quick=True)
        self.disk: SmallDisk | None = None
        """The database's, where we may mount one."""
        self.broker_disks: dict[int, SmallDisk] = {}
        """The brokers', by their nodes."""
        self.clock = folder / "clock"
        self.workers: dict[str, Worker] = {}
        self.city: City
        self._ports: dict[str, dict[str, str]] = {}

    def begin(self) -> None:
        """Make the city and start its processes; returns when all are ready."""
        self.postgres.start()
        self.kafka.start()
        self.city = on_servers(self.folder / "var", self.postgres.url(), self.kafka.servers)
        self.city.settings["kafka_replication"] = str(len(self.kafka.brokers))
        self.city.told("init", "--programme", PROGRAMME)
        jump(self.clock, 0)
        self._plan()
        for name in SERVICES:
            self.workers[name].start()
        self.wait_ready()

    def _plan(self) -> None:
        names = (*SERVICES, *REPLICAS)
        doors = ("http_port", "grpc_port", "metrics_port")
        ports = _ports_of_our_own()
        self._ports = {name: {door: str(next(ports)) for door in doors} for name in names}
        peers = ",".join(f"{name.removesuffix('-2')}={self.grpc(name)}" for name in names)
        for name in names:
            told = {**self.city.settings, **SETTINGS, **self._ports[name], "peers": peers}
            given = environment(self.city.data, told)
            self.workers[name] = Worker(name, given, self.clock, self.folder / f"{name}.log")

    def http(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]['http_port']}"

    def grpc(self, name: str) -> str:
        return f"127.0.0.1:{self._ports[name]['grpc_port']}"

    def recover(self) -> None:
        """Let all run that is wanted. AssertionError when it does not within its time."""
        self.postgres.resume()
        self.postgres.start()
        self.kafka.resume()
        self.kafka.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        for worker in self.workers.values():
            if worker.wanted:
                eventually(lambda one=worker: not one.troubles(), START_SECONDS, f"readiness of {worker.name}")  # type: ignore[misc]

    def stop(self) -> dict[str, int | None]:
        """End all processes in order, those that ask others first; their exit codes."""
        running = [worker for worker in reversed(self.workers.values()) if worker.wanted]
        return {worker.name: worker.stop() for worker in running}

    def end(self) -> None:
        """Be rid of everything that runs."""
        for worker in self.workers.values():
            worker.end()
        self.kafka.kill()
        self.postgres.resume()
        self.postgres.kill()


@contextmanager
def storm_city(folder: Path, brokers: int, minutes: float) -> Iterator[StormCity]:
    """A city that is served; what runs of it is ended afterwards. Its files stay."""
    folder.chmod(0o755)
    city = StormCity(folder, brokers)
    first, further = DISK_MEGABYTES
    with ExitStack() as stack:
        stack.callback(city.end)
        city.disk = stack.enter_context(_on_small_disk(city.postgres, first + round(further * minutes)))
        first, further = BROKER_DISK_MEGABYTES
        city.kafka.start()
        city.kafka.stop()
        for broker in city.kafka.brokers:
            data = broker.folder / "data"
            disk = stack.enter_context(_moved_to_disk(data, first + round(further * minutes), city.kafka.kill))
            city.broker_disks |= {} if disk is None else {broker.node: disk}
        city.begin()
        yield city


@contextmanager
def _on_small_disk(postgres: PostgresServer, megabytes: int) -> Iterator[SmallDisk | None]:
    """The cluster's files on a disk of their own, from which they are copied back at the end; None where we may mount
    nothing. The server stands still meanwhile. Its log stays outside."""
    postgres.start()
    postgres.stop()

    def end() -> None:
        postgres.resume()
        postgres.kill()

    with _moved_to_disk(postgres.folder / "data", megabytes, end) as disk:
        yield disk


@contextmanager
def _moved_to_disk(data: Path, megabytes: int, end: Callable[[], None]) -> Iterator[SmallDisk | None]:
    """This folder of a server that stands still, on a disk of its own, until `end` has ended it."""
    aside = data.with_suffix(".aside")
    data.rename(aside)
    with small_disk(data, megabytes) as disk:
        _copy(aside, data)
        shutil.rmtree(aside)
        try:
            yield disk if isinstance(disk, SmallDisk) else None
        finally:
            end()
            _copy(data, aside)


def _ports_of_our_own() -> Iterator[int]:
    """Free ones that `free_port` gives nobody: they must stay free while a process is away."""
    return (port for port in random.sample(PORTS, len(PORTS)) if is_free(port))


def _copy(one: Path, other: Path) -> None:
    """With owners and modes, the folder's own as well."""
    other.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", f"{one}/.", str(other)], check=True)
