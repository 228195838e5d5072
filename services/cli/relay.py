"""`bizenv relay`: how far each store's events were brought to Kafka, and bringing them there again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from services.catalogue import SERVICES
from services.chassis.errors import Unavailable
from services.chassis.leases import RelayPlace, holders
from services.cli.app import app, fail
from services.cli.opening import form_of, open_store, prepare, require_city, unreadable

if TYPE_CHECKING:
    from services.chassis.forms.distributed import DistributedForm
    from services.chassis.settings import Settings

relay = typer.Typer(no_args_is_help=True, help="转发到 Kafka · the relay of events to Kafka")
app.add_typer(relay, name="relay")


@relay.command()
def status() -> None:
    """各服务的事件已转发到哪里;退出码 1:主题缺少已转发的事件 · how far each store was relayed, and who relays."""
    given = prepare()
    form = _form(given)
    lines = [_status(given, form, service.name) for service in SERVICES]
    form.close()
    if not all(lines):
        raise typer.Exit(1)


@relay.command()
def restart(
    service: Annotated[str, typer.Argument(help="要重新转发的服务 · whose events")],
) -> None:
    """从头重新转发一个服务的全部事件,运行中亦可;消费者按位置丢弃重复 · send all of a service's events again, also while
    it is served: for a topic that was deleted or made anew. Consumers drop what they have by its position."""
    given = prepare()
    form = _form(given)
    if service not in {each.name for each in SERVICES}:
        fail(f"没有服务 {service} · no such service; known: {', '.join(each.name for each in SERVICES)}")
    begun = _refilled(form.dialect(service).engine())
    form.close()
    if not begun:
        fail(f"{service} 从未转发过事件,无需重来 · nothing of {service} was relayed yet: there is nothing to repeat", 1)
    print(f"{service}: 转发将从头开始 · all events are sent again, by the process that relays; see bizenv relay status")


def _refilled(engine: Engine) -> bool:
    from services.chassis.forms.distributed import RELAY  # noqa: PLC0415 - its libraries are slow to load
    from services.chassis.kafka.refill import refill  # noqa: PLC0415

    try:
        return refill(engine, RELAY)
    except DatabaseError as error:
        fail(unreadable(error))
    finally:
        engine.dispose()


def _form(given: Settings) -> DistributedForm:
    require_city(given)
    form = form_of(given)
    if not given.distributed:
        fail("单机形式不经 Kafka 转发 · the embedded form relays nothing: its bus reads the event tables")
    from services.chassis.forms.distributed import DistributedForm  # noqa: PLC0415

    assert isinstance(form, DistributedForm)
    return form


def _status(given: Settings, form: DistributedForm, service: str) -> bool:
    """Tell of one service; False: its topic lacks what was sent."""
    from services.chassis.forms.distributed import RELAY  # noqa: PLC0415

    store = open_store(given, service)
    try:
        head, place = store.last_position(), RelayPlace(store.engine, RELAY).read()
        owner = dict(holders(store.engine)).get(RELAY)
    finally:
        store.close()
    flaw = _flaw(form, service, place.position, place.topic_id)
    leader = f"由 {owner} 转发 · by {owner}" if owner else "当前无进程转发 · nobody relays now"
    behind = f"{place.position}/{head}, 落后 {head - place.position} · behind"
    print(f"{service}: {'✗ ' + flaw if flaw else '✓'} 已转发 relayed {behind}; {leader}")
    return flaw is None


def _flaw(form: DistributedForm, service: str, relayed: int, topic_id: str | None) -> str | None:
    """What is wrong with the service's topic; None: nothing."""
    from services.chassis.kafka.topics import gone  # noqa: PLC0415

    topic = form.cluster.topic_of(service)
    try:
        state = form.cluster.look(topic)
    except Unavailable as trouble:
        fail(str(trouble))
    lacks = state is None or topic_id not in (None, state.id)
    return str(gone(topic, relayed)) + ";" if relayed and lacks else None
