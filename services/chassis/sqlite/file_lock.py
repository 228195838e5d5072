"""A lock on an open file or folder, between processes; the system frees it when it is closed or the process dies."""

from __future__ import annotations

import fcntl
from typing import IO


def lock_now(file: int | IO[str]) -> bool:
    """Whether it is ours alone now; does not wait for another holder."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
