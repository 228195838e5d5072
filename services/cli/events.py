"""`bizenv events`: look at what was recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.feed.cloudevents import to_structured
from services.chassis.time.clock import SHANGHAI
from services.cli.app import app, fail
from services.cli.exit_codes import Exit
from services.cli.opening import form_of, prepare

events = typer.Typer(no_args_is_help=True, help="查看已记录的事件 · look at recorded events")
app.add_typer(events, name="events")

ServiceName = Annotated[str | None, typer.Option("--service", help="服务名 · name of the service")]


@events.command()
def tail(
    service: ServiceName = None,
    count: Annotated[int, typer.Option("-n", min=1, help="先显示最后几条 · how many of the last first")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="持续显示新事件 · go on with new ones")] = False,
) -> None:
    """显示最新事件,一行一条 · the newest events, a line each."""
    with _store(service) as store:
        after = max(store.last_position() - count, 0)
        while True:
            for envelope in store.scan(after):
                after = envelope.position
                print(_line(envelope), flush=follow)
            if not follow:
                break
            time.sleep(0.5)


@events.command()
def show(
    event_id: Annotated[str, typer.Argument(help="事件编号 流/版本,如 project-P001/3 · <stream>/<version>")],
    service: ServiceName = None,
) -> None:
    """完整显示一条事件(CloudEvents JSON)· one event whole."""
    stream, _, version = event_id.rpartition("/")
    if not stream or not version.isdigit() or int(version) < 1:
        fail(f"事件编号应为 流/版本,如 project-P001/3,而不是 {event_id} · an event id is <stream>/<version>")
    with _store(service) as store:
        found = store.read_stream(stream, int(version) - 1)[:1]
        if not found:
            fail(f"{service} 中没有事件 {event_id} · no such event", Exit.NO)
        previous = store.previous_in_partition(found[0].partition, found[0].position)
    print(msgspec.json.format(to_structured(found[0], previous)).decode())


@contextmanager
def _store(service: str | None) -> Iterator[EventStore]:
    names = [each.name for each in SERVICES]
    if service is None:
        fail(f"请用 --service 指明服务 · name the service with --service: {', '.join(names)}")
    if service not in names:
        fail(f"没有服务 {service} · no such service; known: {', '.join(names)}")
    with form_of(prepare()) as form, closing(form.store(service)) as store:
        yield store


def _line(envelope: Envelope) -> str:
    recorded = envelope.recorded_at.astimezone(SHANGHAI).isoformat(timespec="seconds")
    return f"{envelope.position:>8} {recorded} {envelope.id} {envelope.type} {envelope.actor} {envelope.data.decode()}"
