"""Waiting for something that another thread or process does: with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.002


def eventually(condition: Callable[[], object], seconds: float = 30.0, what: str = "") -> None:
    """Return as soon as the condition holds; AssertionError when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(PAUSE_SECONDS)
