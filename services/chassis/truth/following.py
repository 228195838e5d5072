"""Which of several that could follow a store does: the one that holds the lock of its published files, and on a
database that other machines reach, too, the lease on its log."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.event_store import EventStore
from services.chassis.leadership import Leadership
from services.chassis.leases import Lease
from services.chassis.postgres.processes import process_name
from services.chassis.truth.published import FollowerLock

LEASE = "merkle_log"


class Following:
    """One object's hold on a log. Every method may raise SQLAlchemyError, or OSError where the folder takes no writes.

    The lock goes with its process, but not with one that stands still; the lease ends by itself, and its owner epoch
    keeps a holder that was overtaken from writing into the store.
    """

    def __init__(self, store: EventStore, lock: FollowerLock) -> None:
        self._lock = lock
        self._leadership: Leadership | None = None
        if store.engine.dialect.name != "sqlite":
            self._leadership = Leadership(Lease(store.engine, LEASE, f"{process_name()}:{uuid4()}"))

    def acquire(self) -> int | None:
        """The number of this hold: another one than before where somebody else may have written in between. None:
        another one follows."""
        if not self._lock.acquire():
            return None
        if self._leadership is None:
            return 0
        if not self._leadership.gain():
            self._lock.release()
        return self._leadership.owner_epoch

    def guard(self, connection: Connection) -> None:
        """First in each writing transaction: raises LeaseLost where another one follows by now."""
        if self._leadership is not None:
            self._leadership.guard(connection)

    def release(self) -> None:
        """Let another one follow at once."""
        self._lock.release()
        if self._leadership is not None:
            with suppress(SQLAlchemyError):  # it ends by itself
                self._leadership.leave()
