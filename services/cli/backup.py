"""`bizenv backup`: copies of the databases that a city can't be made again from without."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.forms.embedded import EVENTS_FILE, LOGINS_FILE, REACTIONS_FILE
from services.cli.app import app, fail
from services.cli.opening import prepare, require_city
from services.cli.progress import progress_bar


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="空文件夹或尚不存在 · an empty folder, or none yet")],
) -> None:
    """备份事件库,可在运行中进行 · back up the databases, also while the city is served.

    keys/ 与 published/ 请另行保存 · keep keys/ and published/ elsewhere on their own.
    """
    given = prepare()
    if given.distributed:
        fail(
            "多进程形式请备份 PostgreSQL 本身(pg_dump 或基础备份),见 docs/operations.md · "
            "with PostgreSQL and Kafka back up PostgreSQL itself (pg_dump or base backups), see docs/operations.md"
        )
    require_city(given)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            fail(f"{folder} 不是空文件夹 · the folder is not empty")
        size = _back_up(given.data, folder)
    except (OSError, sqlite3.Error) as error:
        fail(f"备份未完成,请勿使用 {folder}({error}) · the backup is not complete, don't use it")
    print(
        f"已备份到 {folder}({size / 2**20:.1f} MB);请另行保存 keys/ 和 published/ · "
        f"backed up; keep {given.data / 'keys'} and {given.data / 'published'} elsewhere on their own"
    )


def _back_up(data: Path, folder: Path) -> int:
    """Copy every file and return their bytes; raises OSError or sqlite3.Error."""
    names = list(_files(data))
    with progress_bar("备份 · backing up") as step:
        for done, name in enumerate(names):
            step(done, len(names), str(name))
            _copy(data / name, folder / name)
        step(len(names), len(names), "")
    return sum((folder / name).stat().st_size for name in names)


def _files(data: Path) -> Iterator[Path]:
    """In the order that lets them be put back together: how far reactions got before any facts, and the facts that
    follow from others before those."""
    optional = [*(Path(service.name, REACTIONS_FILE) for service in SERVICES), Path(LOGINS_FILE)]
    yield from (name for name in optional if (data / name).exists())
    yield from (Path(service.name, EVENTS_FILE) for service in reversed(SERVICES))


def _copy(source: Path, target: Path) -> None:
    """One database as it is at one instant, checked; under its name only once it is whole and on the disk."""
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    there = f"{source.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(there, uri=True)) as original, closing(sqlite3.connect(part)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"{source}: {found}")
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.rename(target)
