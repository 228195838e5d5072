"""Holding a lease over a long time: asked for now and then, renewed long before it ends."""

from __future__ import annotations

import time

from services.chassis.leases import Lease


class Leadership:
    """The right to do the work of a lease, as far as this process knows. Every method may raise SQLAlchemyError."""

    def __init__(self, lease: Lease) -> None:
        self.renewal_seconds = lease.seconds / 3
        """How often a holder looks; what follows from another one's taking over is seen so late at most."""
        self._lease = lease
        self._renew_at = 0.0
        self._ask_at = 0.0

    @property
    def owner_epoch(self) -> int | None:
        """Ours while we lead; None: another process does."""
        return self._lease.owner_epoch

    def gain(self) -> bool:
        """Whether we lead, after asking for it if it is time to: ten times within a lease's span."""
        if self.owner_epoch is None and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + self._lease.seconds / 10
            self._renew_at = time.monotonic() + self.renewal_seconds
            self._lease.acquire()
        return self.keep()

    def keep(self) -> bool:
        """Whether we still lead, renewed when it is time to."""
        if self.owner_epoch is not None and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + self.renewal_seconds
            self._lease.renew()
        return self.owner_epoch is not None

    def leave(self) -> None:
        """Let anyone lead at once, ourselves as well."""
        self._lease.release()
        self._ask_at = 0.0
