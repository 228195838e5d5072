"""A city of the distributed form is made in a folder, as any other, and copied into the database."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from services.catalogue import SERVICES
from services.chassis.auth.keys import TOKEN_KEY, TRUTH_KEY
from services.chassis.errors import Unavailable
from services.chassis.forms.embedded import EmbeddedForm
from services.chassis.settings import Settings
from services.cli.app import fail
from services.cli.opening import form_of, store_info
from services.cli.progress import progress_bar

if TYPE_CHECKING:
    from services.chassis.forms.distributed import DistributedForm

ORIGIN = "origin"
"""In the data folder: a city that is made, until it is copied."""


def make_city(given: Settings, make: Callable[[Settings], None]) -> None:
    """Let `make` make a city in the data folder of the settings that it is given; bring it to where it shall be."""
    if not given.distributed:
        make(given)
        return
    apart = embedded_settings(given, given.data / ORIGIN, given.keys_folder)
    if not EmbeddedForm(apart.data, apart).exists():
        make(apart)
    transfer_city(apart, given)
    shutil.rmtree(apart.data)


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


def transfer_city(apart: Settings, given: Settings) -> None:
    """Copy a city's facts, its published heads and its keys. It may be called again after a crash."""
    from services.chassis.forms.distributed import DistributedForm  # noqa: PLC0415 - its libraries are slow to load
    from services.chassis.settings.servers import database_url  # noqa: PLC0415
    from services.chassis.upkeep.transferring import transfer  # noqa: PLC0415

    form = form_of(given)
    assert isinstance(form, DistributedForm)
    form.reach()
    _require_free_topics(form, store_info(apart).store_id)
    for name in (TOKEN_KEY, TRUTH_KEY):
        _copy_file(apart.keys_folder / name, given.keys_folder / name)
    for file in sorted((apart.data / "published").iterdir()):
        _copy_file(file, form.published / file.name)
    with progress_bar("迁入 · copying") as step:
        counts = transfer(
            apart.data, SERVICES, database_url(given), form.reactions, lambda what, done, total: step(done, total, what)
        )
    form.close()
    print(f"{sum(counts.values())} 条事件已写入 · events copied into {form.place}")


def _require_free_topics(form: DistributedForm, store_id: str) -> None:
    """Refuse topics that hold what another city recorded: facts of two cities must not mix, least of all invented with
    real ones."""
    from services.chassis.kafka.own_topic import TopicEnds  # noqa: PLC0415 - its libraries are slow to load

    ends = TopicEnds(form.cluster)
    try:
        for service in SERVICES:
            ends.require_city(service.name, store_id)
    except Unavailable as refusal:
        fail(str(refusal))


def _copy_file(source: Path, target: Path) -> None:
    """Put a copy there; refuses to take the place of another one."""
    if not source.exists() or (target.exists() and filecmp.cmp(source, target, shallow=False)):
        return
    if target.exists():
        fail(f"{target} 与 {source} 不同,不予覆盖 · is there already and differs: it is left alone")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copy2(source, target)
