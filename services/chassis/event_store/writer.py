"""Group commit: concurrent appends queue to one writer thread that commits all that wait at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
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


class _Queue:
    """What waits for the writer. The writer sleeps until there is as much as it wants, so that those who come one by
    one wake it once and not each time: waking a thread costs a caller more than its own append does."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._changing = threading.Lock()
        self._wanted = 0
        self._enough = threading.Lock()
        self._enough.acquire()
        self.closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: _Waiting, limit: int) -> None:
        """Raises Unavailable once it is closed, Overloaded where `limit` wait already."""
        with self._changing:
            if self.closed:
                raise Unavailable("服务正在停止", "the service is stopping")
            if len(self._waiting) >= limit:
                raise Overloaded("系统繁忙,请稍后重试", "too many commands are waiting; try again later")
            self._waiting.append(waiting)
            if 0 < self._wanted <= len(self._waiting):
                self._wake()

    def close(self) -> None:
        """Take nothing more."""
        with self._changing:
            self.closed = True
            if self._wanted:
                self._wake()

    def wait_for(self, count: int, seconds: float = -1) -> None:
        """Sleep until so many wait, it is closed, or the time is over (-1: without end). For the writer only."""
        with self._changing:
            if len(self._waiting) >= count or self.closed:
                return
            self._wanted = count
        if not self._enough.acquire(timeout=seconds):
            with self._changing:
                if self._wanted:
                    self._wanted = 0
                else:
                    self._enough.acquire()  # woken at the last moment

    def take(self, most: int) -> list[_Waiting]:
        """What waits, the oldest first."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def _wake(self) -> None:
        self._wanted = 0
        self._enough.release()


class Writer:
    """The one writing thread of a store in this process.

    `commit` runs on that thread. The queue is bounded: beyond `limit` callers get Overloaded. Appends of one
    stream never share a commit, so the second sees the first one's version.
    """

    def __init__(self, commit: Commit, *, name: str, limit: int = 1024) -> None:
        self._commit = commit
        self._limit = limit
        self._queue = _Queue()
        self._held: list[_Waiting] = []
        self._company = (1, 1)
        self._thread = threading.Thread(target=self._run, name=f"writer-{name}", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Appends that wait now."""
        return len(self._queue)

    def submit(
        self, append: Append, loop: asyncio.AbstractEventLoop | None
    ) -> asyncio.Future[Outcome] | Future[Outcome]:
        """Queue an append; the future belongs to `loop`, or is a thread's future where loop is None."""
        waiting = _Waiting(append, loop)
        self._queue.put(waiting, self._limit)
        return waiting.future

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._settle(batch)

    def _next_batch(self) -> list[_Waiting]:
        """All that wait, one per stream; sleeps until there is one. Empty: the writer was closed and all is done.

        Callers who were just answered come again in a moment, so it lingers for as many as came last; once they
        are there it goes at once. Of the last two commits the larger counts, so that callers who fell into two halves
        can come together again.
        """
        held, self._held = self._held, []
        if not held:
            self._queue.wait_for(1)
        self._queue.wait_for(min(max(self._company), BATCH) - len(held), LINGER_SECONDS)
        batch = held + self._queue.take(BATCH - len(held))
        self._company = (self._company[1], len(batch))
        return self._one_per_stream(batch)

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
