"""Whether what consumers count as applied are events of their partitions: nothing ever follows from any other place."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, or_, select

from services.chassis.bus.port import Source
from services.chassis.event_store import EventStore
from services.chassis.event_store.schema import events
from services.chassis.flow.report import FlowCode, FlowFindings
from services.chassis.sinks.astray import astray
from services.chassis.sinks.database import Checkpoint

Checkpoints = Mapping[Source, Checkpoint]


def check_checkpoints(
    consumer: str, checkpoints: Checkpoints, stores: Mapping[str, EventStore], findings: FlowFindings
) -> None:
    """Tell of each checkpoint of the `consumer` that is astray, with how to mend it."""
    for store in stores.values():
        for (service, partition), at in sorted(astray(store, checkpoints).items()):
            findings.add(
                FlowCode.CHECKPOINT,
                f"{consumer} {service}/{partition}",
                f"已应用到的位置 {at.position} 不是该分区的事件,其后的事件不会再被应用,请运行 bizenv rebuild",
                f"it has applied up to {at.position}, which is no event of this partition, so nothing more comes: "
                "run bizenv rebuild",
                position=at.position,
            )


def behind(checkpoints: Checkpoints, stores: Mapping[str, EventStore]) -> int:
    """How many events of these stores lie behind the checkpoints."""
    return sum(_behind(store, checkpoints) for store in stores.values())


def _behind(store: EventStore, checkpoints: Checkpoints) -> int:
    places = [checkpoints.get((store.service, number), Checkpoint()) for number in range(store.info.partitions)]
    of, at = events.c.partition, events.c.position
    unread = or_(*((of == number) & (at > place.position) for number, place in enumerate(places)))
    lowest = min(place.position for place in places)
    query = select(func.count()).select_from(events).where(at > lowest, unread)
    with store.engine.connect() as connection:
        return int(connection.execute(query).scalar_one())
