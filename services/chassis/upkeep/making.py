"""A city that is being made lies apart until it is complete: no crash leaves half a city.

It is made in `<data>/.making/city`, so that the data folder may be a mount point. When it is durable, a mark says
so and its parts move into their places; a crash in between is made up for by the next process that comes (`finish`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.chassis.event_store import StoreUnusable
from services.chassis.sqlite.file_lock import lock_now

MAKING = ".making"
_FOREIGN = frozenset({MAKING, "lost+found"})


@contextmanager
def in_the_making(data: Path) -> Iterator[Path]:
    """An empty folder whose content takes its place in `data`, durably, when the block ends well.

    One maker at a time; what an interrupted one left behind is removed. Raises StoreUnusable when `data` holds
    anything, or another process is at work.
    """
    data.mkdir(parents=True, exist_ok=True)
    lock = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(lock, data)
        finish(data)
        _require_room(data)
        making = data / MAKING
        shutil.rmtree(making, ignore_errors=True)
        city = making / "city"
        city.mkdir(parents=True)
        try:
            yield city
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        _make_durable(making)
        _mark(making).touch()
        _make_durable(making)
        finish(data)
    finally:
        os.close(lock)


def finish(data: Path) -> None:
    """Move the parts of a city that was completely made, where a crash kept them from it. Harmless at any time."""
    making = data / MAKING
    if not _mark(making).exists():
        return
    for part in sorted((making / "city").iterdir()):
        part.replace(data / part.name)
    _sync(data)
    shutil.rmtree(making)


def _mark(making: Path) -> Path:
    return making / "complete"


def _require_room(data: Path) -> None:
    if any(entry.name not in _FOREIGN for entry in data.iterdir()):
        raise StoreUnusable(f"{data} 不是空文件夹,不能在其中建新城市 · is not empty: a new city needs an empty folder")


def _take(lock: int, data: Path) -> None:
    if not lock_now(lock):
        raise StoreUnusable(f"另一个进程正在 {data} 中建城市 · another process is making a city here")


def _make_durable(folder: Path) -> None:
    """Flush every file, then every folder, from the inside out."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            _sync(Path(path) / name)
        _sync(Path(path))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
