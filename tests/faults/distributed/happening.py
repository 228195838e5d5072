"""Whether a fault has happened: said, looked for in a log, or why not."""

from __future__ import annotations

from pathlib import Path

from deploy.processes import within


class Missed(Exception):
    """It did not happen, and why."""


class Excused(Missed):
    """It can't happen on this machine, and why."""


class More:
    """Whether something is said once more in a log."""

    def __init__(self, log: Path, words: bytes) -> None:
        self._log = log
        self._words = words
        self._before = self._count()

    def within(self, seconds: float) -> bool:
        return within(seconds, lambda: self._count() > self._before)

    def _count(self) -> int:
        return self._log.read_bytes().count(self._words) if self._log.exists() else 0


def require(happened: object, otherwise: str) -> None:
    if not happened:
        raise Missed(otherwise)
