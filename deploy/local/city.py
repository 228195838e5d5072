"""A whole city on this machine: PostgreSQL, Kafka and a process for each service, started and ended together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.cluster import KafkaServer
from deploy.local import environment, layout
from deploy.local.layout import Part
from deploy.local.running import BIZENV, DRAIN_SECONDS, ROOT, Running, taken_ports, troubles_at
from deploy.local.telling import Teller
from deploy.postgres.server import PostgresServer
from deploy.processes import PAUSE_SECONDS, Process, ServerError, alone

READY_SECONDS = 180.0
"""On a machine that has much else to do, views built from their beginning included."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of `up`. None: as it was, at first one process of each service, at the known ports."""

    replicas: Mapping[str, int] | None = None
    free_ports: bool = False
    rehearsal: Sequence[str] = ()
    """The options of `bizenv rehearse` for a city that is missing."""


class LocalCity:
    """What there is in a folder. `services` are named in the order in which they get their ports."""

    def __init__(self, folder: Path, services: Sequence[str], teller: Teller) -> None:
        self.folder = folder.resolve()
        self.postgres = PostgresServer(self.folder / "postgres")
        self.kafka = KafkaServer(self.folder / "kafka")
        self.settings_file = self.folder / "bizenv.env"
        self._services = services
        self._teller = teller
        self._layout = self.folder / "layout.json"

    @property
    def parts(self) -> list[Part]:
        """As they were settled."""
        return layout.load(self._layout)

    def up(self, wanted: Wanted) -> list[str]:
        """Start what does not run, and return once all is ready: the names of what was started; none: all ran already.

        ServerError when something is missing or does not come up: then what this call started is ended again.
        """
        with alone(self.folder), ExitStack() as undo:
            parts = self._settle(wanted)
            self._require_ports(parts)
            servers = self._start_servers(undo)
            shared = self._shared(parts)
            told = {part.name: environment.part_settings(shared, part, parts) for part in parts}
            self._stop([one for one in self.running() if not one.runs_with(told.get(one.name, {}))])
            environment.write_file(shared, self.settings_file)
            if not self._alive():
                self._make_city(shared, wanted)
            layout.save(parts, self._layout)
            started = self._start(parts, told, undo)
            self._wait_ready(parts)
            undo.pop_all()
        return [*servers, *started]

    def down(self) -> list[str]:
        """End everything that was started in the folder: who asks others first, then what they stand on. The names of
        what ran; data stay."""
        if not self.folder.exists():
            return []
        with alone(self.folder):
            ended = [one.name for one in self._alive()]
            self._stop(self.running())
            for name, server in (("Kafka", self.kafka), ("PostgreSQL", self.postgres)):
                if self._of_server(server):
                    ended.append(name)
                    self._teller.say(f"停止 · stopping {name}")
                    server.stop()
        return ended

    def down_services(self, services: Sequence[str]) -> list[str]:
        """End the processes of these services; PostgreSQL, Kafka and the others run on. The names of what ran."""
        if not self.folder.exists():
            return []
        with alone(self.folder):
            theirs = [one for one in self.running() if _service_of(one) in services]
            ended = [one.name for one in theirs if one.process]
            self._stop(theirs)
        return ended

    def running(self) -> list[Running]:
        """Every process of a service that was ever started here."""
        folders = (self.folder / "services").glob("*/process.json")
        return [Running(file.parent) for file in sorted(folders)]

    def login(self) -> str:
        """A one-time link for a browser."""
        told = ("token", "--role", "city_group", "--account", "first-login", "--login")
        return self._bizenv(self._shared(self.parts), *told, quiet=True).strip()

    def _shared(self, parts: Sequence[Part]) -> dict[str, str]:
        """What the command line is told; its links lead to the first process, which has the cockpit."""
        settings = environment.city_settings(self.folder / "city", self.postgres, self.kafka)
        return environment.part_settings(settings, parts[0], parts)

    def _settle(self, wanted: Wanted) -> list[Part]:
        kept = self.parts
        if kept and wanted.replicas is None and not wanted.free_ports:
            return kept
        if wanted.replicas is None and kept:
            names = [(part.name, part.service) for part in kept]
        else:
            names = layout.names_of(self._services, wanted.replicas or {})
        return layout.lay_out(names, kept, free=wanted.free_ports, usable=lambda part: not self._obstacles(part))

    def _obstacles(self, part: Part) -> dict[str, int]:
        """The ports of a part that does not run at which somebody else is."""
        return {} if self._of(part).process else taken_ports(vars(part.ports))

    def _require_ports(self, parts: Sequence[Part]) -> None:
        for part in parts:
            for what, port in self._obstacles(part).items():
                raise ServerError(
                    f"端口 {port} 已被占用({part.name} 的 {what}),请停用占用者或加 PORTS=free · the port {port} "
                    f"({what} of {part.name}) is taken: stop what listens there, or add PORTS=free"
                )

    def _start_servers(self, undo: ExitStack) -> list[str]:
        started = []
        for name, server in (("PostgreSQL", self.postgres), ("Kafka", self.kafka)):
            if not self._of_server(server):
                self._teller.say(f"启动 · starting {name}")
                undo.callback(server.stop)
                started.append(name)
            server.start()
        return started

    def _make_city(self, shared: Mapping[str, str], wanted: Wanted) -> None:
        """Unless there is one; then it is brought to this build's version."""
        if not self.parts:
            self._teller.say(
                "首次启动:先造演练城市,事实均为虚构 · first start: a rehearsal city is made, of invented facts"
            )
        self._bizenv(shared, "rehearse", "--if-missing", *wanted.rehearsal)
        self._bizenv(shared, "migrate", quiet=True)

    def _start(self, parts: Sequence[Part], told: Mapping[str, Mapping[str, str]], undo: ExitStack) -> list[str]:
        idle = [part for part in parts if self._of(part).process is None]
        undo.callback(self._stop, [self._of(part) for part in idle])
        for part in idle:
            self._of(part).start(part.service, told[part.name], environment.callers())
        return [part.name for part in idle]

    def _wait_ready(self, parts: Sequence[Part]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting = list(parts)
        while waiting:
            troubles = {part: self._troubles(part) for part in waiting}
            waiting = [part for part, found in troubles.items() if found]
            what = told_of(waiting[0], troubles[waiting[0]][0]) if waiting else ""
            self._teller.progress("就绪 · ready", len(parts) - len(waiting), len(parts), what)
            if waiting and time.monotonic() > deadline:
                raise _not_up(self._of(waiting[0]), f"{READY_SECONDS:.0f} s: {troubles[waiting[0]][0]}")
            time.sleep(10 * PAUSE_SECONDS if waiting else 0)

    def _troubles(self, part: Part) -> list[str]:
        """Why it is not ready yet. ServerError when it has ended."""
        one = self._of(part)
        found = troubles_at(part.http)
        if one.process is None:
            raise _not_up(one, "已退出 · it has ended")
        return found

    def _stop(self, processes: Sequence[Running]) -> None:
        """Those of a service at once; the services that ask others first."""
        for service in sorted({_service_of(one) for one in processes}, key=self._order):
            group = [one for one in processes if _service_of(one) == service]
            alive = [one for one in group if one.process]
            if alive:
                self._teller.say(f"停止 · stopping {', '.join(one.name for one in alive)}")
            for one in alive:
                one.ask_to_stop()
            for one in group:
                if not one.stop():
                    self._teller.say(
                        f"{one.name} 未在 {DRAIN_SECONDS:.0f} 秒内退出,已强行终止 · did not end in time and was killed"
                    )

    def _order(self, service: str) -> int:
        return self._services.index(service) if service in self._services else len(self._services)

    def _alive(self) -> list[Running]:
        return [one for one in self.running() if one.process]

    def _of(self, part: Part) -> Running:
        return Running(self.folder / "services" / part.name)

    def _of_server(self, server: PostgresServer | KafkaServer) -> list[Process]:
        """The processes of a server that run."""
        if isinstance(server, PostgresServer):
            return [server.process] if server.process else []
        laid_out = (server.folder / "cluster.json").exists()
        return [process for broker in server.brokers if (process := broker.process)] if laid_out else []

    def _bizenv(self, settings: Mapping[str, str], *arguments: str, quiet: bool = False) -> str:
        """Run a command of the command line on the city; what it prints, if `quiet`. ServerError when it fails."""
        done = subprocess.run(
            [*BIZENV, *arguments],
            env={**environment.callers(), **settings},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"bizenv {arguments[0]} 失败 · failed, with exit code {done.returncode}")
        return done.stdout or ""


def told_of(part: Part, trouble: str) -> str:
    """With the name of the process, once: troubles may begin with that of the service."""
    return f"{part.name}: {trouble.removeprefix(part.service).lstrip(': ')}"


def _service_of(one: Running) -> str:
    """Further processes of a service have its name and a number."""
    return one.name.partition("-")[0]


def _not_up(one: Running, why: str) -> ServerError:
    return ServerError(f"{one.name} 没有就绪({why})· is not ready; {one.log} ends with\n{one.ending()}")
