"""Interleaved rounds: ours, the reference, ours, the reference, … and the medians of each."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.bench.servers import Servers

Size = TypeVar("Size", int, float)

Measure = Callable[[], float]
"""One round; returns the figure."""


@dataclass(frozen=True)
class Bench:
    """How a run measures: how many rounds, whether it is only to be quick, and on which servers."""

    rounds: int = 3
    quick: bool = False
    servers: Servers = field(default_factory=Servers)

    def sized(self, full: Size, quick: Size) -> Size:
        """How much of something a round does."""
        return quick if self.quick else full

    def medians(self, *measures: Measure) -> tuple[float, ...]:
        """The median of each over all rounds, taken in turns."""
        found = [[_cleanly(measure) for measure in measures] for _ in range(self.rounds)]
        return tuple(statistics.median(taken) for taken in zip(*found, strict=True))

    def median(self, ours: Measure) -> float:
        return statistics.median(_cleanly(ours) for _ in range(self.rounds))


def _cleanly(measure: Measure) -> float:
    """A round does not pay for the rubbish of the one before."""
    gc.collect()
    return measure()
