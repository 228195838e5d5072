"""When a relay has tried to send for so long in vain that another process should."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 20.0
"""Longer than a broker takes to start anew or to hand its partitions to another one: while all processes wait for
Kafka, handing over helps none of them."""


class CutOff:
    """Counts for how long nothing went through although it was tried."""

    def __init__(self, patience_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience_seconds
        self._monotonic = monotonic
        self._since: float | None = None

    def tried(self) -> None:
        """It was tried, or is still being tried, and nothing went through."""
        if self._since is None:
            self._since = self._monotonic()

    def went_through(self) -> None:
        """Something did, or there is nothing to try; also for a new holder, who is to have the whole patience."""
        self._since = None

    @property
    def lasts(self) -> bool:
        """Whether the patience is at its end."""
        return self._since is not None and self._monotonic() - self._since >= self._patience
