"""Work that goes on for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Job(NamedTuple):
    """One step after another on a thread of its own, `pause` seconds apart."""

    step: Callable[[], object]
    pause: float = 0.0
