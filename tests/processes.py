"""The real command line in processes of their own: a city in a folder, served on free ports, killed and stopped."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from services.cli.exit_codes import Exit
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent
PROGRAMME = "baoding-2017"
START_SECONDS = 60.0
"""Within so long a process is ready, on a machine that has much else to do."""
COMMAND_SECONDS = 120.0

BIZENV = (sys.executable, "-m", "services.cli")
WITHOUT_ROOTS_EXCEPTION = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Before a command: the modes of files and folders hold for it, though root runs the tests."""
ANY_PORTS = {"BIZENV_HTTP_PORT": "0", "BIZENV_GRPC_PORT": "0", "BIZENV_METRICS_PORT": "0"}


def environment(data: Path, settings: dict[str, str]) -> dict[str, str]:
    """The variables of a bizenv process: those of this one without any setting, then the ones given (`http_port`)."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BIZENV_")}
    own = {f"BIZENV_{name.upper()}": value for name, value in settings.items()}
    return {**plain, "BIZENV_DATA": str(data), **ANY_PORTS, **own}


def bizenv(
    data: Path, *arguments: str, before: Sequence[str] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    return subprocess.run(
        [*before, *BIZENV, *arguments],
        cwd=ROOT,
        env=environment(data, settings),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def told(data: Path, *arguments: str, **settings: str) -> str:
    """What a command that succeeds prints."""
    done = bizenv(data, *arguments, **settings)
    assert done.returncode == 0, f"bizenv {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


def refused(data: Path, *arguments: str, before: Sequence[str] = (), **settings: str) -> str:
    """The one clear sentence with which a command ends that could not be tried; never a traceback."""
    return _sentence(Exit.NOT_TRIED, bizenv(data, *arguments, before=before, **settings))


def denied(data: Path, *arguments: str, **settings: str) -> str:
    """The one clear sentence with which a command ends that was tried, and the answer is no."""
    return _sentence(Exit.NO, bizenv(data, *arguments, **settings))


def _sentence(code: Exit, done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == code, f"{done.args} ended with {done.returncode}: {done.stdout}{done.stderr}"
    sentences = [line for line in done.stderr.splitlines() if line.startswith("bizenv: ")]
    assert len(sentences) == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return sentences[0]


def init(data: Path) -> None:
    """A real, empty city with the shipped programme."""
    told(data, "init", "--programme", PROGRAMME)


def token(data: Path, role: str, unit: str | None = None, account: str = "wang") -> str:
    """An access token, as an operator issues it."""
    of_unit = () if unit is None else ("--unit", unit)
    return told(data, "token", "--role", role, "--account", account, *of_unit).strip()


def copy_of(city: Path, data: Path) -> Path:
    """The same city in another folder, quicker than a new one. No process may be at work on it."""
    shutil.copytree(city, data)
    return data


class Server:
    """A `bizenv serve` process. Its output is read all the time, so that it never waits for us."""

    def __init__(self, data: Path, *services: str, program: Sequence[str] = BIZENV, **settings: str) -> None:
        """Serves these services, all of them where none is named. `program`: what else may stand for `bizenv`."""
        self.data = data
        self._settings = settings
        self.process = subprocess.Popen(
            [*program, "serve", *services],
            cwd=ROOT,
            env=environment(data, settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.announced: list[str] = []
        self.logged: list[str] = []
        self._readers = [
            _reader(self.process.stdout, self.announced),
            _reader(self.process.stderr, self.logged),
        ]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def http(self) -> str:
        """Known beforehand where the settings name its port."""
        port = self._settings.get("http_port", "0")
        return self._address(r"API\s+(http://\S+?)/openapi.json$") if port == "0" else f"http://127.0.0.1:{port}"

    @property
    def grpc(self) -> str:
        return self._address(r"gRPC\s+(\S+)$")

    @property
    def metrics(self) -> str:
        return self._address(r"metrics\s+(http://\S+)$")

    @property
    def login(self) -> str:
        return self._address(r"login\s+(http://\S+)")

    def announce(self, seconds: float = START_SECONDS) -> Server:
        """Return once the addresses are printed; AssertionError when the process ends or takes too long."""
        with self._log_told():
            eventually(lambda: self.is_announced or not self.alive, seconds, "the addresses of a server")
        assert self.alive, f"the server ended with {self.process.returncode}:\n{self.log()}"
        return self

    def ready(self, seconds: float = START_SECONDS) -> Server:
        """Return once /readyz says so; AssertionError when the process ends or takes too long."""
        self.announce(seconds)
        with httpx.Client(base_url=self.http, timeout=seconds) as client, self._log_told():
            eventually(lambda: client.get("/readyz").status_code == 200, seconds, "readiness")
        return self

    @contextmanager
    def _log_told(self) -> Iterator[None]:
        """An assertion that fails tells the log."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{error}; the server says:\n{self.log()}") from None

    def troubles(self) -> list[str]:
        """What /readyz complains about; nothing when it is ready."""
        found: list[str] = httpx.get(f"{self.http}/readyz", timeout=30).json()["troubles"]
        return found

    def kill(self) -> None:
        """Pull the plug: SIGKILL, nothing is finished."""
        self.process.kill()
        self.wait()

    def wait(self, seconds: float = START_SECONDS) -> int:
        """The exit code (negative: the signal) once the process has ended and all its output is read."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = START_SECONDS) -> int:
        """Ask it to stop and return its exit code."""
        self.process.send_signal(number)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {seconds} s:\n{self.log()}") from None

    def log(self) -> str:
        return "\n".join(self.logged[-200:])

    @property
    def is_announced(self) -> bool:
        """Whether the addresses are printed."""
        return any("Ctrl-C" in line for line in self.announced)

    def _address(self, pattern: str) -> str:
        for line in self.announced:
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"no {pattern} in {self.announced}")


def _reader(stream: IO[str] | None, lines: list[str]) -> threading.Thread:
    assert stream is not None

    def read(source: IO[str]) -> None:
        with source:
            for line in source:
                lines.append(line.rstrip("\n"))

    thread = threading.Thread(target=read, args=(stream,), daemon=True)
    thread.start()
    return thread


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Server]:
    """A server that is ready; it is killed at the end if the test has not stopped it."""
    server = Server(data, **settings)
    try:
        yield server.ready()
    finally:
        if server.alive:
            server.kill()
