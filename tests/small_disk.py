"""A disk that is full and freed again under a running process: a small one of our own where we may mount it, else
a limit on what the process may write."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

BLOCK = 64 * 1024


class SmallDisk:
    """A tmpfs of so many megabytes, mounted on `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, _pid: int | None = None) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (BLOCK, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)

    def free(self, _pid: int | None = None) -> None:
        self._ballast.unlink()


class LimitedWriter:
    """Any folder: the process may write no file while it is `full`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, pid: int | None = None) -> None:
        _limit(pid, 0)

    def free(self, pid: int | None = None) -> None:
        _limit(pid, resource.RLIM_INFINITY)


def _limit(pid: int | None, size: int) -> None:
    resource.prlimit(pid or os.getpid(), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


Disk = SmallDisk | LimitedWriter


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A disk that can be filled, in this empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield LimitedWriter(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
