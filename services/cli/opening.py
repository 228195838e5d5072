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
from services.chassis.event_store import StoreInfo
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


QUIET = "critical"
"""What a command logs that tells all by itself."""


def prepare(log_level: str = "error") -> Settings:
    """Settings, logs, fault points and the memory of this process. A command that is done in a moment speaks for
    itself: it logs from `log_level` on, unless BIZENV_LOG_LEVEL asks for more."""
    bound_free_memory()
    given = settings()
    logs.configure(given.log_level if os.environ.get("BIZENV_LOG_LEVEL") else log_level, sys.stderr)
    try:
        faults.arm(given.fault)
    except ValueError as error:
        fail(f"BIZENV_FAULT={given.fault} 无效 · is not valid: {error}")
    finish(given.data)
    calm_garbage_collection()
    return given


@contextlib.contextmanager
def form_of(given: Settings) -> Iterator[Form]:
    """The form that the settings ask for; let go of at the end."""
    with contextlib.closing(_form(given)) as form:
        yield form


@contextlib.contextmanager
def form_with_city(given: Settings) -> Iterator[Form]:
    """The same; refuses a place without a city before anything is written to it."""
    with form_of(given) as form:
        if not form.exists():
            fail(NO_CITY.format(form.place))
        yield form


def _form(given: Settings) -> Form:
    if given.distributed:
        from services.chassis.forms.distributed import DistributedForm  # noqa: PLC0415 - its libraries are slow to load

        return DistributedForm(given, [service.name for service in SERVICES])
    return EmbeddedForm(given.data, given)


@contextlib.contextmanager
def city(given: Settings, services: Sequence[Service] = SERVICES) -> Iterator[City]:
    """The city, opened with these services; closed again at the end."""
    form = _form(given)
    try:
        opened = City(form, services, given, city_clock(form, SERVICES), catalogue=SERVICES)
    except BaseException:
        form.close()
        raise
    try:
        yield opened
    finally:
        opened.close()


def access_to(form: Form, given: Settings, store_id: str) -> Access:
    """How tokens and login codes of the city that bears this id are made and checked."""
    return Access.at(form.logins(), given.keys_folder, store_id)


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
    with form_with_city(given):
        pass


def programme_folder(name: str) -> Path:
    """The folder of a programme: a name under deploy/programmes, or a path of one's own."""
    found = next((folder for folder in (PROGRAMMES / name, Path(name)) if os.path.isdir(folder)), None)
    if found is None:
        shipped = ", ".join(sorted(folder.name for folder in PROGRAMMES.iterdir() if folder.is_dir()))
        fail(f"没有方案 {name};自带的方案 · no such programme; shipped: {shipped}")
    return found


def unreadable(error: DatabaseError) -> str:
    """The sentence about a database that a command can't read or write."""
    reason = " ".join([str(error.orig), *error.detail])
    return f"数据库无法读写({reason}),请运行 bizenv audit verify · a database can't be read: run bizenv audit verify"


def store_info(form: Form) -> StoreInfo:
    """What the city's stores say of themselves."""
    with contextlib.closing(form.store(SERVICES[0].name)) as store:
        return store.info
