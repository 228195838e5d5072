"""Reactions that had seen events which a recovery gave up go on behind what was kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from services.chassis.forms.form import Form
from services.chassis.service import Service


def step_back(form: Form, services: Sequence[Service], service: str) -> list[str]:
    """Events of the topic were given up: let reactions that had seen them go on behind what is kept. Returns the
    services that listen to this one, whose views are to be built anew."""
    listening = [each for each in services if service in each.listens_to]
    with closing(form.store(service)) as store:
        head, epoch = store.last_position(), store.info.epoch
        for each in listening:
            with closing(form.reactions(each.name)) as database:
                seen = database.read_checkpoints()
                places = {
                    partition: (store.previous_in_partition(partition, head + 1), at.offset)
                    for (name, partition), at in seen.items()
                    if name == service and at.position > head
                }
                database.go_on_after_restore(service, epoch, places, head)
    return [each.name for each in listening]
