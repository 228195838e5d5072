"""project_timeline 生命线: every fact of every project, append-only; the past is folded from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, select, tuple_

from services.chassis.domain import Event
from services.chassis.registry import EventRegistry, UnknownEventType
from services.chassis.views.view import AppendedView, Reader
from services.project_tracking.events import PROJECT_EVENTS
from services.projection.project_board import project_of

PROJECT_TIMELINE = AppendedView("project_timeline", project_of)
_REGISTRY = EventRegistry(PROJECT_EVENTS)

PAGE = 500
"""Facts read at once where all are folded: together they are 10 MB that the process would keep after its first look at
a past day."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded fact of one project with its exact JSON."""

    key: str
    stream: str
    version: int
    type: str
    occurred_on: str
    recorded_at: int
    actor: str
    command_id: str
    data: bytes
    event: Event

    @property
    def id(self) -> str:
        return f"{self.stream}/{self.version}"


def facts_of(reader: Reader, project_id: str, known_before: int | None = None) -> Sequence[Fact]:
    """The facts of one project in the order of their recording."""
    table = reader.table(PROJECT_TIMELINE.name)
    query = select(table).where(table.c.key == project_id).order_by(table.c.position)
    if known_before is not None:
        query = query.where(table.c.recorded_at < known_before)
    return [fact for fact in map(_fact, reader.execute(query)) if fact is not None]


ProjectFact = tuple[str, str, int, Event]
"""(project, stream, version, fact)"""


def events_between(reader: Reader, since: int, until: int, project_id: str | None = None) -> Iterator[ProjectFact]:
    """What was recorded from `since` (0: the beginning) to before `until` (microseconds), of one project or of all,
    in the order of recording."""
    table = reader.table(PROJECT_TIMELINE.name)
    columns = (table.c.key, table.c.stream, table.c.version, table.c.type, table.c.data)
    query = select(table.c.service, table.c.position, *columns).where(table.c.recorded_at < until)
    if since:
        query = query.where(table.c.recorded_at >= since)
    if project_id is not None:
        query = query.where(table.c.key == project_id)
    for _, _, key, stream, version, kind, data in _in_pages(reader, query):
        try:
            yield key, stream, version, _REGISTRY.decode(kind, data)
        except UnknownEventType:
            continue


def _in_pages(reader: Reader, query: Select[Any]) -> Iterator[Any]:
    """The rows of a query over the timeline that begins with its place there, in the order of places."""
    table = reader.table(PROJECT_TIMELINE.name)
    place = (table.c.service, table.c.position)
    ordered = query.order_by(*place).limit(PAGE)
    page = reader.execute(ordered)
    while page:
        yield from page
        if len(page) < PAGE:
            return
        last = tuple_(*page[-1][:2], types=[column.type for column in place])
        page = reader.execute(ordered.where(tuple_(*place) > last))


def _fact(row: Any) -> Fact | None:
    """A fact of a type that a newer build records is passed over, as by the live view."""
    try:
        event = _REGISTRY.decode(row.type, row.data)
    except UnknownEventType:
        return None
    return Fact(
        key=row.key,
        stream=row.stream,
        version=row.version,
        type=row.type,
        occurred_on=row.occurred_on,
        recorded_at=row.recorded_at,
        actor=row.actor,
        command_id=row.command_id,
        data=row.data,
        event=event,
    )
