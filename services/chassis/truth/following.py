"""Which of several that could follow a store does: the one that holds the lock of its published files, and on a
database that other machines reach, too, the lease on its log."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.event_store import EventStore
from services.chassis.leases import Lease
from services.chassis.truth.published import FollowerLock

LEASE = "merkle_log"
_RENEWED = 3
"""The lease is renewed when one part of so many of its time has passed."""


class Following:
    """One object's hold on a log. Every method may raise SQLAlchemyError, or OSError where the folder takes no writes.

    The lock goes with its process, but not with one that stands still; the lease ends by itself, and its owner epoch
    keeps a holder that was overtaken from writing into the store.
    """

    def __init__(self, store: EventStore, lock: FollowerLock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lock = lock
        self._monotonic = monotonic
        self._renew_at = 0.0
        self._lease: Lease | None = None
        if store.engine.dialect.name != "sqlite":
            self._lease = Lease(store.engine, LEASE, f"{socket.gethostname()}:{os.getpid()}:{uuid4()}")

    def acquire(self) -> int | None:
        """The number of this hold: another one than before where somebody else may have written in between. None:
        another one follows."""
        if not self._lock.acquire():
            return None
        if self._lease is None:
            return 0
        if self._lease.owner_epoch is not None and self._monotonic() < self._renew_at:
            return self._lease.owner_epoch
        self._renew_at = self._monotonic() + self._lease.seconds / _RENEWED
        held = self._lease.acquire()
        if held is None:
            self._lock.release()
        return held

    def guard(self, connection: Connection) -> None:
        """First in each writing transaction: raises LeaseLost where another one follows by now."""
        if self._lease is not None:
            self._lease.guard(connection)

    def release(self) -> None:
        """Let another one follow at once."""
        self._lock.release()
        if self._lease is not None:
            with suppress(SQLAlchemyError):  # it ends by itself
                self._lease.release()
