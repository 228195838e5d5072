"""Work that goes on for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from services.chassis.telemetry.logs import logger

log = logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0


class Job(NamedTuple):
    """One step after another on a thread of its own, `pause` seconds apart."""

    step: Callable[[], object]
    pause: float = 0.0


class Turns:
    """One job's steps, also those that fail in a way that nobody foresaw: such a job is tried again after a pause that
    grows, and says so in the log once. `step` is for one thread, the rest for any."""

    def __init__(self, name: str, job: Job) -> None:
        self.trouble: str | None = None
        """Why it does not go on; None: it does."""
        self._name = name
        self._job = job
        self._longer = 0.0

    @property
    def pause(self) -> float:
        """Seconds until the next step."""
        return max(self._job.pause, self._longer)

    def step(self) -> None:
        try:
            self._job.step()
        except Exception as error:  # noqa: BLE001 - told, by readiness and the log, and tried again
            self._failed(error)
        else:
            if self.trouble is not None:
                log.info("job goes on", job=self._name)
            self.trouble, self._longer = None, 0.0

    def _failed(self, error: Exception) -> None:
        self._longer = min(max(2 * self._longer, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        reason = f"{type(error).__name__}: {error}"
        trouble = f"{self._name} 意外失败,正在重试 · failed unexpectedly and is tried again: {reason}"
        if trouble != self.trouble:
            log.error("job failed", job=self._name, reason=reason, exc_info=error)
        self.trouble = trouble
