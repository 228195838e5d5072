"""Waiting for something that another thread or process does: with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = (0.002, 0.02)
"""At first, and once it lasts: whoever asks all the time takes the processor from what he waits for."""
SHARE = 0.05
"""Of the time waited so far, for the next pause."""


def eventually(condition: Callable[[], object], seconds: float = 30.0, what: str = "") -> None:
    """Return as soon as the condition holds; AssertionError when it does not within the time."""
    began = time.monotonic()
    shortest, longest = PAUSE_SECONDS
    while not condition():
        waited = time.monotonic() - began
        assert waited < seconds, f"not within {seconds} s: {what or condition}"
        time.sleep(min(longest, max(shortest, waited * SHARE)))
