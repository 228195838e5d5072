"""Whether every source is read by some member of the group: one that nobody holds keeps its facts from everybody, and
no member's own lag would show it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.chassis.bus.lag import Untold
from services.chassis.bus.port import Source, Subscription
from services.chassis.errors import Unavailable

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
"""Members that join, leave or are missed hand over their sources within less."""


class UnheldWatch:
    """Asks the bus now and then about one group. `step` is for one thread, the rest for any."""

    def __init__(self, group: str, subscription: Subscription, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._group = group
        self._subscription = subscription
        self._patience = patience_seconds
        self._untold = Untold("who reads which partitions", group=group)
        self._since: dict[Source, float] = {}
        self._waiting: Mapping[Source, int] = {}

    def step(self) -> None:
        """Ask now; what the bus can't tell stays as it was."""
        try:
            found = self._subscription.unheld()
        except Unavailable as error:
            self._untold.why(error)
            return
        self._untold.no_more()
        now = time.monotonic()
        self._since = {source: self._since.get(source, now) for source in found}
        self._waiting = found

    @property
    def notice(self) -> str | None:
        """Which sources nobody has read for a while; None: there are none."""
        begun = time.monotonic() - self._patience
        long = sorted(source for source, since in self._since.items() if since <= begun)
        if not long:
            return None
        places, count = ", ".join(f"{service}/{number}" for service, number in long), self._records(long)
        return (
            f"消费者组 {self._group} 无成员读取这些分区:{places}(积压 {count} 条) · "
            f"no member of the group {self._group} reads these partitions, in which {count} records wait"
        )

    def _records(self, sources: list[Source]) -> int:
        waiting = self._waiting
        return sum(waiting.get(source, 0) for source in sources)
