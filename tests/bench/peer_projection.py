"""The same views as ours, projected by the `eventsourcing` library.

Its notification log is read with its own reader, each event is made by its own mapper and processed by a
`Projection` whose view is a tracking recorder (`peer_views`): one transaction per event holds the view's rows and the
tracking record. That is the library's documented way; its subscriptions and runner do not work on SQLite, so its
reader pulls, in sections of 1,000 and not of its default 10, to its advantage. Folding, the encoding of rows and
the tables are ours to the letter, folded rows are kept in memory here too, and the facts are whole lives of projects
on both sides, so that the view work is equal.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from eventsourcing.application import LocalNotificationLog
from eventsourcing.persistence import JSONTranscoder, Mapper, Tracking
from eventsourcing.projection import Projection
from eventsourcing.system import NotificationLogReader

from services.chassis.envelope import Envelope
from services.chassis.registry import EventRegistry
from services.chassis.time.instants import instant_of
from services.chassis.views.view import Received
from services.project_tracking.events import PROJECT_EVENTS
from services.projection.project_board import PROJECT_BOARD, BoardRow
from tests.bench.material import SERVICE, project_facts, whole_lives
from tests.stores import RECORDED_AT

SECTION = 1000


@dataclass(frozen=True)
class Told:
    """A project's fact as the library keeps an event: its own fields as JSON, and whose event it is."""

    originator_id: str
    originator_version: int
    type: str
    occurred_on: str
    recorded_at: int
    actor: str
    command_id: str
    data: str


class Board(Projection[Any]):
    """Folds each fact into its project's row."""

    def __init__(self, view: Any) -> None:
        super().__init__(view)
        self._registry = EventRegistry(PROJECT_EVENTS)
        self._rows: dict[str, BoardRow] = {}

    def process_event(self, domain_event: Told, tracking: Tracking) -> None:
        fact = self._received(domain_event, tracking.notification_id)
        envelope = fact.envelope
        row = PROJECT_BOARD.handlers[type(fact.event)](self._rows.get(envelope.entity), fact)
        self._rows[envelope.entity] = row
        board = (envelope.entity, envelope.position, msgspec.json.encode(row))
        timeline = (
            envelope.service, envelope.position, envelope.entity, envelope.stream, envelope.version, envelope.type,
            domain_event.occurred_on, domain_event.recorded_at, envelope.actor, envelope.command_id, envelope.data,
        )  # fmt: skip
        self.view.write(board, timeline, tracking)

    def _received(self, told: Told, position: int) -> Received:
        data = told.data.encode()
        envelope = Envelope(
            service=SERVICE,
            epoch=1,
            position=position,
            partition=0,
            stream=told.originator_id,
            version=told.originator_version,
            type=told.type,
            occurred_on=date.fromisoformat(told.occurred_on),
            recorded_at=instant_of(told.recorded_at),
            actor=told.actor,
            command_id=told.command_id,
            command_hash=b"",
            correlation_id=told.command_id,
            causation_id=told.command_id,
            traceparent=None,
            data=data,
        )
        return Received(envelope, self._registry.decode(told.type, data))


def projected_rate(recorder: Any, view: Any, count: int) -> float:
    """Events a second from the library's log in this recorder to the view, the log being there already."""
    mapper: Any = Mapper(transcoder=JSONTranscoder())
    recorder.insert_events([mapper.to_stored_event(told) for told in _told(count)])
    projection = Board(view)
    reader = NotificationLogReader(LocalNotificationLog(recorder, SECTION), SECTION)
    started = time.perf_counter()
    for section in reader.select(start=0, inclusive_of_start=False):
        for notification in section:
            projection.process_event(mapper.to_domain_event(notification), Tracking(SERVICE, notification.id))
    took = time.perf_counter() - started
    assert view.max_tracking_id(SERVICE) == count
    return count / took


def _told(count: int) -> list[Told]:
    return [
        Told(
            originator_id=fact.stream,
            originator_version=fact.version,
            type=fact.new.type,
            occurred_on=fact.new.occurred_on.isoformat(),
            recorded_at=RECORDED_AT,
            actor="unit_staff:bench",
            command_id="0" * 36,
            data=fact.new.data.decode(),
        )
        for fact in project_facts(count, whole_lives(count))
    ]
