"""How a service comes to another generation of its views: one is built beside the live one and takes its place."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.epochs import Beginnings, GivenUp
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus, Source
from services.chassis.faults import fault_point
from services.chassis.service import Service
from services.chassis.sinks.sink import Sink, ViewSink
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveSink, LiveViews, RebuildRunning

log = logger(__name__)

SWAP_PAUSE_SECONDS = 5.0
"""Between two attempts to answer from a new generation of views."""


REBUILD_PAUSE_SECONDS = 0.5
"""Between two looks at another process's rebuild that this one waits for."""


class Stopping(Exception):
    """A rebuild was given up because the service stops."""


class ViewRenewal:
    """Rebuilds one service's views, and swaps generations under the consumer that feeds them first of its sinks."""

    def __init__(
        self, service: Service, views: LiveViews, bus: Bus, consumer: Consumer, intake: Callable[[Sink], Intake]
    ) -> None:
        self._service = service
        self._views = views
        self._bus = bus
        self._consumer = consumer
        self._intake = intake
        self._swap_after = 0.0
        self.facts = 0
        """Of how many facts the last rebuild made the views, each counted once."""
        self.missing: frozenset[Source] = frozenset()
        """The partitions of which it lacks facts that are missing on the bus."""

    def step(self) -> None:
        """Between two turns of the consumer: take up a rebuilt generation, or replace a damaged one."""
        self._take_up_successor()
        if self._views.current.damage is not None:
            self._replace_damaged()

    def rebuild(self, page: Callable[[int], None] | None = None) -> int:
        """Build the views anew from the bus beside the live ones and point to them; returns the generation.

        Works whether the consumer runs or not, here or in another process.
        """
        total, done = self._consumer.subscription.size(), 0

        def read(came: int) -> None:
            nonlocal done
            done += came
            METRICS.rebuild_progress.labels(self._service.name).set(min(1.0, done / max(total, 1)))
            fault_point("rebuild.page")
            if page is not None:
                page(came)

        try:
            return self._views.rebuild(lambda database: self._fill(database, {}, read))
        except GivenUp:
            log.info("rebuild begins again, without what was given up", service=self._service.name)
        done, beginnings = 0, self._bus.beginnings(self._service.listens_to)
        return self._views.rebuild(lambda database: self._fill(database, beginnings, read))

    def _fill(self, database: ViewDatabase, beginnings: Beginnings, read: Callable[[int], None]) -> None:
        intake = self._intake(ViewSink(self._service.name, database))
        intake.beginnings = beginnings
        catch_up(self._bus, self._service.listens_to, intake, read)
        self.facts, self.missing = intake.taken, intake.missing

    def _replace_damaged(self) -> None:
        """Build the views anew beside the damaged ones and answer from them. What of those can be read still is, and
        whoever comes upon the damage is answered Unavailable. Another rebuild that is under way will do."""
        if time.monotonic() < self._swap_after:
            return
        try:
            self.rebuild(self._unless_stopping)
            self._take_up_successor()
        except Stopping:
            return
        except RebuildRunning:
            self._swap_after = time.monotonic() + REBUILD_PAUSE_SECONDS
        except Exception as error:
            self._swap_after = time.monotonic() + SWAP_PAUSE_SECONDS
            log.error("views not rebuilt", service=self._service.name, exc_info=error)

    def _unless_stopping(self, _came: int) -> None:
        if self._consumer.stopping:
            raise Stopping("the service is stopping")

    def _take_up_successor(self) -> None:
        """Swap where a rebuild has pointed to a new generation. While that fails the live one goes on."""
        if self._views.pointed() <= self._views.number or time.monotonic() < self._swap_after:
            return
        self._swap_after = time.monotonic() + SWAP_PAUSE_SECONDS
        try:
            successor = self._views.successor()
            if successor is not None:
                self._swap(*successor)
                self._swap_after = 0.0
        except Exception as error:
            log.error("views not swapped", service=self._service.name, exc_info=error)

    def _swap(self, number: int, successor: ViewDatabase) -> None:
        """Bring the successor to the head, then answer from it and go on feeding it."""
        try:
            intake = self._intake(LiveSink(self._service.name, self._views, successor))
            catch_up(self._bus, self._service.listens_to, intake)
        except BaseException:
            successor.close()
            raise
        self._views.swap(number, successor)
        self._consumer.replace_intake(0, intake)
        log.info("views swapped", service=self._service.name, generation=self._views.number)
