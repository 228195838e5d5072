"""The folder of a city's data: it can be written and has room, and one process serves it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.chassis.sqlite.file_lock import lock_now

LEAST_FREE_BYTES = 50 * 1024 * 1024
"""With less room than this a start is refused: the first commits would fail."""


class CannotStart(Exception):
    """One sentence that says why the process does not start."""


def check_folder(data: Path) -> None:
    """Refuse a data folder that can't be written or has no room."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / f".probe.{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise _unwritable(data, error) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"数据文件夹 {data} 所在磁盘只剩 {free // 2**20} MB,至少需要 {LEAST_FREE_BYTES // 2**20} MB · "
            f"only {free // 2**20} MB are free on the disk of the data folder"
        )


def _unwritable(data: Path, error: OSError) -> CannotStart:
    if error.errno == errno.ENOSPC:
        return CannotStart(f"数据文件夹 {data} 所在磁盘已满 · the disk of the data folder is full")
    return CannotStart(f"数据文件夹 {data} 不可写:{error.strerror} · the data folder can't be written")


@contextlib.contextmanager
def only_server(data: Path) -> Iterator[None]:
    """Hold the folder for one serving process: two consumers on the same views would undo each other."""
    with alone(data) as held:
        if not held:
            raise CannotStart(f"另一个 bizenv 进程正在使用 {data} · another bizenv process serves this folder")
        yield


@contextlib.contextmanager
def alone(data: Path) -> Iterator[bool]:
    """Keep servers out for a while; False: one is at work in the folder. Raises CannotStart."""
    try:
        opened = (data / "serve.lock").open("w")
    except OSError as error:
        raise _unwritable(data, error) from error
    with opened as lock:
        yield lock_now(lock)
