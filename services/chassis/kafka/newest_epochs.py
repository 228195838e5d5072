"""In which epoch a store is, for those that read its topic: nothing on a topic can be of a later one.

A record of a later epoch, taken for one of ours, would let every true event behind it seem outdated for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from services.chassis.kafka.records import UnknownEpoch

LOOK_SECONDS = 0.1
"""Between two looks. A store is put back while nobody has it open: a new epoch's first event comes later than that."""


class NewestEpochs:
    """Asks a store when a record says that it is of a later epoch than was seen, at most ten times a second each."""

    def __init__(self, ask: Callable[[str], int | None]) -> None:
        """`ask` reads a service's epoch (None: it can't be known here); it may raise SQLAlchemyError."""
        self._ask = ask
        self._known: dict[str, int | None] = {}
        self._look_at: dict[str, float] = {}

    def newest(self, service: str) -> int | None:
        """The one that the store is in now; None: unknown."""
        self._known[service] = self._ask(service)
        self._look_at[service] = time.monotonic() + LOOK_SECONDS
        return self._known[service]

    def require_begun(self, service: str, epoch: int) -> None:
        """Raise UnknownEpoch for one that the store has not begun. It begins one before anything is sent in it."""
        if epoch <= (self._known.get(service) or 0):
            return
        looks_again = service not in self._known or time.monotonic() >= self._look_at[service]
        newest = self.newest(service) if looks_again else self._known[service]
        if newest is not None and epoch > newest:
            raise UnknownEpoch(epoch, newest)
