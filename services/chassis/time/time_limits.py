"""The time limits of many tasks on one event loop, watched by one timer.

`asyncio.timeout` sets a timer and cancels it each time. Nearly all requests are done long before their deadline, and
the timer cost such a command more than its authorisation, hash and id together.
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

CLOSE_SECONDS = 0.001
"""A timer of the loop may come as much early: it counts whole milliseconds."""


class TimeLimits:
    """`with limits.of(seconds):` around what a task awaits, as `asyncio.timeout`. For one event loop only."""

    def __init__(self) -> None:
        self._running: set[TimeLimit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def of(self, seconds: float) -> TimeLimit:
        return TimeLimit(self, seconds)

    def watch(self, limit: TimeLimit, loop: asyncio.AbstractEventLoop) -> None:
        """Expire it at its time, unless it is forgotten before."""
        self._running.add(limit)
        if limit.at < self._next:
            self._set(limit.at, loop)

    def forget(self, limit: TimeLimit) -> None:
        """It was kept. The timer stays for the others, or finds nothing to do."""
        self._running.discard(limit)

    def _set(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = loop.call_at(at, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._next = None, math.inf
        now = loop.time() + CLOSE_SECONDS
        for limit in [each for each in self._running if each.at <= now]:
            self._running.discard(limit)
            limit.expire()
        if self._running:
            self._set(min(each.at for each in self._running), loop)


class TimeLimit:
    """Cancels its task when the time is over; leaving it is a TimeoutError then, unless others cancelled it too."""

    __slots__ = ("_cancelling", "_limits", "_seconds", "_task", "at", "expired")

    def __init__(self, limits: TimeLimits, seconds: float) -> None:
        self._limits = limits
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "only a task can be cancelled"
        self._task = task
        self._cancelling = task.cancelling()
        self.at = loop.time() + self._seconds
        self._limits.watch(self, loop)

    def expire(self) -> None:
        self.expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.forget(self)
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
