"""Opening a city for a command of the command line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from services.catalogue import SERVICES
from services.chassis import faults
from services.chassis.event_store import EventStore, StoreInfo
from services.chassis.forms.embedded import EmbeddedForm
from services.chassis.forms.form import Form
from services.chassis.hosting.access import Access
from services.chassis.hosting.city import City
from services.chassis.hosting.data_folder import alone, only_server
from services.chassis.hosting.garbage import bound_free_memory, calm_garbage_collection
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.telemetry import logs
from services.chassis.time.city_clock import city_clock
from services.chassis.upkeep.making import finish
from services.cli.app import fail, settings

PROGRAMMES = Path(__file__).resolve().parent.parent.parent / "deploy" / "programmes"

NO_CITY = "{} 中没有城市数据,请先 bizenv init 或 bizenv rehearse · holds no city: run bizenv init or rehearse"


def prepare() -> Settings:
    """Settings, logs, fault points and the memory of this process."""
    bound_free_memory()
    given = settings()
    logs.configure(given.log_level, sys.stderr)
    try:
        faults.arm(given.fault)
    except ValueError as error:
        fail(f"BIZENV_FAULT={given.fault} 无效 · is not valid: {error}")
    finish(given.data)
    calm_garbage_collection()
    return given


def form_of(given: Settings) -> Form:
    """The form that the settings ask for."""
    if given.distributed:
        from services.chassis.forms.distributed import DistributedForm  # noqa: PLC0415 - its libraries are slow to load

        return DistributedForm(given, [service.name for service in SERVICES])
    return EmbeddedForm(given.data, given)


@contextlib.contextmanager
def city(given: Settings, services: Sequence[Service] = SERVICES) -> Iterator[City]:
    """The city, opened with these services; closed again at the end."""
    form = form_of(given)
    try:
        opened = City(form, services, given, city_clock(form, SERVICES), catalogue=SERVICES)
    except BaseException:
        form.close()
        raise
    try:
        yield opened
    finally:
        opened.close()


def access_to(given: Settings, store_id: str) -> Access:
    """How tokens and login codes of the city that bears this id are made and checked."""
    return Access.at(form_of(given).logins(), given.keys_folder, store_id)


@contextlib.contextmanager
def unserved_city(given: Settings) -> Iterator[bool]:
    """Keep servers out for a while; False: one is at work, or may be at any moment."""
    if given.distributed:
        yield False
        return
    with alone(given.data) as held:
        yield held


@contextlib.contextmanager
def serving_alone(given: Settings) -> Iterator[None]:
    """Hold the data folder for one serving process, where that is the whole city."""
    if given.distributed:
        yield
        return
    with only_server(given.data):
        yield


def require_city(given: Settings) -> None:
    """Refuse a place without a city before anything is written to it."""
    form = form_of(given)
    if not form.exists():
        fail(NO_CITY.format(form.place))


def programme_folder(name: str) -> Path:
    """The folder of a programme: a name under deploy/programmes, or a path of one's own."""
    found = next((folder for folder in (PROGRAMMES / name, Path(name)) if os.path.isdir(folder)), None)
    if found is None:
        shipped = ", ".join(sorted(folder.name for folder in PROGRAMMES.iterdir() if folder.is_dir()))
        fail(f"没有方案 {name};自带的方案 · no such programme; shipped: {shipped}")
    return found


def open_store(given: Settings, service: str) -> EventStore:
    """One service's event store, for reading."""
    return form_of(given).store(service)


def unreadable(error: DatabaseError) -> str:
    """The sentence about a database that a command can't read or write."""
    reason = " ".join([str(error.orig), *error.detail])
    return f"数据库无法读写({reason}),请运行 bizenv audit verify · a database can't be read: run bizenv audit verify"


def store_info(given: Settings) -> StoreInfo:
    """What the city's stores say of themselves; refuses a folder without a city."""
    require_city(given)
    store = open_store(given, SERVICES[0].name)
    store.close()
    return store.info
