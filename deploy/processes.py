"""Servers in the background: started apart from the terminal, found again and ended by pid, never by name.

Standard library only, Linux only (/proc tells whether a pid is still the process that was started).
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = range(15_000, 32_000)
"""Below the ports that Linux gives to clients: a client may hold such a one just when its server comes back to it."""
PAUSE_SECONDS = 0.02
LOG_LINES = 15

_children: dict[int, subprocess.Popen[bytes]] = {}


class ServerError(Exception):
    """What a person has to do or to know, in one sentence: Chinese, then English."""


@atexit.register
def _collect() -> None:
    """Of the children that ended unasked the interpreter would else say that they still run."""
    for child in _children.values():
        child.poll()


@dataclass(frozen=True)
class Process:
    """A pid together with the moment it began: a later process with the same pid is another one."""

    pid: int
    began: str
    """In clock ticks since the machine's start."""

    @property
    def alive(self) -> bool:
        if child := _children.get(self.pid):
            child.poll()
        found = _stat(self.pid)
        return found is not None and found[0] != "Z" and found[19] == self.began

    def send(self, number: signal.Signals) -> None:
        """Send the signal unless the process has ended."""
        if self.alive:
            os.kill(self.pid, number)

    def children(self) -> list[Process]:
        """The processes that this one made and that are still its own."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        stats = [(pid, found) for pid in pids if (found := _stat(pid)) is not None]
        return [Process(pid, found[19]) for pid, found in stats if found[1] == str(self.pid)]

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within the time."""
        return within(seconds, lambda: not self.alive)


def spawn(
    command: Sequence[str],
    log: Path,
    *,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Process:
    """Start a process of its own session that appends what it says to the log; as `user`, which needs root."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            as_user(user, command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if environment is None else dict(environment),
            cwd=folder,
        )
    _children[child.pid] = child
    found = _stat(child.pid)
    return Process(child.pid, "" if found is None else found[19])


def as_user(user: str | None, command: Sequence[str]) -> Sequence[str]:
    """The command that runs this one as the user, in the same process; needs root and Debian's setpriv.

    Not the user of `subprocess`: for that Python forks, and the handlers at a fork of a library that holds threads
    (gRPC) can end the child before the command begins. Without it Python copies nothing (vfork), and runs no handler.
    """
    if user is None:
        return command
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]


def remember(process: Process, file: Path) -> None:
    """Write down which process it is, whole or not at all."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": process.pid, "began": process.began}), encoding="utf-8")
    draft.replace(file)


def remembered(file: Path) -> Process | None:
    """The process that was written down, if it still runs."""
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    process = Process(told["pid"], told["began"])
    return process if process.alive else None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one launcher at a time works on the folder; the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition came to hold within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def free_port() -> int:
    """A port on the loopback address at which nothing listens and from which no client connects by chance."""
    for port in random.sample(PORTS, len(PORTS)):
        if is_free(port):
            return port
    raise ServerError("没有空闲的端口 · no port is free")


def is_free(port: int) -> bool:
    """Whether nothing listens at the port of the loopback address, and we could."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) != 0 and _can_bind(port)


def tail(log: Path) -> str:
    """The last lines of a log, for the sentence that tells of a failed start."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _stat(pid: int) -> list[str] | None:
    """Fields 3 (state), 4 (parent) and following of /proc/PID/stat; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
