"""After a backup was put back: the store goes on in a new epoch, and what follows it is brought into line.

The order lets a crash at any point be made up for by calling again: until the log has signed the new epoch's first
head, the store counts as put back and records nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import msgspec

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.event_store.opening import require_unaltered
from services.chassis.event_store.store_info import begin_epoch
from services.chassis.forms.form import Form
from services.chassis.hosting.city import City
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock
from services.chassis.truth import MerkleLog, epoch_after_restore, published_size, unknown_head


class Restored(msgspec.Struct, frozen=True):
    """What came of it: the new epoch, the events that are kept, how many more signed heads had covered, and the
    services whose views were built anew."""

    service: str
    epoch: int
    kept: int
    given_up: int
    rebuilt: tuple[str, ...]


def put_back(form: Form, services: Sequence[Service]) -> list[str]:
    """The services whose store lies behind its published heads."""
    found = []
    for service in services:
        with closing(form.store(service.name)) as store:
            if unknown_head(store, form.published) is not None:
                found.append(service.name)
    return found


def go_on(form: Form, services: Sequence[Service], settings: Settings, service: str) -> Restored:
    """Open a new epoch of a store that was put back. No process may be at work on the city.

    Raises LogBroken when the log of what was put back can't be carried on.
    """
    with closing(form.store(service)) as store:
        require_unaltered(store)
        epoch = epoch_after_restore(store, form.published)
        covered = published_size(store, form.published)
        begin_epoch(store.dialect, epoch)
    with closing(City(form, services, settings, city_clock(form, services))) as city:
        rebuilt = [name for name, host in city.hosts.items() if service in host.service.listens_to]
        for name in rebuilt:
            city.hosts[name].go_on_after_restore(city.stores[service])
        key = signing_key(settings.keys_folder, TRUTH_KEY)
        with closing(MerkleLog(city.stores[service], key, form.published)) as log:
            kept = log.open_epoch().size
    return Restored(service, epoch, kept, max(0, covered - kept), tuple(rebuilt))
