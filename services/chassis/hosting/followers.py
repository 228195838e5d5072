"""The consumers of a service in a process: what feeds its views, what feeds its reactions, how far they have come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.unheld import UnheldWatch
from services.chassis.hosting.readiness import notices_of


class Followers:
    """They follow the bus side by side, so that neither holds up the other; a service that listens to no topic has
    neither."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.views: Consumer | None = None
        self.reactions: Consumer | None = None
        self._caught_up: set[Consumer] = set()
        self._awaited: frozenset[str] = frozenset()
        self._watches: list[UnheldWatch] = []

    def __iter__(self) -> Iterator[Consumer]:
        """The views' first, so that reactions find their facts there."""
        return iter([each for each in (self.views, self.reactions) if each is not None])

    def begin(self, services: Iterable[str]) -> None:
        """From now on they follow these services: the others of them that were never read are awaited."""
        self._watches = [UnheldWatch(each.group, each.subscription) for each in self]
        if self.views is not None:
            read = {service for service, _ in self.views.intakes[0].checkpoints}
            self._awaited = frozenset(services) - {self._service} - read

    def awaited(self) -> frozenset[str]:
        """Other services whose facts the views have never caught up with: decisions that rest on them would be wrong.
        Later they only lag. None before `begin`: then whoever steps them knows when."""
        return self._awaited

    def turn(self, consumer: Consumer, idle_seconds: float) -> None:
        """One turn of one of them."""
        came = consumer.turn(idle_seconds)
        if came is not None and consumer not in self._caught_up and consumer.has_caught_up(came):
            self._caught_up.add(consumer)
            if consumer is self.views:
                self._awaited = frozenset()

    def behind(self, read: Mapping[tuple[str, int], int]) -> Mapping[str, int]:
        """Per topic, how many facts are not read by views that stand at these positions."""
        return {} if self.views is None else self.views.subscription.behind(read)

    @property
    def failure(self) -> str | None:
        """Why one of them has given up."""
        return next((str(each.failure) for each in self if each.failure is not None), None)

    @property
    def waits_for(self) -> str | None:
        """What one of them can't go on without."""
        return next((str(each.waits_for) for each in self if each.waits_for is not None), None)

    @property
    def catching_up(self) -> str | None:
        """Who has not yet read what there was at the start."""
        if self.views is not None and self.views not in self._caught_up:
            return "视图正在追赶事件 · the views are catching up"
        if self.reactions is not None and self.reactions not in self._caught_up:
            return "反应正在追赶事件 · the reactions are catching up"
        return None

    @property
    def notices(self) -> list[str]:
        """What somebody should look at although facts are taken."""
        unread = [watch.notice for watch in self._watches]
        found = [notice for each in self for intake in each.intakes for notice in notices_of(intake)]
        return [*found, *(notice for notice in unread if notice is not None)]

    def look_at_groups(self) -> None:
        """See whether each source is read by some process; now and then, on one thread."""
        for watch in self._watches:
            watch.step()

    def stop(self) -> None:
        for each in self:
            each.stop()
