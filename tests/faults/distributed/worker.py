"""One service process that is started again whenever it dies while it is wanted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from deploy.local.running import troubles_at
from tests.processes import ROOT

KILLED = -signal.SIGKILL
AGAIN_SECONDS = 0.3
"""From a death to the next start."""
STOP_SECONDS = 90.0


class Worker:
    """At fixed ports. All that it ever says is in one log."""

    def __init__(self, name: str, environment: Mapping[str, str], clock: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self.unasked: list[int] = []
        """The exit codes with which it ended although nobody killed or stopped it, and without saying why."""
        self.refused: list[str] = []
        """The sentences with which it did not start, because a server went away just then."""
        self._command = ["-m", "tests.faults.distributed.serve", str(clock), "serve", name.removesuffix("-2")]
        self._environment = dict(environment)
        self._http = f"http://127.0.0.1:{environment['BIZENV_HTTP_PORT']}"
        self._process: subprocess.Popen[bytes] | None = None
        self._begun_at = 0
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._unwanted = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def wanted(self) -> bool:
        return self._wanted.is_set()

    def start(self) -> None:
        """Let it be there from now on; does not wait."""
        self._wanted.set()
        self._unwanted.clear()
        self._begin()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _begin(self) -> None:
        with self._lock, self.log.open("ab") as log:
            self._begun_at = log.tell()
            if self.wanted:
                self._process = subprocess.Popen(
                    [sys.executable, *self._command],
                    cwd=ROOT,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def _keep(self) -> None:
        while self.wanted and self._process is not None:
            code = self._process.wait()
            if self.wanted and code != KILLED:
                self._note(code)
            if not self._unwanted.wait(AGAIN_SECONDS):
                self._begin()

    def _note(self, code: int) -> None:
        said = self.log.read_bytes()[self._begun_at :].decode(errors="replace").splitlines()
        sentences = [line for line in said if line.startswith("bizenv: ")]
        if sentences and not any("已就绪" in line for line in said):
            self.refused += sentences
        else:
            self.unasked.append(code)

    def faults(self) -> list[str]:
        """What it logged with a traceback, which a passing trouble does not have."""
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        pairs = pairwise(["", *said])
        return [line for before, line in pairs if '"exception": ' in line or _is_uncaught(line, before)]

    def troubles(self) -> list[str]:
        """What its readiness complains about; nothing when it is ready."""
        return troubles_at(self._http)

    def kill(self) -> bool:
        """Whether there was a process, which is dead now."""
        process = self._send(signal.SIGKILL)
        return process is not None and process.wait(STOP_SECONDS) == KILLED

    def pause(self) -> bool:
        """Whether there was a process, which stands still now."""
        return self._send(signal.SIGSTOP) is not None

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def stop(self) -> int | None:
        """End it in order, for good; its exit code, None when there was no process. TimeoutExpired when it does not
        end."""
        self._let_go()
        process = self._send(signal.SIGTERM)
        return None if process is None else process.wait(STOP_SECONDS)

    def end(self) -> None:
        """Whatever it does, be rid of it."""
        self._let_go()
        if process := self._send(signal.SIGKILL):
            process.wait(STOP_SECONDS)

    def _let_go(self) -> None:
        with self._lock:
            self._wanted.clear()
            self._unwanted.set()

    def _send(self, number: signal.Signals) -> subprocess.Popen[bytes] | None:
        """To the process that there is; None: there is none."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                return None
            self._process.send_signal(number)
            return self._process


def _is_uncaught(line: str, before: str) -> bool:
    """A library's complaint on its way out, which Python itself ignored, is none."""
    return line.startswith("Traceback") and not before.startswith("Exception ignored in")
