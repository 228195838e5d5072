"""Group commit: concurrent appends queue to one writer thread that commits all that wait at once."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from services.chassis.errors import Overloaded, Unavailable
from services.chassis.event_store.model import Append, Outcome

BATCH = 256
"""Appends in one commit at the most: beyond it a commit takes so long that callers wait more than they gain."""

LINGER_SECONDS = 0.001
"""How long the writer waits at most for as much company as one of the last two commits had."""

Commit = Callable[[Sequence[Append]], list[Outcome]]


class _Waiting:
    """An append in the queue and how its caller is woken."""

    __slots__ = ("append", "error", "future", "loop", "outcome")

    def __init__(self, append: Append, loop: asyncio.AbstractEventLoop | None) -> None:
        self.append = append
        self.loop = loop
        self.future: asyncio.Future[Outcome] | Future[Outcome] = loop.create_future() if loop else Future()
        self.outcome: Outcome | None = None
        self.error: Exception | None = None


class Writer:
    """The one writing thread of a store in this process.

    `commit` runs on that thread. The queue is bounded: beyond `limit` callers get Overloaded. Appends of one
    stream never share a commit, so the second sees the first one's version.
    """

    def __init__(self, commit: Commit, *, name: str, limit: int = 1024) -> None:
        self._commit = commit
        self._limit = limit
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._held: list[_Waiting] = []
        self._closed = False
        self._door = threading.Lock()
        self._company = (1, 1)
        self._thread = threading.Thread(target=self._run, name=f"writer-{name}", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Appends that wait now."""
        return self._queue.qsize()

    def submit(
        self, append: Append, loop: asyncio.AbstractEventLoop | None
    ) -> asyncio.Future[Outcome] | Future[Outcome]:
        """Queue an append; the future belongs to `loop`, or is a thread's future where loop is None."""
        waiting = _Waiting(append, loop)
        with self._door:
            if self._closed:
                raise Unavailable("服务正在停止", "the service is stopping")
            if self._queue.qsize() >= self._limit:
                raise Overloaded("系统繁忙,请稍后重试", "too many commands are waiting; try again later")
            self._queue.put(waiting)
        return waiting.future

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._settle(batch)

    def _next_batch(self) -> list[_Waiting] | None:
        """All that wait, one per stream; blocks for the first. None: the writer was closed and all is done.

        Callers who were just answered come again in a moment, so it lingers for as many as came last; once they
        are there it goes at once. Of the last two commits the larger counts, so that callers who fell into two halves
        can come together again.
        """
        batch, self._held = self._held, []
        if not batch:
            first = self._queue.get()
            if first is None:
                return None
            batch.append(first)
        expected = max(self._company)
        until = time.monotonic() + LINGER_SECONDS if expected > 1 else 0.0
        while len(batch) < BATCH:
            more = self._more(until if len(batch) < expected else 0.0)
            if more is None:
                break
            batch.append(more)
        self._company = (self._company[1], len(batch))
        return self._one_per_stream(batch)

    def _more(self, until: float) -> _Waiting | None:
        try:
            more = self._queue.get_nowait()
        except queue.Empty:
            left = until - time.monotonic() if until else 0.0
            if left <= 0:
                return None
            try:
                more = self._queue.get(timeout=left)
            except queue.Empty:
                return None
        if more is None:
            self._queue.put(None)
        return more

    def _one_per_stream(self, batch: list[_Waiting]) -> list[_Waiting]:
        streams: set[str] = set()
        ids: set[str] = set()
        now: list[_Waiting] = []
        for waiting in batch:
            append = waiting.append
            if append.stream in streams or append.command_id in ids:
                self._held.append(waiting)
                continue
            streams.add(append.stream)
            ids.add(append.command_id)
            now.append(waiting)
        return now

    def _settle(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = self._commit([waiting.append for waiting in batch])
        except Exception as error:  # noqa: BLE001 - every caller gets it; none is lost
            for waiting in batch:
                waiting.error = error
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome
        _wake(batch)


def _wake(batch: list[_Waiting]) -> None:
    """Tell each caller its own result, with one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in batch:
        if waiting.loop is None:
            _resolve([waiting])
        else:
            by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, waiters in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, waiters)


def _resolve(waiters: list[_Waiting]) -> None:
    for waiting in waiters:
        future = waiting.future
        if future.cancelled():
            continue
        if waiting.error is not None:
            future.set_exception(waiting.error)
        else:
            assert waiting.outcome is not None
            future.set_result(waiting.outcome)
