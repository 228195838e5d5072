"""Checkpoints that are no event of their partition, as after a foreign record: nothing ever follows from there."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from services.chassis.bus.port import Source
from services.chassis.event_store import EventStore
from services.chassis.event_store.schema import events
from services.chassis.sinks.database import Checkpoint, SinkDatabase


def astray(store: EventStore, checkpoints: Mapping[Source, Checkpoint]) -> dict[Source, Checkpoint]:
    """Those up to the store's head that are no position of their partition. They are to be read before it."""
    head = store.last_position()
    ours = {at: place for at, place in checkpoints.items() if at[0] == store.service and 0 < place.position <= head}
    positions = {place.position for place in ours.values()}
    query = select(events.c.position, events.c.partition).where(events.c.position.in_(positions))
    with store.engine.connect() as connection:
        found = {(row.partition, row.position) for row in connection.execute(query).fetchall()}
    return {at: place for at, place in ours.items() if (at[1], place.position) not in found}


def mend_checkpoints(database: SinkDatabase, stores: Mapping[str, EventStore]) -> dict[Source, tuple[int, int]]:
    """Set each checkpoint that is astray back to the partition's event before it, to be gone on from in whatever epoch;
    returns from where to where. Raises LostPlace where a consumer has just moved one of them."""
    before = database.read_checkpoints()
    wrong = {source: at for store in stores.values() for source, at in astray(store, before).items()}
    if not wrong:
        return {}
    last = {source: stores[source[0]].previous_in_partition(source[1], at.position) for source, at in wrong.items()}
    with database.engine.begin() as connection:
        database.checkpoints.move(connection, {source: Checkpoint(0, at) for source, at in last.items()}, before)
    return {source: (at.position, last[source]) for source, at in wrong.items()}
