"""One broker: its own folder with settings, data and log; started, stopped, killed and paused by pid."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka import jars
from deploy.kafka.wire import brokers_at_work
from deploy.processes import LOOPBACK, Process, ServerError, remember, remembered, spawn, tail, within

START_SECONDS = 90.0
STOP_SECONDS = 15.0
JVM = ("-Xms96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
"""The serial collector and the first compiler: nothing slower at the start, and the cores stay free for others."""


@dataclass(frozen=True)
class Ports:
    client: int
    internal: int
    controller: int


class Broker:
    """One of the brokers of a cluster. `start` does not wait; `wait_ready` does."""

    def __init__(self, folder: Path, node: int, ports: Ports, jvm_options: Sequence[str]) -> None:
        self.folder = folder
        self.node = node
        self.ports = ports
        self._jvm_options = jvm_options
        self._pid_file = folder / "process.json"

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.ports.client}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def settings(self) -> Path:
        return self.folder / "server.properties"

    @property
    def process(self) -> Process | None:
        """While it runs."""
        return remembered(self._pid_file)

    def start(self) -> None:
        """Start it unless it runs."""
        if self.process is None:
            options = [*JVM, *self._jvm_options, f"-Dlog4j2.configurationFile={jars.HERE / 'log4j2.xml'}"]
            command = [jars.java(), *options, "-cp", jars.classpath(), "kafka.Kafka", str(self.settings)]
            remember(spawn(command, self.log, folder=self.folder), self._pid_file)

    def wait_ready(self, nodes: Sequence[int], seconds: float = START_SECONDS) -> None:
        """Return once it answers and sees these nodes at work. ServerError if it ends or takes longer."""
        wanted = set(nodes)
        within(seconds, lambda: self.process is None or wanted <= brokers_at_work(self.ports.internal))
        if self.process is None or not wanted <= brokers_at_work(self.ports.internal):
            raise ServerError(
                f"Kafka 没有启动 · Kafka's broker {self.node} is not at work; {self.log} ends with\n{tail(self.log)}"
            )

    def stop(self) -> None:
        """End it in order; SIGKILL for one that can't, for want of a controller to sign off from."""
        self.ask_to_stop()
        if (process := self.process) and not process.wait(STOP_SECONDS):
            self.kill()
        self._pid_file.unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Tell it to end in order, and don't wait."""
        self.resume()
        if process := self.process:
            process.send(signal.SIGTERM)

    def kill(self) -> None:
        """Pull the plug: SIGKILL."""
        if process := self.process:
            process.send(signal.SIGKILL)
            process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Stop it if it runs, start it at the same ports and wait until it is at work again."""
        self.stop()
        self.start()
        self.wait_ready([self.node])

    def pause(self) -> None:
        """Let it stand still, its connections open."""
        if process := self.process:
            process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        if process := self.process:
            process.send(signal.SIGCONT)
