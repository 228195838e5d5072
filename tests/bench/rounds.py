"""Interleaved rounds: ours, the reference, ours, the reference, … and the medians of each."""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Measure = Callable[[], float]
"""One round; returns the figure."""

SCRATCH = Path("build") / "bench"
"""Where the databases of a run lie for its time: on the disk that the checkout is on, never in memory."""


@dataclass(frozen=True)
class Bench:
    """How a run measures: how many rounds, and whether it is only to be quick."""

    rounds: int = 3
    quick: bool = False

    def sized(self, full: int, quick: int) -> int:
        """How much of something a round does."""
        return quick if self.quick else full

    def medians(self, ours: Measure, reference: Measure) -> tuple[float, float]:
        """The medians of both over all rounds, taken in turns."""
        found: list[tuple[float, float]] = []
        for _ in range(self.rounds):
            found.append((_cleanly(ours), _cleanly(reference)))
        first, second = zip(*found, strict=True)
        return statistics.median(first), statistics.median(second)

    def median(self, ours: Measure) -> float:
        return statistics.median(_cleanly(ours) for _ in range(self.rounds))


def _cleanly(measure: Measure) -> float:
    """A round does not pay for the rubbish of the one before."""
    gc.collect()
    return measure()


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one round's databases, gone afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        yield Path(name)
