"""A city that is being made lies beside its place until it is complete: no crash leaves half a city."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.chassis.event_store import StoreUnusable


@contextmanager
def in_the_making(data: Path) -> Iterator[Path]:
    """An empty folder beside `data` that takes its place, atomically and durably, when the block ends well.

    One maker at a time; what an interrupted one left behind is removed. Raises StoreUnusable when `data` holds
    anything, or another process is at work.
    """
    data = data.resolve()
    _require_room(data)
    making = data.with_name(f".{data.name}.rehearsing")
    making.mkdir(parents=True, exist_ok=True)
    lock = os.open(making, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(lock, data)
        _empty(making)
        try:
            yield making
            _make_durable(making)
            making.replace(data)
            _sync(data.parent)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _require_room(data: Path) -> None:
    if data.exists() and any(data.iterdir()):
        raise StoreUnusable(
            f"{data} 不是空文件夹,演练数据只写入空文件夹 · is not empty: a rehearsal needs an empty folder"
        )


def _take(lock: int, data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreUnusable(f"另一个进程正在为 {data} 演练 · another process is rehearsing for this folder") from error


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


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
