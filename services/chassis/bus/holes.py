"""A fact that is missing on the bus: when and from where it is read again while nothing more comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from services.chassis.bus.port import Source
from services.chassis.telemetry.logs import logger

log = logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Rereads:
    """Counts for each source how often it was read again in vain: first from the checkpoint, then from its beginning,
    for the topic may be another one than when the checkpoint was written; then less and less often."""

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._now = now
        self._tries: dict[Source, int] = {}
        self._next_at: dict[Source, float] = {}

    def due(self, sources: Iterable[Source]) -> dict[Source, bool]:
        """Which of them are to be read again now; True: from their beginnings."""
        now, found = self._now(), {}
        for source in sources:
            if now >= self._next_at.get(source, 0.0):
                tries = self._tries[source] = self._tries.get(source, 0) + 1
                pause = FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 10)
                self._next_at[source] = now + min(pause, LONGEST_PAUSE_SECONDS)
                found[source] = tries > 1
                if tries == 3:
                    log.error("fact missing", group=self._name, service=source[0], partition=source[1])
        return found

    def forget(self, source: Source) -> None:
        """What was missing has come, or it is another one now."""
        self._tries.pop(source, None)
        self._next_at.pop(source, None)

    @property
    def missing(self) -> frozenset[Source]:
        """The sources that were read again from their beginnings without bringing what is missing."""
        return frozenset(source for source, tries in self._tries.items() if tries > 2)

    def clear(self) -> None:
        self._tries.clear()
        self._next_at.clear()
