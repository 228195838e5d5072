"""Holding a lease over a long time: asked for now and then, renewed long before it ends, left to others for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy.engine import Connection

from services.chassis.leases import Lease

RENEWALS = 3
ASKS = 10
"""Within a lease's span, by its holder and by each who wants it."""

LEFT_ASKS = 3
"""For so many asks of others a holder that stands aside does not ask itself."""


class Leadership:
    """The right to do the work of a lease, as far as this process knows. Every method may raise SQLAlchemyError."""

    def __init__(self, lease: Lease, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.renewal_seconds = lease.seconds / RENEWALS
        """How often a holder looks; what follows from another one's taking over is seen so late at most."""
        self._lease = lease
        self._monotonic = monotonic
        self._ask_seconds = lease.seconds / ASKS
        self._renew_at = 0.0
        self._ask_at = 0.0
        self._aside_until = 0.0

    @property
    def owner_epoch(self) -> int | None:
        """Ours while we lead; None: another process does."""
        return self._lease.owner_epoch

    def gain(self) -> bool:
        """Whether we lead, after asking for it if it is time to."""
        now = self._monotonic()
        if self.owner_epoch is None and now >= self._ask_at:
            self._ask_at = now + self._ask_seconds
            self._renew_at = now + self.renewal_seconds
            self._lease.acquire()
        return self.keep()

    def keep(self) -> bool:
        """Whether we still lead, renewed when it is time to."""
        now = self._monotonic()
        if self.owner_epoch is not None and now >= self._renew_at:
            self._renew_at = now + self.renewal_seconds
            self._lease.renew()
        return self.owner_epoch is not None

    def guard(self, connection: Connection) -> None:
        """First in each transaction that writes as the leader: raises LeaseLost where another one leads by now."""
        self._lease.guard(connection)

    def leave(self) -> None:
        """Let anyone lead at once, ourselves as well."""
        self._ask_at = 0.0
        self._lease.release()

    def stand_aside(self) -> None:
        """Let another one lead, and ask again only when whoever wants to has had the time to take it."""
        self._ask_at = self._aside_until = self._monotonic() + LEFT_ASKS * self._ask_seconds
        self._lease.release()

    @property
    def stands_aside(self) -> bool:
        """Whether that time still lasts: nobody knows yet whether another one leads."""
        return self._monotonic() < self._aside_until
