"""Chance that repeats: every project and unit draws from a stream of its own, named after what it is for.

So the same seed gives the same city, and a change to one project's life leaves all others as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, *names: object) -> Random:
    """The stream of chance for this purpose; equal names, equal draws."""
    return Random("/".join(str(name) for name in (seed, *names)))


def maybe(chance: Random, share: float) -> bool:
    """True in this share of cases; one draw whatever the share."""
    return chance.random() < share


def one_of(chance: Random, weighted: Sequence[tuple[T, float]]) -> T:
    """One of the values, by its weight."""
    values, weights = zip(*weighted, strict=True)
    drawn: T = chance.choices(values, weights)[0]
    return drawn


def some_days(chance: Random, least: int, most: int) -> timedelta:
    """From `least` to `most` days, both included."""
    return timedelta(days=chance.randint(least, most))


def day_between(chance: Random, first: date, last: date) -> date:
    """A day from first to last, both included; first where last lies before it."""
    return first + timedelta(days=chance.randint(0, max(0, (last - first).days)))
