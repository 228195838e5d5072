"""A fact that is missing on the bus: when and from where it is read again."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.chassis.bus.port import Source
from services.chassis.bus.sorting import START
from services.chassis.sinks.checkpoints import Checkpoint
from services.chassis.telemetry.logs import logger

log = logger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 900.0
"""What stays missing after some readings was never sent, or a record names a position that never was: to read a whole
partition for it each minute would cost more than it brings."""


@dataclass(slots=True)
class _Reading:
    """How one source is read again."""

    tries: int = 0
    next_at: float = 0.0
    until: int = 0
    begun_at: float = 0.0


class Rereads:
    """Counts for each source how often it was read again in vain: first from the checkpoint, then from its beginning,
    for the topic may be another one than when the checkpoint was written; then less and less often. It is not begun
    again before it came as far as it was when it began: it would never get behind what takes longer than a pause."""

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._now = now
        self._readings: dict[Source, _Reading] = {}

    def begin(self, source: Source, progress: Mapping[Source, int]) -> None:
        """It is read again now, which lasts until it has come as far as its `progress`."""
        reading = self._readings.setdefault(source, _Reading())
        reading.until = max(progress.get(source, 0), reading.until)
        reading.begun_at = self._now()

    def due(self, sources: Iterable[Source], progress: Mapping[Source, int]) -> dict[Source, bool]:
        """Which of them are to be read again now; True: from their beginnings. `progress`: up to where each was
        delivered (missing: nothing more comes of it)."""
        now, found = self._now(), {}
        for source in sources:
            reading = self._readings.setdefault(source, _Reading())
            if now >= reading.next_at and self._is_read(reading, progress.get(source)):
                reading.tries += 1
                pause = FIRST_PAUSE_SECONDS * 2 ** min(reading.tries - 1, 10)
                reading.next_at = now + min(pause, LONGEST_PAUSE_SECONDS)
                self.begin(source, progress)
                found[source] = reading.tries > 1
                if reading.tries == 3:
                    log.error("fact missing", group=self._name, service=source[0], partition=source[1])
        return found

    def _is_read(self, reading: _Reading, reached: int | None) -> bool:
        if reached is None:
            return True
        rested = self._now() >= reading.begun_at + FIRST_PAUSE_SECONDS
        return rested and reached >= reading.until

    def forget(self, source: Source) -> None:
        """What was missing has come, or it is another one now."""
        self._readings.pop(source, None)

    @property
    def missing(self) -> frozenset[Source]:
        """The sources that were read again from their beginnings without bringing what is missing."""
        return frozenset(source for source, reading in self._readings.items() if reading.tries > 2)


class Hole(NamedTuple):
    """Something is missing before position `seen`; it was read again from the checkpoint at `read_from`."""

    seen: int
    read_from: int


class Holes:
    """What is missing of each source, and from where it is read again.

    A hole is read again once, and then now and then (`Rereads`), whatever comes meanwhile. In between reading goes on:
    what is missing may lie further on than a batch reaches, sent late.
    """

    def __init__(self, rereads: Rereads) -> None:
        self.rereads = rereads
        self._holes: dict[Source, Hole] = {}

    def __bool__(self) -> bool:
        return bool(self._holes)

    @property
    def services(self) -> frozenset[str]:
        """The services of which something is missing."""
        return frozenset(service for service, _ in self._holes)

    @property
    def missing(self) -> frozenset[Source]:
        """The sources of which a fact stays missing, though they were read again from their beginnings."""
        return self.rereads.missing & self._holes.keys()

    @property
    def in_vain(self) -> bool:
        """Whether there are holes, and of none more can be hoped for from what the bus holds now."""
        return bool(self._holes) and self._holes.keys() <= self.rereads.missing

    def clear(self) -> None:
        """Everything is read again."""
        self._holes.clear()

    def note(self, ahead: Mapping[Source, int], places: Mapping[Source, Checkpoint]) -> dict[Source, Checkpoint]:
        """Behind a hole these positions were seen, and the sources are at these places now. Returns those not read
        again from there yet, with where that is."""
        again: dict[Source, Checkpoint] = {}
        for source in {*self._holes, *ahead}:
            at = places.get(source, START)
            known = self._holes.pop(source, Hole(0, -1))
            if known.read_from != at.position:
                self.rereads.forget(source)
            seen = max(known.seen, ahead.get(source, 0))
            if seen > at.position:
                self._holes[source] = Hole(seen, at.position)
                if known.read_from != at.position:
                    again[source] = at
        return again

    def due(
        self, places: Mapping[Source, Checkpoint], progress: Mapping[Source, int], begun: Container[Source]
    ) -> dict[Source, Checkpoint]:
        """The sources to read again now, with from where, but those that were just `begun`. `progress`: as `Rereads`
        wants it."""
        found: dict[Source, Checkpoint] = {}
        waiting = [source for source in self._holes if source not in begun]
        for source, from_beginning in self.rereads.due(waiting, progress).items():
            at = places.get(source, START)
            found[source] = Checkpoint(at.epoch, at.position) if from_beginning else at
        return found
