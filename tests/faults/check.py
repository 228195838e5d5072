"""Is everything there that was acknowledged, once and in order, and is everything else what follows from it?

Each check returns sentences about what is wrong; none: all is well.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.bus.consumer import catch_up
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore, SqliteDialect
from services.chassis.forms.embedded import EVENTS_FILE, PUBLISHED, Embedded, EmbeddedForm
from services.chassis.hosting.host import ServiceHost
from services.chassis.settings import Settings
from services.chassis.sinks.sink import ViewSink
from services.chassis.time.city_clock import city_clock
from services.chassis.truth import verify
from services.chassis.views.database import ViewDatabase
from tests.clients import HttpClient

OURS = "city_group:storm"
"""The actor of all commands in the journal."""


@dataclass
class Sent:
    """One command as its caller saw it. Instants are the caller's monotonic clock."""

    command_id: str
    sent_at: float
    acknowledged_at: float | None = None
    stream: str = ""
    version: int = 0
    event_ids: tuple[str, ...] = ()


@dataclass
class Told:
    """The journal of a load process."""

    commands: dict[str, Sent] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    reads: int = 0
    """Queries that showed what their tokens promised."""

    @property
    def acknowledged(self) -> list[Sent]:
        return [each for each in self.commands.values() if each.acknowledged_at is not None]


def read_journal(path: Path) -> Told:
    told = Told()
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "sent" in entry:
            told.commands[entry["sent"]] = Sent(entry["sent"], entry["at"])
        elif "wrong" in entry:
            told.wrong.append(entry["wrong"])
        elif "read" in entry:
            told.reads += 1
        else:
            sent = told.commands[entry["acknowledged"]]
            sent.acknowledged_at, sent.stream, sent.version = entry["at"], entry["stream"], entry["version"]
            sent.event_ids = tuple(entry["event_ids"])
    return told


def open_stores(data: Path) -> dict[str, EventStore]:
    return {
        service.name: EventStore(SqliteDialect(data / service.name / EVENTS_FILE), service.name) for service in SERVICES
    }


def check_commands(events: Sequence[Envelope], told: Told) -> Iterator[str]:
    """Acknowledged exactly once, where the answer said; nothing recorded that nobody sent; all answered."""
    recorded: dict[str, list[str]] = defaultdict(list)
    ends: dict[str, tuple[str, int]] = {}
    for event in events:
        if event.actor == OURS:
            recorded[event.command_id].append(event.id)
            ends[event.command_id] = event.stream, event.version
    for command_id in recorded.keys() - told.commands.keys():
        yield f"nobody sent command {command_id}, which recorded {recorded[command_id]}"
    for sent in told.commands.values():
        if sent.acknowledged_at is None:
            yield f"command {sent.command_id} was never answered"
        elif recorded.get(sent.command_id, []) != list(sent.event_ids):
            yield f"command {sent.command_id} was answered {sent.event_ids}, recorded {recorded.get(sent.command_id)}"
        elif sent.event_ids and ends[sent.command_id] != (sent.stream, sent.version):
            answered = f"{sent.stream}/{sent.version}"
            yield f"command {sent.command_id} was answered {answered}, recorded {ends[sent.command_id]}"


def check_order(told: Told) -> Iterator[str]:
    """Who sent after another's answer stands behind it on their stream."""
    streams: dict[str, list[Sent]] = defaultdict(list)
    for sent in told.acknowledged:
        if sent.event_ids:
            streams[sent.stream].append(sent)
    for stream, commands in streams.items():
        earliest = float("inf")
        for sent in sorted(commands, key=lambda each: -each.version):
            if earliest < sent.sent_at:
                yield f"{stream}/{sent.version} was sent after a later version was answered"
            assert sent.acknowledged_at is not None
            earliest = min(earliest, sent.acknowledged_at)


def check_positions(service: str, events: Sequence[Envelope]) -> Iterator[str]:
    """Positions without a gap, the versions of each stream one after another."""
    versions: dict[str, int] = defaultdict(int)
    for number, event in enumerate(events, 1):
        if event.position != number:
            yield f"{service}: position {event.position} stands where {number} is due"
            return
        versions[event.stream] += 1
        if event.version != versions[event.stream]:
            yield f"{service}: {event.id} stands where version {versions[event.stream]} is due"
            return


def check_feed(service: str, events: Sequence[Envelope], client: HttpClient) -> Iterator[str]:
    """The feed gives every event of the store once, in order, each naming the one before it in its partition."""
    last: dict[str, int] = defaultdict(int)
    read: list[tuple[int, str]] = []
    for event in client.events(service):
        position, partition = int(event["position"]), event["partition"]
        if int(event["previous"]) != last[partition]:
            yield f"{service}: {event['id']} names {event['previous']} before it, not {last[partition]}"
        last[partition] = position
        read.append((position, event["id"]))
    if read[: len(events)] != [(event.position, event.id) for event in events]:
        yield f"{service}: the feed gives {len(read)} events, the store holds {len(events)}, and they differ"


def check_views(data: Path) -> Iterator[str]:
    """Each service's views, once they are at the head, are those of a replay from zero."""
    city = Embedded(data, SERVICES, Settings(data=data), city_clock(EmbeddedForm(data, Settings(data=data)), SERVICES))
    try:
        city.settle()
        with tempfile.TemporaryDirectory() as folder:
            for name, host in city.hosts.items():
                if host.service.listens_to and host.service.views:
                    yield from _compare(name, host, city, Path(folder) / f"{name}.sqlite")
        for name, host in city.hosts.items():
            yield from (f"{name}: {fact.stream}/{fact.version} is parked: {fact.error}" for fact in host.parked())
    finally:
        city.close()


def _compare(name: str, host: ServiceHost, city: Embedded, path: Path) -> Iterator[str]:
    replayed = ViewDatabase(path, host.service.views, city.registry, durable=False)
    try:
        catch_up(city.bus, host.service.listens_to, host.intake(ViewSink(name, replayed)))
        live, fresh = host.views.current.checksum(), replayed.checksum()
    finally:
        replayed.close()
    yield from (f"{name}: view {view} is not what a replay gives" for view in live if live[view] != fresh[view])


def check_log(data: Path, store: EventStore) -> Iterator[str]:
    """The audit finds nothing, and signed heads cover every event."""
    report = verify(store, data / PUBLISHED, signing_key(data / "keys", TRUTH_KEY).public_key())
    yield from (f"{store.service}: {finding.code} {finding.place}: {finding.english}" for finding in report.findings)
    if report.not_yet_covered:
        yield f"{store.service}: {report.not_yet_covered} events are under no signed head after a clean stop"


def check_served(data: Path, client: HttpClient) -> list[str]:
    """While the city is served: its feeds against its stores."""
    recording = {service.name for service in SERVICES if service.aggregates}
    opened = ((name, store) for name, store in _opened(data) if name in recording)
    return [wrong for name, store in opened for wrong in check_feed(name, list(store.scan()), client)]


def check_stopped(data: Path, told: Told) -> list[str]:
    """After a clean stop: stores, order, logs and views, against what the callers were told."""
    wrong = [*told.wrong, *check_order(told)]
    for name, store in _opened(data):
        events = list(store.scan())
        wrong += check_positions(name, events)
        wrong += check_log(data, store)
        if name == "project_tracking":
            wrong += check_commands(events, told)
    return [*wrong, *check_views(data)]


def _opened(data: Path) -> Iterator[tuple[str, EventStore]]:
    for name, store in open_stores(data).items():
        try:
            yield name, store
        finally:
            store.close()


def count_events(data: Path) -> int:
    return sum(store.last_position() for _, store in _opened(data))
