"""What the other stores of the same database have, asked over the connections of the one that is open here."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Integer, cast, select
from sqlalchemy.exc import ProgrammingError

from services.chassis.event_store import queries
from services.chassis.event_store.schema import store as told
from services.chassis.event_store.store import EventStore

_LOOK = select(
    select(cast(told.c.value, Integer)).where(told.c.key == "epoch").scalar_subquery(),
    queries.BEFORE.scalar_subquery(),
)


class Before(NamedTuple):
    """The epoch that a store is in, and the newest position of a partition before another one (0: there is none)."""

    epoch: int
    position: int


class Neighbours:
    """Each service's store in the schema that bears its name. Any thread may ask."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.partitions = store.info.partitions
        """Of each store: they are made together."""

    def before(self, service: str, partition: int, position: int) -> Before | None:
        """None: there is no such store, or it is not ours to read. Raises Unavailable, SQLAlchemyError."""
        engine = self._store.engine.execution_options(schema_translate_map={None: service})
        with self._store.trouble_told(), engine.connect() as connection:
            try:
                found = connection.execute(_LOOK, {"at": position, "of": partition}).one()
            except ProgrammingError:
                return None
        return None if found[0] is None else Before(found[0], found[1] or 0)
