"""By which clock a city runs: a real one by real time, a rehearsed one goes on from where its life stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select

from services.chassis.event_store import EventStore, StoreKind, schema
from services.chassis.forms.form import Form
from services.chassis.service import Service
from services.chassis.time.clock import TICK, Clock, SetClock, SystemClock
from services.chassis.time.instants import instant_of

NEWEST = 1000
"""Among so many newest positions lies the latest instant; members of one commit may stand in another order."""


def city_clock(form: Form, services: Sequence[Service]) -> Clock:
    """The clock for opening a city with these services; raises StoreUnusable for a store that can't be opened.

    Where there is no city it is real time: whoever opens it is told what is missing.
    """
    stores: list[EventStore] = []
    try:
        if form.exists():
            stores.extend(form.store(service.name) for service in services)
        return clock_of(stores)
    finally:
        for store in stores:
            store.close()


def clock_of(stores: Iterable[EventStore]) -> Clock:
    """Real time unless all stores are a rehearsal's; that runs on, in real time, from the latest instant in them."""
    stores = list(stores)
    if not stores or any(store.info.kind is not StoreKind.REHEARSAL for store in stores):
        return SystemClock()
    reached = max(_reached(store) for store in stores)
    clock = SetClock(reached)
    clock.continue_from(reached)
    return clock


def _reached(store: EventStore) -> datetime:
    """A rehearsal counts as made at the end of its last working day; what was recorded since lies behind it."""
    made = datetime.fromisoformat(store.info.created_at)
    last = store.last_position()
    newest = select(func.max(schema.events.c.recorded_at)).where(schema.events.c.position > last - NEWEST)
    with store.engine.connect() as connection:
        recorded = connection.execute(newest).scalar()
    return made if recorded is None else max(made, instant_of(int(recorded)) + TICK)
