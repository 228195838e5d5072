"""Where a run's databases lie for its time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRATCH = Path("build") / "bench"
"""On the disk that the checkout is on, never in memory."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one round's databases, gone afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        yield Path(name)
