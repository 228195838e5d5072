"""What `bizenv doctor` looks at: everything that can be seen from outside a running process, whatever of it is away.

Nothing is written: a folder or a city that is missing stays missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import require_unaltered
from services.chassis.forms.form import Form
from services.chassis.hosting.data_folder import LEAST_FREE_BYTES
from services.chassis.settings import Settings
from services.chassis.truth import unknown_head
from services.cli.doctor_doors import doors, peers
from services.cli.doctor_servers import broker, database, relaying
from services.cli.doctor_views import views
from services.cli.finding import Finding, looked
from services.cli.opening import form_of

_RESTORED = (
    ";落后于已公布的树头(第 {0} 期,{1} 条),若刚从备份恢复请运行 {2} · behind its published heads: after a restore "
    "run {2}"
)


def examine(given: Settings) -> Iterator[Finding]:
    """Each part by itself, so that what is wrong with one keeps no other from being told."""
    yield from looked(partial(_folder, given.data))
    with form_of(given) as form:
        yield from looked(partial(_city, form, given))
    yield from doors(given)
    yield from peers(given)


def _folder(data: Path) -> Iterator[Finding]:
    """Looked at as it is; a relative path is told as what it comes to."""
    if not data.is_dir():
        hint = (
            "" if data.is_absolute() else f"(BIZENV_DATA={data} 相对于当前文件夹 · is relative to the current folder)"
        )
        yield Finding(False, f"数据文件夹 {data.resolve()} 不存在{hint} · the data folder is not there")
        return
    free = shutil.disk_usage(data).free
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding(False, f"数据文件夹 {data.resolve()} 不可写 · the data folder can't be written")
    elif free < LEAST_FREE_BYTES:
        yield Finding(False, f"数据文件夹 {data.resolve()} 只剩 {free // 2**20} MB · too little is free on its disk")
    else:
        yield Finding(True, f"数据文件夹 {data.resolve()} 可写,剩余 {free // 2**20} MB · writable, MB free")


def _city(form: Form, given: Settings) -> Iterator[Finding]:
    there = True
    for finding in looked(partial(database, form, given)):
        there = there and finding.good
        yield finding
    answers = True
    for finding in looked(partial(broker, form)):
        answers = answers and finding.good
        yield finding
    if not there:
        yield Finding(
            False, "事件库与视图未能查看 · event stores and views could not be looked at: the database is away"
        )
        return
    if not form.exists():
        yield Finding(False, "没有城市数据:请运行 bizenv init 或 bizenv rehearse · no city yet: run one of these")
        return
    for service in SERVICES:
        yield from looked(partial(_store, form, given, service.name), service.name)
    yield Finding(True, "事件由 bizenv audit verify 逐条核验 · events themselves are audited by bizenv audit verify")
    for service in SERVICES:
        yield from looked(partial(relaying, form, service, answers), service.name)
    for service in SERVICES:
        yield from looked(partial(views, form, given, service), service.name)


def _store(form: Form, given: Settings, name: str) -> Iterator[Finding]:
    with closing(form.store(name)) as store:
        require_unaltered(store)
        yield _state(store, form, given)


def _state(store: EventStore, form: Form, given: Settings) -> Finding:
    info, events = store.info, store.last_position()
    words = f"{store.service}: {events} 条事件 · events ({info.kind}, {info.programme}, epoch {info.epoch})"
    lost = unknown_head(store, form.published)
    if lost is None:
        return Finding(True, words)
    order = f"bizenv recover --service {store.service}" if given.distributed else "bizenv restored"
    return Finding(False, words + _RESTORED.format(lost.epoch, lost.size, order))
