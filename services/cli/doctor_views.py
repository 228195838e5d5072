"""What `bizenv doctor` sees of views and reactions: how far they are behind their stores, what they have set aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

from sqlalchemy import func, select

from services.catalogue import SERVICES
from services.chassis.bus.port import Source
from services.chassis.event_store import EventStore, schema
from services.chassis.forms.form import Form
from services.chassis.hosting.city import registry_of
from services.chassis.service import Service, with_calendar
from services.chassis.settings import Settings
from services.chassis.sinks.database import Checkpoint
from services.cli.finding import Finding


def views(form: Form, given: Settings, service: Service) -> Iterator[Finding]:
    """Of one service; nothing where it follows none."""
    service = with_calendar(service)
    if not service.listens_to:
        return
    with ExitStack() as opened:
        stores = {name: opened.enter_context(closing(form.store(name))) for name in service.listens_to}
        info = next(iter(stores.values())).info
        live = opened.enter_context(closing(form.views(service, info.store_id, registry_of(SERVICES))))
        reactions = opened.enter_context(closing(form.reactions(service.name)))
        parked = [*live.current.read_parked(), *reactions.read_parked()]
        places = live.current.read_checkpoints()
        lags = {name: _lag(store, places) for name, store in stores.items()}
    yield _progress(service.name, lags, len({fact.stream for fact in parked}), given)


def _lag(store: EventStore, places: Mapping[Source, Checkpoint]) -> int:
    """How many of the store's events the views have not applied; below 0: so many positions are ahead of it."""
    own = {partition: at for (name, partition), at in places.items() if name == store.service}
    ahead = max((at.position for at in own.values()), default=0) - store.last_position()
    if ahead > 0:
        return -ahead
    with store.engine.connect() as connection:
        newer = [
            connection.execute(
                select(func.count())
                .select_from(schema.events)
                .where(schema.events.c.partition == partition, schema.events.c.position > _position(own, partition))
            ).scalar_one()
            for partition in range(store.info.partitions)
        ]
    return sum(newer)


def _position(own: Mapping[int, Checkpoint], partition: int) -> int:
    return own[partition].position if partition in own else 0


def _progress(name: str, lags: Mapping[str, int], waiting: int, given: Settings) -> Finding:
    """How far a service's views are, and what to do where they know facts that a store no longer holds."""
    ahead = {store: -lag for store, lag in lags.items() if lag < 0}
    if ahead:
        more = ", ".join(f"{store} {count}" for store, count in ahead.items())
        order = "recover" if given.distributed else "restored"
        orders = ", ".join(f"bizenv {order} --service {store}" for store in ahead)
        return Finding(
            False,
            f"{name}: 视图超前于事件库({more} 条),若刚从备份恢复,请停止服务并运行 {orders} · "
            f"the views are ahead of the store: after a restore stop and run {orders}",
        )
    behind = sum(lags.values())
    words = f"{name}: 视图落后 {behind} 条,搁置 {waiting} 条流 · {behind} behind, {waiting} streams parked"
    return Finding(waiting == 0, words)
