"""How a process that shares its service's views with others feeds them through a change of generations."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus
from services.chassis.service import Service
from services.chassis.sinks.sink import Sink
from services.chassis.telemetry.logs import logger
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveSink, LiveViews
from services.chassis.views.renewal import SWAP_PAUSE_SECONDS, ViewRenewal
from services.chassis.views.shared import SharedViews

log = logger(__name__)


class SharedRenewal(ViewRenewal):
    """Has one consumer feed all generations that are needed, the newest first."""

    _views: SharedViews

    def __init__(
        self, service: Service, views: SharedViews, bus: Bus, consumer: Consumer, intake: Callable[[Sink], Intake]
    ) -> None:
        super().__init__(service, views, bus, consumer, intake)
        self._shared = views
        self._fed = {views.number: consumer.intakes[0]}
        self._broken: set[int] = set()
        views.feeding(list(self._fed))

    def _take_up_successor(self) -> None:
        """Feed what is to be fed by now. While that fails what is fed goes on."""
        if time.monotonic() < self._swap_after:
            return
        try:
            if self._shared.current.damage is not None:
                self._shared.step()
            self._note_failure()
            self._feed(self._due())
        except Exception as error:
            self._swap_after = time.monotonic() + SWAP_PAUSE_SECONDS
            log.error("views not fed", service=self._service.name, exc_info=error)

    def _note_failure(self) -> None:
        """Of several generations the new one has stopped the consumer; one that does so alone is broken."""
        if self._consumer.failure is None:
            return
        if len(self._fed) > 1:
            self._shared.refuse(max(self._fed))
        else:
            self._broken.update(self._fed)

    def _due(self) -> dict[int, ViewDatabase]:
        return {number: database for number, database in self._shared.fed().items() if number not in self._broken}

    def _feed(self, due: dict[int, ViewDatabase]) -> None:
        if not due or due.keys() == self._fed.keys():
            return
        name = self._service.name
        fed = {
            number: self._fed.get(number) or self._intake(LiveSink(name, self._shared, database))
            for number, database in due.items()
        }
        self._shared.feeding(list(fed))
        self._consumer.intakes[:] = fed.values()
        self._consumer.replace_intake(0, self._consumer.intakes[0])
        self._fed = fed
        log.info("views fed", service=name, generations=list(fed))


def renewal_of(
    service: Service, views: LiveViews, bus: Bus, consumer: Consumer, intake: Callable[[Sink], Intake]
) -> ViewRenewal:
    """What these views need: those that other processes feed as well are fed through a change together with them."""
    if isinstance(views, SharedViews):
        return SharedRenewal(service, views, bus, consumer, intake)
    return ViewRenewal(service, views, bus, consumer, intake)
