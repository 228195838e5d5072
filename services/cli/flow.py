"""`bizenv audit flow`: prove that nothing is lost, doubled, reordered or different between store, topic and views."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.errors import Unavailable
from services.chassis.flow import FlowCode, FlowReport, ServiceFlow, audit_flow
from services.chassis.hosting.city import registry_of
from services.chassis.settings import Settings
from services.cli.app import fail
from services.cli.exit_codes import Exit
from services.cli.opening import form_with_city, prepare
from services.cli.progress import progress_bar

_TOLD = {
    "丢失 lost": (FlowCode.LOST,),
    "重复 doubled": (FlowCode.DOUBLED,),
    "乱序 reordered": (FlowCode.REORDERED,),
    "不同 different": (FlowCode.DIFFERENT, FlowCode.VIEW_DIFFERENT, FlowCode.HEAD_ROOT),
    "其他 other": (
        FlowCode.STORE,
        FlowCode.UNKNOWN_TO_STORE,
        FlowCode.VIEW_AHEAD,
        FlowCode.CHECKPOINT,
        FlowCode.TOPIC,
        FlowCode.UNREADABLE,
    ),
}


def flow(
    service: Annotated[str | None, typer.Option(help="只核验一个服务 · one service only")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON · tell it as JSON")] = False,
) -> None:
    """核对事件库、主题与视图,运行中亦可;退出码 0 无异常,1 有异常,2 无法核对 · hold store, topic and views against each
    other, also while the city is served; exit code 0: all is well, 1: something is not, 2: can't be audited."""
    given = prepare()
    if service is not None and service not in {each.name for each in SERVICES}:
        fail(f"没有服务 {service} · no such service; known: {', '.join(each.name for each in SERVICES)}")
    try:
        report = _audited(given, service)
    except Unavailable as error:
        fail(f"无法核对:{error.message} · the flow can't be audited: {error.english}")
    if as_json:
        _print_json(report)
    else:
        for each in report.services:
            _print(each)
    if not report.ok:
        raise typer.Exit(Exit.NO)


def _audited(given: Settings, service: str | None) -> FlowReport:
    with form_with_city(given) as form, progress_bar("核对 · auditing") as step:
        return audit_flow(
            form,
            SERVICES,
            registry_of(SERVICES),
            form.topics(),
            only=service,
            progress=lambda what, done, total: step(done, total, what),
        )


def _print_json(report: FlowReport) -> None:
    services = [{"ok": each.ok, **msgspec.to_builtins(each)} for each in report.services]
    print(msgspec.json.encode({"ok": report.ok, "services": services}).decode())


def _print(each: ServiceFlow) -> None:
    verdict = "✓ 无异常 · all is well" if each.ok else f"✗ {sum(each.counts.values())} 处异常 · findings"
    told = ", ".join(f"{words} {each.count(*codes)}" for words, codes in _TOLD.items())
    print(f"{each.service}: {verdict};{told};{_counts(each)}")
    if each.topic is not None and each.topic.behind:
        print(f"  转发落后 {each.topic.behind} · relay behind {each.topic.behind}")
    for finding in each.findings:
        print(f"  {finding.code} {finding.place}: {finding.message} · {finding.english}")
    for notice in each.notices:
        print(f"  注意 note {notice.code} {notice.place}: {notice.message} · {notice.english}")


def _counts(each: ServiceFlow) -> str:
    parts = [f"事件 stored {each.stored}"]
    if (topic := each.topic) is not None:
        parts += [
            f"已转发 relayed {topic.relayed}",
            f"主题记录 records {topic.records}",
            f"重发 repeats {topic.repeats}",
            f"外来 foreign {topic.foreign}",
        ]
    if each.views:
        view = each.views[0]
        of_all = f"已应用所订阅各服务的事件 applied {view.applied} events of all services that they follow"
        parts += [f"视图 views {len(each.views)}, {of_all}", f"视图落后 views behind {view.behind}"]
    if each.reactions is not None:
        parts.append(f"反应落后 reactions behind {each.reactions.behind}")
    return ", ".join(parts)
