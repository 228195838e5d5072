"""When a trouble keeps a service from being ready: a database that doesn't answer at once, a bus that is away only once
that lasts."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.intake import Intake
from services.chassis.event_store import EventStore, StoreUnusable

BUS_SECONDS = 10.0
"""So long the bus may be away before the service says that it is not ready: a broker that is started anew is back by
then. Commands are recorded and queries answered all the while; what was recorded is relayed later."""

SILENT_SECONDS = 5.0
"""A database that owes an answer for so long is not there, though its connections stand."""


class Patience:
    """Bears a trouble for some seconds after all was well; before it ever was, not at all."""

    def __init__(self, seconds: float = BUS_SECONDS) -> None:
        self._seconds = seconds
        self._well_at: float | None = None

    def well(self) -> None:
        """There is no trouble now."""
        self._well_at = time.monotonic()

    @property
    def at_an_end(self) -> bool:
        return self._well_at is None or time.monotonic() - self._well_at >= self._seconds


class DatabaseWatch:
    """Asks the store's database now and then whether it is there, and still of this build's version. `step` is for one
    thread, the rest for any."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._asked_at: float | None = None
        self._trouble: str | None = None

    def step(self) -> None:
        """Ask, and wait for the answer as long as it takes."""
        self._asked_at = time.monotonic()
        try:
            self._store.last_position()
            self._store.require_revision()
        except StoreUnusable as error:
            self._trouble = str(error)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip()
            self._trouble = f"数据库暂不可用 · the database can't be reached: {reason}"
        else:
            self._trouble = None
        finally:
            self._asked_at = None

    @property
    def trouble(self) -> str | None:
        """Why the database is of no use now; None: it answered when it was last asked."""
        asked_at = self._asked_at
        if asked_at is not None and (silent := time.monotonic() - asked_at) >= SILENT_SECONDS:
            return f"数据库 {silent:.0f} 秒未应答 · the database has not answered for {silent:.0f} s"
        return self._trouble


def notices_of(intake: Intake) -> Iterator[str]:
    """What somebody should look at although facts are taken."""
    if intake.parked:
        count = len(intake.parked)
        yield f"搁置事件流 {count} 条,见 bizenv parked list · {count} streams are parked"
    if intake.missing:
        places = ", ".join(f"{service}/{partition}" for service, partition in sorted(intake.missing))
        yield f"总线上缺少事件({places}),见 bizenv audit flow · facts are missing on the bus: see bizenv audit flow"
