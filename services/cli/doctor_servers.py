"""What `bizenv doctor` sees of PostgreSQL, of Kafka and of the way between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from services.catalogue import SERVICES
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.forms.form import Form, Relayed
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.cli.finding import Finding, said

MOVES_SECONDS = 3.0
"""Within so long a relay that leads and has something to send has moved."""

LOOK_SECONDS = 0.1

_TLS = "SELECT current_setting('server_version'), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"


def database(form: Form, given: Settings) -> Iterator[Finding]:
    """Whether PostgreSQL answers, and how it is spoken to; nothing where the city is in files."""
    if not given.distributed:
        return
    form.exists()  # its sentence names the place and the reason
    engine = form.dialect(SERVICES[0].name).engine()
    try:
        with engine.connect() as connection:
            version, encrypted = connection.exec_driver_sql(_TLS).one()
    finally:
        engine.dispose()
    how = "TLS" if encrypted else "明文 plain text"
    yield Finding(True, f"PostgreSQL {form.place} 可用 · answers ({version}, {how})")


def broker(form: Form) -> Iterator[Finding]:
    """Whether Kafka answers, and how it is spoken to; nothing where the event tables are the bus."""
    place = form.reach_bus()
    if place is not None:
        yield Finding(True, f"Kafka {place} 可用 · answers")


def relaying(form: Form, service: Service, answers: bool) -> Iterator[Finding]:
    """How far a service's events were brought, and its topic, where Kafka `answers`."""
    if not service.aggregates:
        return
    with closing(form.store(service.name)) as store:
        found = form.relayed(store)
        if found is None:
            return
        yield _progress(form, store, found)
        if answers:
            yield _topic(form, store)


def _progress(form: Form, store: EventStore, found: Relayed) -> Finding:
    left = found.head - found.position
    by = f"由 {found.owner} 转发 · by {found.owner}" if found.owner else "当前无进程转发 · nobody relays now"
    words = f"{store.service}: 转发 relayed {found.position}/{found.head}, 落后 {left} 条 · behind; {by}"
    if left == 0 or (found.owner is None and found.position == 0) or _moves(form, store, found):
        return Finding(True, words)  # also of a city that nobody has served yet
    return Finding(False, words + ";转发未在进行 · the relay does not go on")


def _moves(form: Form, store: EventStore, before: Relayed) -> bool:
    """Whether a relay that is behind goes on."""
    deadline = time.monotonic() + MOVES_SECONDS
    while before.owner is not None and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        now = form.relayed(store)
        if now is not None and now.position != before.position:
            return True
    return False


def _topic(form: Form, store: EventStore) -> Finding:
    try:
        flaw = form.topic_flaw(store)
    except Unavailable as trouble:
        flaw = said(trouble)
    if flaw is not None:
        return Finding(False, f"{store.service}: {flaw}")
    return Finding(True, f"{store.service}: 主题完好 · its topic has what was relayed and is as it must be")
