"""Operating a city: rebuild views, look after parked streams, check that all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.hosting.data_folder import only_server
from services.chassis.settings import Settings, settings_table
from services.chassis.time.instants import instant_of
from services.chassis.upkeep.restoring import go_on, put_back
from services.cli.app import app, fail
from services.cli.doctor import examine
from services.cli.exit_codes import Exit
from services.cli.opening import QUIET, city, form_of, prepare, require_city
from services.cli.progress import progress_bar
from services.cli.recover import recover

parked = typer.Typer(
    no_args_is_help=True, help="搁置的事件流 · streams set aside behind a fact that could not be applied"
)
app.add_typer(parked, name="parked")
app.command()(recover)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="要重建视图的服务 · whose views")] = "projection",
) -> None:
    """从事件重建视图,期间旧视图照常服务 · build a service's views anew beside the live ones, then swap."""
    given = prepare()
    require_city(given)
    with city(given) as opened, progress_bar("重建 · rebuilding") as step:
        if service not in opened.hosts or not opened.hosts[service].service.listens_to:
            fail(f"没有可重建视图的服务 {service} · no service with views of that name")
        host = opened.hosts[service]
        total = sum(opened.stores[name].last_position() for name in host.service.listens_to)
        done = 0

        def page(came: int) -> None:
            nonlocal done
            done += came
            step(min(done, total), total, service)

        generation = host.renewal.rebuild(page)
        facts, missing = host.renewal.facts, host.renewal.missing
        mended = host.mend_reactions(opened.stores)
    print(f"{service}: 第 {generation} 代视图已就绪,{facts} 条事件 · generation {generation} built from {facts} events")
    for (name, partition), (wrong, right) in sorted(mended.items()):
        print(
            f"{service}: 反应从 {name}/{partition} 的 {wrong} 退回 {right} · reactions set back from {wrong} to {right}"
        )
    if missing:
        places = ", ".join(f"{name}/{partition}" for name, partition in sorted(missing))
        fail(
            f"总线上缺少 {places} 的事件,新视图亦无,见 bizenv audit flow · facts of {places} are missing on the bus "
            "and in the new views: see bizenv audit flow",
            Exit.NO,
        )


@app.command()
def restored(
    service: Annotated[
        str | None,
        typer.Option(
            help="恢复了哪个服务的事件库;省略则只找可证明落后的 · whose store was put back; else those proved so"
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="所有事件库,放回整份备份后用 · all: a whole backup was put back")
    ] = False,
) -> None:
    """放回备份后运行:开启新一期,重建视图 · after a backup was put back: open a new epoch, rebuild the views."""
    given = prepare()
    if given.distributed:
        fail(
            "多进程形式请运行 bizenv recover:事件库缺少的事件可从 Kafka 取回 · "
            "with PostgreSQL and Kafka run bizenv recover: Kafka has the events that the store lacks"
        )
    if every and service is not None:
        fail("--all 与 --service 只能选一 · only one of --all and --service")
    require_city(given)
    with only_server(given.data):
        for name in _recording() if every else _put_back(given, service):
            with form_of(given) as form:
                done = go_on(form, SERVICES, given, name)
            print(
                f"{name}: 第 {done.epoch} 期 · epoch {done.epoch}: 保留 {done.kept} 条事件 · events kept, "
                f"放弃已签发的 {done.given_up} 条 · given up of those that signed heads covered; "
                f"已重建视图 · views rebuilt: {', '.join(done.rebuilt) or '-'}"
            )


def _recording() -> list[str]:
    """The services that record events."""
    return [each.name for each in SERVICES if each.aggregates]


def _put_back(given: Settings, service: str | None) -> list[str]:
    known = [each.name for each in SERVICES]
    if service is not None and service not in known:
        fail(f"没有服务 {service} · no such service; known: {', '.join(known)}")
    with form_of(given) as form:
        found = [service] if service else put_back(form, SERVICES)
    if not found:
        fail(
            "没有事件库落后于已公布的树头。若备份之后到停止之前没有记录过任何事件,无需处理,可直接启动;否则或不能确定时,"
            "请运行 bizenv restored --all(或 --service) · no store lies behind its published heads. If nothing was "
            "recorded between the backup and the stop, nothing is lost and there is nothing to do: start. Else, or in "
            "doubt, run bizenv restored --all, or name a store with --service"
        )
    return found


@parked.command("list")
def parked_list() -> None:
    """列出搁置的事件流 · list parked streams."""
    given = prepare()
    require_city(given)
    with city(given) as opened:
        rows = [(name, fact) for name, host in opened.hosts.items() for fact in host.parked()]
    for name, fact in rows:
        age = datetime.now(UTC) - instant_of(fact.parked_at)
        reason = fact.error or "排在其后 · behind it"
        print(f"{name} {fact.stream}/{fact.version} {fact.type} {timedelta(seconds=int(age.total_seconds()))} {reason}")
    print(f"{len({fact.stream for _, fact in rows})} 条流 · streams, {len(rows)} 条事件 · events")


@parked.command()
def retry(
    stream: Annotated[str | None, typer.Argument(help="流名;省略则全部 · its name; all without one")] = None,
) -> None:
    """重新应用搁置的事件流(由正在运行的服务完成)· ask the running services to try again."""
    given = prepare()
    require_city(given)
    with city(given) as opened:
        count = sum(host.retry_parked(stream) for host in opened.hosts.values())
    if not count and stream is None:
        print("没有搁置的事件流 · nothing is parked")
        return
    if not count:
        fail("没有这样的搁置事件流 · nothing of that name is parked", Exit.NO)
    print(f"{count} 条事件将重新应用 · events will be tried again")


@app.command()
def doctor(
    show_settings: Annotated[
        bool,
        typer.Option("--settings", help="列出全部设置 · list all settings with their values"),
    ] = False,
) -> None:
    """检查设置、数据文件夹、服务器、事件库、转发、视图、端口和其他进程;只看不写;退出码 0 正常,1 有异常,2 设置有误 ·
    check settings, folder, servers, stores, relay, views, ports and peers; nothing is written; exit code 0: all is
    well, 1: something is not, 2: settings can't be used."""
    given = prepare(log_level=QUIET)
    if show_settings:
        for row in settings_table():
            value = given.shown(row)
            default = "" if value == row.default else f"    (默认 · default: {row.default or '-'})"
            print(f"{row.variable}={value}{default}")
            print(f"    {row.meaning.chinese} · {row.meaning.english} ({row.rule.english})")
        return
    well = True
    for finding in examine(given):
        well = well and finding.good
        print(f"{'✓' if finding.good else '✗'} {finding.sentence}", flush=True)
    if not well:
        raise typer.Exit(Exit.NO)
