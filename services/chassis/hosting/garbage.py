"""How often the garbage collector of a process looks for cycles."""

from __future__ import annotations

import gc

ALLOCATED = 50_000
"""Objects made and not yet freed that bring on a collection of the youngest; Python's own 700 suits small scripts. A
process that keeps tens of thousands of rows and states looked through them over and over, for no cycles: a batch of
facts makes more objects than that and keeps most."""

YOUNGER_COLLECTIONS = 20
"""Collections of one generation that bring on one of the next older."""


def calm_garbage_collection() -> None:
    """Leave what was loaded at the start out of collections for good, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED, YOUNGER_COLLECTIONS, YOUNGER_COLLECTIONS)
