"""What `bizenv doctor` looks at."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing

import msgspec
from sqlalchemy.exc import DatabaseError

from services.catalogue import SERVICES
from services.chassis.event_store import EventStore, StoreUnusable
from services.chassis.event_store.opening import require_unaltered
from services.chassis.hosting.data_folder import CannotStart, check_folder
from services.chassis.settings import Settings
from services.chassis.truth import unknown_head
from services.cli.opening import city, form_of, open_store, unreadable


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at and how it is."""

    good: bool
    sentence: str


def examine(given: Settings) -> list[Finding]:
    """Everything that can be seen from outside a running process; each step may end the rest of its own part."""
    return [*_folder(given), *_stores(given), *_views(given), *_ports(given)]


def _folder(given: Settings) -> Iterator[Finding]:
    try:
        check_folder(given.data)
    except CannotStart as trouble:
        yield Finding(False, str(trouble))
        return
    free = shutil.disk_usage(given.data).free // 2**20
    yield Finding(True, f"数据文件夹 {given.data.resolve()} 可写,剩余 {free} MB · writable, {free} MB free")


def _stores(given: Settings) -> Iterator[Finding]:
    if not form_of(given).exists():
        yield Finding(False, "没有城市数据:请运行 bizenv init 或 bizenv rehearse · no city yet")
        return
    for service in SERVICES:
        try:
            store = open_store(given, service.name)
        except StoreUnusable as trouble:
            yield Finding(False, str(trouble))
            continue
        with closing(store):
            try:
                require_unaltered(store)
                yield _store(store, given)
            except StoreUnusable as trouble:
                yield Finding(False, str(trouble))
            except DatabaseError as trouble:
                yield Finding(False, f"{service.name}: {unreadable(trouble)}")
    yield Finding(True, "事件由 bizenv audit verify 逐条核验 · events themselves are audited by bizenv audit verify")


def _store(store: EventStore, given: Settings) -> Finding:
    info, events = store.info, store.last_position()
    words = f"{store.service}: {events} 条事件 · events ({info.kind}, {info.programme}, epoch {info.epoch})"
    lost = unknown_head(store, form_of(given).published)
    if lost is None:
        return Finding(True, words)
    words += f";落后于已公布的树头(第 {lost.epoch} 期,{lost.size} 条),若刚从备份恢复请运行 bizenv restored"
    return Finding(False, words + " · behind its published heads: after a restore run bizenv restored")


def _views(given: Settings) -> Iterator[Finding]:
    if not form_of(given).exists():
        return
    try:
        with city(given) as opened:
            for name, host in opened.hosts.items():
                if host.followers.views is None:
                    continue
                waiting = len({fact.stream for fact in host.parked()})
                yield _progress(name, host.behind(), waiting)
    except StoreUnusable as trouble:
        yield Finding(False, str(trouble))
    except DatabaseError as trouble:
        yield Finding(False, unreadable(trouble))


def _progress(name: str, lags: Mapping[str, int], waiting: int) -> Finding:
    """How far a service's views are, and what to do where they know facts that a store no longer holds."""
    ahead = {store: -lag for store, lag in lags.items() if lag < 0}
    if ahead:
        more = ", ".join(f"{store} {count}" for store, count in ahead.items())
        orders = ", ".join(f"bizenv restored --service {store}" for store in ahead)
        return Finding(
            False,
            f"{name}: 视图超前于事件库({more} 条),若刚从备份恢复,请停止服务并运行 {orders} · "
            f"the views are ahead of the store: after a restore stop and run {orders}",
        )
    behind = sum(lags.values())
    words = f"{name}: 视图落后 {behind} 条,搁置 {waiting} 条流 · {behind} behind, {waiting} streams parked"
    return Finding(waiting == 0, words)


def _ports(given: Settings) -> Iterator[Finding]:
    for what, host, port in (
        ("HTTP", given.http_host, given.http_port),
        ("gRPC", given.grpc_host, given.grpc_port),
        ("metrics", given.metrics_host, given.metrics_port),
    ):
        with socket.socket() as probe:
            probe.settimeout(1)
            taken = probe.connect_ex((host, port)) == 0
        state = "有进程在监听 · something listens" if taken else "空闲 · free"
        yield Finding(True, f"{what} {host}:{port} {state}")
