"""`bizenv relay`: how far each store's events were brought to Kafka, and bringing them there again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.forms.form import Form
from services.cli.app import app, fail
from services.cli.exit_codes import Exit
from services.cli.opening import form_with_city, prepare

relay = typer.Typer(no_args_is_help=True, help="转发到 Kafka · the relay of events to Kafka")
app.add_typer(relay, name="relay")

RELAYING = tuple(service.name for service in SERVICES if service.aggregates)
"""The services that record events; the others have nothing to relay."""


@relay.command()
def status() -> None:
    """各服务的事件已转发到哪里;退出码 0 正常,1 主题有误或缺少已转发的事件,2 无法查看 · how far each store was relayed,
    and who relays; exit code 0: all is well, 1: a topic is not as it must be or lacks events, 2: can't be told."""
    with _relaying_form() as form:
        lines = [_status(form, service) for service in RELAYING]
    if not all(lines):
        raise typer.Exit(Exit.NO)


@relay.command()
def restart(
    service: Annotated[str, typer.Argument(help="要重新转发的服务 · whose events")],
) -> None:
    """从头重新转发一个服务的全部事件,运行中亦可;消费者按位置丢弃重复 · send all of a service's events again, also while
    it is served: for a topic that was deleted or made anew. Consumers drop what they have by its position."""
    with _relaying_form() as form:
        if service not in RELAYING:
            fail(f"没有服务 {service} · no such service; known: {', '.join(RELAYING)}")
        with closing(form.store(service)) as store:  # refuses a database of another version
            begun = form.refill(store)
    if not begun:
        sentence = (
            f"{service} 从未转发过事件,无需重来 · nothing of {service} was relayed yet: there is nothing to repeat"
        )
        fail(sentence, Exit.NO)
    print(f"{service}: 转发将从头开始 · all events are sent again, by the process that relays; see bizenv relay status")


@contextmanager
def _relaying_form() -> Iterator[Form]:
    given = prepare()
    with form_with_city(given) as form:
        if not given.distributed:
            fail("单机形式不经 Kafka 转发 · the embedded form relays nothing: its bus reads the event tables")
        yield form


def _status(form: Form, service: str) -> bool:
    """Tell of one service; False: something is wrong with its topic."""
    with closing(form.store(service)) as store:
        found, flaw = form.relayed(store), form.topic_flaw(store)
    assert found is not None
    leader = f"由 {found.owner} 转发 · by {found.owner}" if found.owner else "当前无进程转发 · nobody relays now"
    behind = f"{found.position}/{found.head}, 落后 {found.head - found.position} · behind"
    print(f"{service}: {f'✗ {flaw};' if flaw else '✓'} 已转发 relayed {behind}; {leader}")
    return flaw is None
