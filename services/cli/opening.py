"""Opening a city for a command of the command line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis import faults, logs
from services.chassis.city_clock import city_clock
from services.chassis.embedded import EVENTS_FILE, Embedded, city_exists
from services.chassis.event_store import EventStore, SqliteDialect, StoreInfo
from services.chassis.settings import Settings
from services.cli.app import fail, settings

PROGRAMMES = Path(__file__).resolve().parent.parent.parent / "deploy" / "programmes"


def prepare() -> Settings:
    """Settings, logs and fault points of this process."""
    given = settings()
    logs.configure(given.log_level, sys.stderr)
    faults.arm(given.fault)
    return given


@contextlib.contextmanager
def city(given: Settings) -> Iterator[Embedded]:
    """The city in the data folder, opened; closed again at the end."""
    opened = Embedded(given.data, SERVICES, given, city_clock(given.data, SERVICES))
    try:
        yield opened
    finally:
        opened.close()


def programme_folder(name: str) -> Path:
    """The folder of a programme: a name under deploy/programmes, or a path of one's own."""
    named = PROGRAMMES / name
    return named if named.is_dir() else Path(name)


def open_store(given: Settings, service: str) -> EventStore:
    """One service's event store, for reading."""
    return EventStore(SqliteDialect(given.data / service / EVENTS_FILE), service)


def store_info(given: Settings) -> StoreInfo:
    """What the city's stores say of themselves; refuses a folder without a city."""
    if not city_exists(given.data):
        fail(f"{given.data} 中没有城市数据,请先 bizenv init 或 bizenv rehearse · holds no city yet")
    store = open_store(given, SERVICES[0].name)
    store.close()
    return store.info
