"""`python -m tests.bench.alone`: project_tracking served on PostgreSQL by its event store alone.

Doors, tokens, rights, decisions, the store and its Merkle log are those of `bizenv serve`. No relay reads the store and
no broker is asked: what its own views and reactions listen to they read at the stores, as in the embedded form.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from services.catalogue import SERVICES
from services.chassis.bus.port import EmbeddedBus
from services.chassis.event_store import EventStore
from services.chassis.forms.distributed import DistributedForm
from services.chassis.hosting.access import Access
from services.chassis.hosting.city import City
from services.chassis.hosting.serving import serve
from services.chassis.positions.known import StoredPositions
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock
from services.cli.opening import prepare

SERVED = "project_tracking"


class StoreAlone(DistributedForm):
    """PostgreSQL without Kafka."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, [service.name for service in SERVICES])
        self._gather_seconds = settings.poll_busy_milliseconds / 1000
        self._read: dict[str, EventStore] = {}

    def bus(self, stores: Mapping[str, EventStore]) -> EmbeddedBus:
        return EmbeddedBus(self._all(stores), self._gather_seconds)

    def positions(self, stores: Mapping[str, EventStore]) -> StoredPositions:  # type: ignore[override]
        return StoredPositions(self._all(stores))

    def relay(self, store: EventStore) -> None:  # type: ignore[override]
        """Nothing is brought anywhere."""

    def _all(self, stores: Mapping[str, EventStore]) -> Mapping[str, EventStore]:
        """Those of other services too, to be read."""
        for service in SERVICES:
            if service.name not in stores and service.name not in self._read:
                self._read[service.name] = self.store(service.name)
        return {**self._read, **stores}

    def close(self) -> None:
        for store in self._read.values():
            store.close()
        super().close()


def main() -> None:
    given = prepare()
    form = StoreAlone(given)
    hosted = [service for service in SERVICES if service.name == SERVED]
    with closing(City(form, hosted, given, city_clock(form, SERVICES), catalogue=SERVICES)) as city:
        access = Access.at(form.logins(), given.keys_folder, city.info.store_id)
        serve(city, access, given, [], lambda _doors: None)


if __name__ == "__main__":
    main()
