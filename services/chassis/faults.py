"""Named points at which a test may kill the process (`BIZENV_FAULT`), so that crashes are proved, not assumed.

    BIZENV_FAULT=store.committed        die at the first passing
    BIZENV_FAULT=consumer.written:5     die at the fifth

Unset (always, outside tests) a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

POINTS = frozenset(
    {
        *("store.committed", "consumer.mid_batch", "consumer.written", "consumer.committed"),
        *("rebuild.page", "rebuild.swap"),
        *("truth.appended", "truth.announced", "truth.stored", "truth.published"),
        *("relay.sent", "relay.acknowledged", "relay.moved"),
    }
)

_armed: str = ""
_left = 0


def arm(setting: str) -> None:
    """Arm one point, `name` or `name:count`; raises ValueError for an unknown name or a bad count."""
    global _armed, _left
    name, _, count = setting.partition(":")
    if name and name not in POINTS:
        raise ValueError(f"unknown fault point {name!r}; known: {', '.join(sorted(POINTS))}")
    _armed, _left = name, int(count or 1)


def fault_point(name: str) -> None:
    """Die here with SIGKILL when this point is armed and its count is used up."""
    global _left
    if _armed == name:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
