"""A city of the distributed form is made in a folder, as any other, and copied into the database."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from services.catalogue import SERVICES
from services.chassis.auth.keys import TOKEN_KEY, TRUTH_KEY
from services.chassis.forms.embedded import EmbeddedForm
from services.chassis.settings import Settings
from services.cli.app import fail
from services.cli.opening import form_of, store_info
from services.cli.progress import progress_bar

ORIGIN = "origin"
"""In the data folder: a city that is made, until it is copied."""

HAS_CITY = (
    "{} 中已有一座城市,未作任何修改;可直接 bizenv serve,或另设 BIZENV_DATABASE · "
    "this database has a city already, nothing was changed: run bizenv serve, or name another BIZENV_DATABASE"
)


def make_city(given: Settings, make: Callable[[Settings], None]) -> str:
    """Let `make` make a city in the data folder of the settings that it is given; bring it to where it shall be, and
    say where that is."""
    if not given.distributed:
        make(given)
        return str(given.data)
    apart = embedded_settings(given, given.data / ORIGIN, given.keys_folder)
    begun = EmbeddedForm(apart.data, apart).exists()
    require_new_place(given, free=not begun)
    if not begun:
        make(apart)
    place = transfer_city(apart, given)
    shutil.rmtree(apart.data)
    return place


def city_exists(given: Settings) -> bool:
    """Whether there is a city."""
    with form_of(given) as form:
        return form.exists()


def require_new_place(given: Settings, *, free: bool = False) -> None:
    """Refuse a database that has a city, and brokers that don't answer, before anything is made; where topics are to be
    `free`, also those that hold events."""
    with form_of(given) as form:
        if form.exists():
            fail(HAS_CITY.format(form.place))
        if free:
            form.require_free(None)
        form.reach()


def embedded_settings(given: Settings, folder: Path, keys: Path | None = None) -> Settings:
    """The same settings for a city in this folder, with keys of its own unless others are given."""
    return msgspec.structs.replace(
        given,
        data=folder,
        keys=keys,
        database=None,
        database_user=None,
        database_password=None,
        kafka=None,
        peers=None,
    )


def transfer_city(apart: Settings, given: Settings) -> str:
    """Copy a city's facts, its published heads and its keys; returns where it is then. It may be called again after a
    crash."""
    from services.chassis.settings.servers import database_url  # noqa: PLC0415 - its libraries are slow to load
    from services.chassis.upkeep.transferring import transfer  # noqa: PLC0415

    with form_of(given) as form:
        form.reach()
        with form_of(apart) as origin:
            form.require_free(store_info(origin).store_id)
        for name in (TOKEN_KEY, TRUTH_KEY):
            _copy_file(apart.keys_folder / name, given.keys_folder / name)
        for file in sorted((apart.data / "published").iterdir()):
            _copy_file(file, form.published / file.name)
        with progress_bar("迁入 · copying") as step:
            counts = transfer(
                apart.data,
                SERVICES,
                database_url(given),
                form.reactions,
                lambda what, done, total: step(done, total, what),
            )
        print(f"{sum(counts.values())} 条事件已写入 · events copied into {form.place}")
        return form.place


def _copy_file(source: Path, target: Path) -> None:
    """Put a copy there; refuses to take the place of another one."""
    if not source.exists() or (target.exists() and filecmp.cmp(source, target, shallow=False)):
        return
    if target.exists():
        fail(f"{target} 与 {source} 不同,不予覆盖 · is there already and differs: it is left alone")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy2(source, target)
