"""Making a city and serving it: init, rehearse, migrate, serve."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.city import City
from services.chassis.clock import SystemClock
from services.chassis.deadline import Deadline
from services.chassis.embedded import EVENTS_FILE, Embedded, create_city
from services.chassis.event_store import SqliteDialect, StoreKind
from services.chassis.event_store.migrations import migrate as migrate_store
from services.chassis.event_store.store_info import refuse_newer
from services.chassis.gateway import Call
from services.chassis.making import in_the_making
from services.chassis.serving import Access, Doors, check_folder, keep_logs, only_server
from services.chassis.serving import serve as serve_city
from services.chassis.settings import Settings
from services.cli.app import app, fail
from services.cli.opening import city, form_of, prepare, programme_folder, require_city
from services.cli.progress import progress_bar
from services.policy_registry.programme_files import load_programme
from services.projection.cockpit import cockpit_routes

FOUNDER = Principal(account="init", role=Role.CITY_GROUP, unit=None)
"""The actor of a city's first facts."""

Programme = Annotated[
    str, typer.Option(help="deploy/programmes 下的方案名或文件夹 · a programme's name, or its folder")
]


@app.command()
def init(programme: Programme) -> None:
    """建立一座真实的空城市,载入方案 · make a real, empty city with this programme."""
    given = prepare()
    check_folder(given.data)
    orders = load_programme(programme_folder(programme))
    with in_the_making(given.data) as making:
        create_city(making, SERVICES, StoreKind.REAL, Path(programme).name)
        apart = msgspec.structs.replace(given, data=making)
        with closing(Embedded(making, SERVICES, apart, SystemClock())) as opened:
            keep_logs(opened, apart)
            for order in orders:
                opened.do(order, Call(principal=FOUNDER, deadline=Deadline.after(30)))
            opened.settle()
    print(f"已建立 {given.data}({len(orders)} 条方案与名录记录) · made; next: bizenv serve")


@app.command()
def rehearse(
    programme: Programme,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="演练到这一天 · live until this day")],
    seed: Annotated[int, typer.Option(min=0, help="同一种子得到同样的数据 · the same seed, the same facts")] = 1,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="已有数据时不做任何事 · do nothing if a city is there")
    ] = False,
) -> None:
    """造一座演练城市(纯属虚构),逐日过到指定日期 · make a rehearsal city of invented facts, lived day by day."""
    from services.rehearsal import RehearsalBroken  # noqa: PLC0415 - only this command needs it
    from services.rehearsal import rehearse as live  # noqa: PLC0415

    given = prepare()
    check_folder(given.data)
    if if_missing and form_of(given).exists():
        return
    with progress_bar("演练 · rehearsing") as step:

        def show(day: date, done: int, total: int) -> None:
            step(done, total, day.isoformat())

        try:
            summary = live(given.data, programme_folder(programme), until.date(), seed, given, show)
        except RehearsalBroken as error:
            fail(f"演练无法继续,未留下任何数据 · the rehearsal can't go on and leaves nothing behind: {error}")
    with city(given) as opened:
        keep_logs(opened, given)
    print(f"演练数据已就绪 · rehearsal made: {summary}")


@app.command()
def migrate() -> None:
    """把数据库升级到本程序的版本 · bring the databases to this build's version."""
    given = prepare()
    require_city(given)
    for service in SERVICES:
        dialect = SqliteDialect(given.data / service.name / EVENTS_FILE)
        engine = dialect.engine()
        refuse_newer(engine, dialect.place)
        before, after = migrate_store(engine)
        engine.dispose()
        print(f"{service.name}: {before} → {after}")


@app.command()
def serve() -> None:
    """在本进程提供全部服务,直到 Ctrl-C 或 SIGTERM · serve everything from this process."""
    given = prepare()
    check_folder(given.data)
    require_city(given)
    with only_server(given.data), city(given) as opened:
        access = Access.of(given.data, opened.info.store_id)
        pages = cockpit_routes(opened.gateway, access, opened.clock, given, opened.info, SERVICES)
        serve_city(opened, access, given, pages, lambda doors: _announce(doors, opened, access, given))


def _announce(doors: Doors, opened: City, access: Access, given: Settings) -> None:
    code = access.logins.create(Principal(account="first-login", role=Role.CITY_GROUP, unit=None), datetime.now(UTC))
    base = given.public_url or f"http://{given.http_host}:{doors.http.port}"
    kind = "演练数据,纯属虚构 · rehearsal, invented" if opened.info.kind is StoreKind.REHEARSAL else "真实数据 · real"
    faults = [f"  ✗ {fault}\n" for host in opened.hosts.values() if (fault := host.fault)]
    state = "未就绪 · NOT ready" if faults else "已就绪 · ready"
    print(
        f"bizenv {state} ({kind}; {opened.clock.today().isoformat()})\n{''.join(faults)}"
        f"  驾驶舱 cockpit  {base}/\n"
        f"  登录链接 login  {base}/login?code={code}  (一次有效,15 分钟内 · once, within 15 minutes)\n"
        f"  接口 API        {base}/openapi.json\n"
        f"  gRPC            {given.grpc_host}:{doors.grpc.port}\n"
        f"  指标 metrics    http://{given.metrics_host}:{doors.metrics.port}/metrics\n"
        f"  停止 stop       Ctrl-C",
        flush=True,
    )
