"""Making a city: init, rehearse, transfer, migrate."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.commanding.gateway import Call
from services.chassis.deadline import Deadline
from services.chassis.event_store import StoreKind
from services.chassis.event_store.migrations import migrate as migrate_store
from services.chassis.event_store.store_info import refuse_newer
from services.chassis.forms.embedded import Embedded, EmbeddedForm, create_city
from services.chassis.hosting.data_folder import check_folder, only_server
from services.chassis.hosting.serving import keep_logs
from services.chassis.settings import Settings
from services.chassis.time.clock import SystemClock
from services.chassis.upkeep.making import in_the_making
from services.cli.app import app, fail
from services.cli.opening import NO_CITY, city, form_with_city, prepare, programme_folder
from services.cli.progress import progress_bar
from services.cli.transferring import (
    city_exists,
    embedded_settings,
    make_city,
    require_new_place,
    transfer_city,
)
from services.policy_registry.programme_files import load_programme

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

    def make(apart: Settings) -> None:
        with in_the_making(apart.data) as making:
            create_city(making, SERVICES, StoreKind.REAL, Path(programme).name)
            inside = msgspec.structs.replace(apart, data=making)
            with closing(Embedded(making, SERVICES, inside, SystemClock())) as opened:
                keep_logs(opened, inside)
                for order in orders:
                    opened.do(order, Call(principal=FOUNDER, deadline=Deadline.after(30)))
                opened.settle()

    place = make_city(given, make)
    print(f"已建立 {place}({len(orders)} 条方案与名录记录) · made; next: bizenv serve")


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
    if if_missing and city_exists(given):
        return

    def make(apart: Settings) -> None:
        with progress_bar("演练 · rehearsing") as step:

            def show(day: date, done: int, total: int) -> None:
                step(done, total, day.isoformat())

            try:
                summary = live(apart.data, programme_folder(programme), until.date(), seed, apart, show)
            except RehearsalBroken as error:
                fail(f"演练无法继续,未留下任何数据 · the rehearsal can't go on and leaves nothing behind: {error}")
        with city(apart) as opened:
            keep_logs(opened, apart)
        print(f"演练数据已就绪 · rehearsal made: {summary}")

    make_city(given, make)


@app.command()
def transfer(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="单机城市的数据文件夹 · an embedded city's data folder")
    ],
) -> None:
    """把单机城市迁入 PostgreSQL,原文件夹不变 · copy an embedded city into PostgreSQL; its folder stays as it is."""
    given = prepare()
    if not given.distributed:
        fail("请先设置 BIZENV_DATABASE 和 BIZENV_KAFKA · set BIZENV_DATABASE and BIZENV_KAFKA first")
    check_folder(given.data)
    apart = embedded_settings(given, folder)
    if not EmbeddedForm(folder, apart).exists():
        fail(NO_CITY.format(folder))
    require_new_place(given)
    with only_server(folder):
        place = transfer_city(apart, given)
    print(f"{folder} 已迁入 {place} · copied; next: bizenv serve")


@app.command()
def migrate() -> None:
    """把数据库升级到本程序的版本 · bring the databases to this build's version."""
    given = prepare()
    with form_with_city(given) as form:
        for service in SERVICES:
            dialect = form.dialect(service.name)
            dialect.prepare()
            engine = dialect.engine()
            refuse_newer(engine, dialect.place)
            before, after = migrate_store(engine)
            engine.dispose()
            print(f"{service.name}: {before} → {after}")
