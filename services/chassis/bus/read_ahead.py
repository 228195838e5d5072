"""The next batch fetched while the last one is applied: applying waits for the database a good part of its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import NamedTuple

from services.chassis.bus.port import Delivery, Source, Subscription


class _Page(NamedTuple):
    """What a poll brought, and how things stood right after it."""

    deliveries: list[Delivery]
    progress: dict[Source, int]
    assignment: int


class ReadAhead:
    """A subscription of one reader alone that is far behind. What was fetched ahead counts as undelivered until its
    poll, and is left by a seek. A poll that failed ahead fails when its turn comes."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._ahead: Future[_Page] | None = None
        self._page = self._after([])

    @property
    def assignment(self) -> int:
        return self._page.assignment

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        ahead, self._ahead = self._ahead, None
        self._page = ahead.result() if ahead else self._fetch(timeout, limit)
        if self._page.deliveries:
            self._ahead = self._thread.submit(self._fetch, timeout, limit)
        return self._page.deliveries

    def _fetch(self, timeout: float, limit: int) -> _Page:
        return self._after(self._subscription.poll(timeout, limit))

    def _after(self, deliveries: list[Delivery]) -> _Page:
        return _Page(deliveries, dict(self._subscription.progress()), self._subscription.assignment)

    def seek(self, source: Source, offset: int) -> None:
        self._go_back()
        if self._subscription.assignment == self._page.assignment:
            self._subscription.seek(source, offset)
            if source in self._page.progress:
                self._page.progress[source] = offset

    def _go_back(self) -> None:
        """To where the last poll ended. Where sources were assigned anew meanwhile, nothing of them was read yet."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        wait([ahead])  # what failed in it will fail again
        if self._subscription.assignment == self._page.assignment:
            for source, offset in self._page.progress.items():
                self._subscription.seek(source, offset)

    def progress(self) -> Mapping[Source, int]:
        return dict(self._page.progress)

    def commit(self, progress: Mapping[Source, int]) -> None:
        self._subscription.commit(progress)

    def lag(self) -> Mapping[str, int]:
        ahead = self._ahead
        fetched = Counter(delivery.envelope.service for delivery in ahead.result().deliveries) if ahead else Counter()
        return {service: left + fetched[service] for service, left in self._subscription.lag().items()}

    def unheld(self) -> Mapping[Source, int]:
        return self._subscription.unheld()

    def size(self) -> int:
        return self._subscription.size()

    def behind(self, offsets: Mapping[Source, int]) -> Mapping[str, int]:
        return self._subscription.behind(offsets)

    def oldest_unread(self) -> datetime | None:
        """Of what was not even fetched."""
        return self._subscription.oldest_unread()

    def wake(self) -> None:
        self._subscription.wake()

    def close(self) -> None:
        """The poll in hand ends by itself, soon."""
        self._subscription.close()
        self._thread.shutdown(wait=False)
