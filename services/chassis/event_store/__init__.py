"""The event store of one service: events appended in one transaction, read back in position order.

`EventStore` is one for all databases; what differs between them is a `Dialect` (`dialect.py`; `sqlite.py` and
`postgresql.py`, which is imported by itself: it brings the driver). The events table is the outbox: a follower that
reads in position order misses nothing, because positions become visible in order.
"""

from services.chassis.event_store.model import (
    Alteration,
    Append,
    Appended,
    Change,
    CommandRecord,
    Failure,
    NewEvent,
    Refusal,
    StoreInfo,
    StoreKind,
    WrongVersion,
)
from services.chassis.event_store.sqlite import SqliteDialect
from services.chassis.event_store.store import EventStore
from services.chassis.event_store.store_info import StoreUnusable

__all__ = [
    "Alteration",
    "Append",
    "Appended",
    "Change",
    "CommandRecord",
    "EventStore",
    "Failure",
    "NewEvent",
    "Refusal",
    "SqliteDialect",
    "StoreInfo",
    "StoreKind",
    "StoreUnusable",
    "WrongVersion",
]
