"""Loading a library without one that it would take along where it finds it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within, this package can't be imported, as though it were not installed. Changes nothing where it was before."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # so Python's import is told that there is none
    try:
        yield
    finally:
        del sys.modules[package]
