"""One process of a local city: its folder with log, pid and the settings that it was started with."""

from __future__ import annotations

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from deploy.processes import Process, is_free, remember, remembered, spawn, tail

ROOT = Path(__file__).resolve().parents[2]
BIZENV = (sys.executable, "-m", "services.cli")
ANSWER_SECONDS = 5.0
DRAIN_SECONDS = 40.0
"""Longer than BIZENV_SHUTDOWN_GRACE_SECONDS and what a relay and a consumer take to leave."""
KILL_SECONDS = 10.0


class Running:
    """What is known of the process of this name."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.log = folder / "serve.log"
        self._folder = folder
        self._pid_file = folder / "process.json"
        self._told_file = folder / "settings.json"

    @property
    def process(self) -> Process | None:
        """While it runs."""
        return remembered(self._pid_file)

    def runs_with(self, settings: Mapping[str, str]) -> bool:
        """Whether it runs and was started with these settings."""
        if self.process is None or not self._told_file.exists():
            return False
        told: dict[str, str] = json.loads(self._told_file.read_text(encoding="utf-8"))
        return told == dict(settings)

    def start(self, service: str, settings: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Start `bizenv serve` and don't wait. The log may hold a login link: nobody else reads it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._told_file.write_text(json.dumps(dict(settings)), encoding="utf-8")
        command = [*BIZENV, "serve", service]
        remember(spawn(command, self.log, environment={**environment, **settings}, folder=ROOT), self._pid_file)

    def ask_to_stop(self) -> None:
        """Tell it to finish what is in hand and to end, and don't wait. One that stands still wakes for that."""
        if process := self.process:
            process.send(signal.SIGTERM)
            process.send(signal.SIGCONT)

    def stop(self) -> bool:
        """End it; False: it did not end in its time and was killed, which loses nothing that was acknowledged."""
        self.ask_to_stop()
        process = self.process
        drained = process is None or process.wait(DRAIN_SECONDS)
        if process is not None and not drained:
            process.send(signal.SIGKILL)
            process.wait(KILL_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        return drained

    def ending(self) -> str:
        """The last lines of its log."""
        return tail(self.log)


def troubles_at(http: str) -> list[str]:
    """What `/readyz` complains about at this address; nothing when it is ready."""
    try:
        with urllib.request.urlopen(f"{http}/readyz", timeout=ANSWER_SECONDS):
            return []
    except urllib.error.HTTPError as refusal:
        return _told(refusal) or [str(refusal)]
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return ["正在启动 · starting"]


def taken_ports(ports: Mapping[str, int]) -> dict[str, int]:
    """Those of the ports at which something listens already."""
    return {what: port for what, port in ports.items() if not is_free(port)}


def _told(refusal: urllib.error.HTTPError) -> list[str]:
    try:
        troubles: list[str] = json.loads(refusal.read())["troubles"]
    except (ValueError, KeyError, OSError):
        return []
    return troubles
