"""Queries that wait until views have reached a position: few enough, and each woken as soon as it is reached."""

from __future__ import annotations

import asyncio
import contextlib

from services.chassis.admission import place_given_back
from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded, Overloaded
from services.chassis.positions.position import PositionToken
from services.chassis.views.live import LiveViews


class Waiters:
    """At most `limit` callers of one event loop. `wake` may be called by any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[asyncio.Future[None], tuple[LiveViews, PositionToken]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> int:
        """Callers that wait now."""
        return len(self._waiting)

    async def reached(self, views: LiveViews, token: PositionToken, deadline: Deadline) -> None:
        """Return once the views hold the position; raises Overloaded (too many wait) or DeadlineExceeded.

        A caller that is cancelled leaves at once, and while one waits its place at the door is free for others.
        """
        if len(self._waiting) >= self._limit:
            raise Overloaded(
                "等待视图更新的查询过多,请稍后重试", "too many queries wait for the views; try again later"
            )
        self._loop = asyncio.get_running_loop()
        reached = self._loop.create_future()
        self._waiting[reached] = (views, token)
        try:
            if not views.covers(token):  # asked once more: nobody woke us before we stood in the list
                with place_given_back(), views.awaited():
                    async with asyncio.timeout(deadline.remaining()):
                        await reached
        except TimeoutError:
            raise DeadlineExceeded(
                "视图尚未更新到所要求的位置,请稍后重试", "the views have not reached the position in time; try again"
            ) from None
        finally:
            del self._waiting[reached]

    def wake(self) -> None:
        """Some views have moved on. One call into the loop, however many wait."""
        if self._waiting and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there any more
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        for reached, (views, token) in self._waiting.items():
            if not reached.done() and views.covers(token):
                reached.set_result(None)
