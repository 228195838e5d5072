"""Serving a city, or some services of it, from this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from starlette.routing import BaseRoute

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreKind
from services.chassis.hosting.access import Access
from services.chassis.hosting.city import City
from services.chassis.hosting.data_folder import check_folder
from services.chassis.hosting.doors import Doors
from services.chassis.hosting.serving import serve as serve_city
from services.chassis.hosting.waiting_start import start_with_servers
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.cli.app import app, fail
from services.cli.opening import access_to, city, form_of, prepare, require_city, serving_alone

COCKPIT = "projection"
"""Whose process shows the pages."""


@app.command()
def serve(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]...", help="本进程提供哪些服务;省略则全部 · which of them; all without one"),
    ] = None,
) -> None:
    """在本进程提供服务,直到 Ctrl-C 或 SIGTERM · serve from this process."""
    given = prepare(log_level="info")
    hosted = _chosen(given, services or [])
    check_folder(given.data)
    with ExitStack() as stack:
        with form_of(given) as form:  # to ask the servers by; the city has its own
            opened = start_with_servers(form.reach, lambda: stack.enter_context(_alone_with(given, hosted)), given)
        access = access_to(opened.form, given, opened.info.store_id)
        pages = _pages(opened, access, given)
        serve_city(opened, access, given, pages, lambda doors: _announce(doors, opened, access, given))


@contextmanager
def _alone_with(given: Settings, hosted: Sequence[Service]) -> Iterator[City]:
    """The city that there is to be served."""
    require_city(given)
    with serving_alone(given), city(given, hosted) as opened:
        yield opened


def _chosen(given: Settings, names: Sequence[str]) -> tuple[Service, ...]:
    """The services of these names, in the catalogue's order; all where none is named."""
    known = {service.name: service for service in SERVICES}
    for name in names:
        if name not in known:
            fail(f"没有服务 {name} · no such service; known: {', '.join(known)}")
    if names and not given.distributed:
        fail(
            "单机形式由一个进程提供全部服务;要分进程运行,请设置 BIZENV_DATABASE 和 BIZENV_KAFKA · "
            "the embedded form serves all from one process; set BIZENV_DATABASE and BIZENV_KAFKA to run several"
        )
    return tuple(service for name, service in known.items() if name in names or not names)


def _pages(opened: City, access: Access, given: Settings) -> list[BaseRoute]:
    """The cockpit's, in the process that shows it; in no other are its libraries loaded."""
    if COCKPIT not in opened.hosts:
        return []
    from services.projection.cockpit import cockpit_routes  # noqa: PLC0415

    return cockpit_routes(opened.gateway, access, opened.clock, given, opened.info, SERVICES)


def _announce(doors: Doors, opened: City, access: Access, given: Settings) -> None:
    base = given.public_url or f"http://{given.http_host}:{doors.http.port}"
    kind = "演练数据,纯属虚构 · rehearsal, invented" if opened.info.kind is StoreKind.REHEARSAL else "真实数据 · real"
    faults = [f"  ✗ {fault}\n" for host in opened.hosts.values() if (fault := host.fault)]
    state = "未就绪 · NOT ready" if faults else "已就绪 · ready"
    print(
        f"bizenv {state} ({kind}; {opened.clock.today().isoformat()})\n{''.join(faults)}"
        f"{_ways_in(access, base) if COCKPIT in opened.hosts else ''}"
        f"  接口 API        {base}/openapi.json\n"
        f"  gRPC            {given.grpc_host}:{doors.grpc.port}\n"
        f"  指标 metrics    http://{given.metrics_host}:{doors.metrics.port}/metrics\n"
        f"  停止 stop       Ctrl-C",
        flush=True,
    )


def _ways_in(access: Access, base: str) -> str:
    return f"  驾驶舱 cockpit  {base}/\n  登录链接 login  {_login_link(access, base)}\n"


def _login_link(access: Access, base: str) -> str:
    """For whoever starts it first; a process whose doors are open does not end for want of it."""
    principal = Principal(account="first-login", role=Role.CITY_GROUP, unit=None)
    try:
        code = access.logins.create(principal, datetime.now(UTC))
    except Unavailable as reason:
        return f"无 none: {reason.message} · {reason.english}"
    return f"{base}/login?code={code}  (一次有效,15 分钟内 · once, within 15 minutes)"
