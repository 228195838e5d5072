"""What a consumer feeds: views, folded in memory and written in one transaction (reactions: `reaction_sink`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Table
from sqlalchemy.engine import Connection

from services.chassis.bus.port import Source
from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.errors import DeadlineExceeded, Overloaded, StaleVersion, Unavailable
from services.chassis.faults import fault_point
from services.chassis.sinks.database import Checkpoint, ParkedFact, SinkDatabase
from services.chassis.sinks.place import RowStatement, SinkPlace
from services.chassis.sinks.row_insert import KEEPING, replacing
from services.chassis.time.instants import microseconds
from services.chassis.views.database import ViewDatabase
from services.chassis.views.row_cache import Place
from services.chassis.views.view import AppendedView, FoldedView, Folding, Handler, Received, ViewSpec


class NotYet(Exception):
    """A fact must wait, because the views do not show what its reactions rest on. All before it was applied."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"the views do not show yet what the reactions to {event_id} rest on")


PASSING = (Overloaded, Unavailable, DeadlineExceeded, StaleVersion, NotYet)
"""Errors that go away by themselves: the batch is tried again, nothing is parked. (A reaction names no version:
a stale one means that other writers were first each time.)"""

Row = tuple[Any, ...]


class Poisoned(Exception):
    """A fact that its handler cannot take; the consumer parks its stream and goes on with the rest."""

    def __init__(self, envelope: Envelope, error: Exception) -> None:
        super().__init__(f"{envelope.id}: {type(error).__name__}: {error}")
        self.envelope = envelope
        self.error = error


class Batch(msgspec.Struct, frozen=True):
    """Facts, what leads on from them, and what of them is set aside or taken up again."""

    facts: Sequence[Received] = ()
    moved: Mapping[Source, Checkpoint] = {}
    """The checkpoints after the batch."""
    parked: Sequence[ParkedFact] = ()
    unparked: Sequence[ParkedFact] = ()
    before: Mapping[Source, Checkpoint] = {}
    """All checkpoints as the consumer read them (missing: none yet). What it does counts from these only."""

    def write_progress(self, connection: Connection, database: SinkDatabase) -> None:
        """Move the checkpoints, first in the transaction: raises LostPlace where another process was faster."""
        database.checkpoints.move(connection, {**self._held(), **self.moved}, self.before)
        database.park(connection, self.parked)
        database.unpark(connection, self.unparked)

    def _held(self) -> dict[Source, Checkpoint]:
        """The sources of facts that are taken up again: they stay where they are, and nobody else may move them."""
        sources = {(fact.envelope.service, fact.envelope.partition) for fact in self.facts} if self.unparked else set()
        return {source: self.before[source] for source in sources if source in self.before}


class Sink(Protocol):
    """Takes facts in stream order and remembers how far it got, in one transaction."""

    @property
    def name(self) -> str: ...

    @property
    def database(self) -> SinkDatabase: ...

    def apply(self, batch: Batch) -> None:
        """All or nothing; raises Poisoned naming the first fact that cannot be taken, and LostPlace where another
        process has applied what it begins with; nothing is written then."""
        ...

    def forget(self) -> None:
        """Forget what is at hand of the database: the checkpoints are about to be read anew."""
        ...


Task = tuple[FoldedView, Handler, str, Received]
"""One fact for one row, by its key. (A plain tuple: there is one for each fact.)"""


class Folded(NamedTuple):
    """Rows after a batch (None: no row any more) and the last fact in each."""

    after: dict[Place, Any]
    last: dict[Place, Envelope]


class ViewSink:
    """Folds a batch in memory, row by row, and writes each changed row once.

    The checkpoints are moved first: from then on nobody else writes rows of these sources, and a batch that comes late
    is not folded on to rows that are further on. Views whose rows several processes write are locked besides.
    """

    def __init__(self, name: str, database: ViewDatabase) -> None:
        self.name = name
        self.database = database
        self._appended = [view for view in database.views.values() if isinstance(view, AppendedView)]
        self._by_event: dict[type[Event], list[tuple[FoldedView, Handler]]] = {}
        for view in database.views.values():
            if isinstance(view, FoldedView):
                for event, handler in view.handlers.items():
                    self._by_event.setdefault(event, []).append((view, handler))
        place, tables = database.place, database.tables
        self._inserts = {view.name: _insert_of(place, view, tables[view.name]) for view in database.views.values()}
        self._together = {name for name in database.views if database.written_together(name)}
        self._encoder = msgspec.json.Encoder()

    def apply(self, batch: Batch) -> None:
        age = self.database.age
        tasks = list(self._tasks(batch.facts))
        appended = {view.name: self._append(view, batch.facts) for view in self._appended}
        with self.database.engine.begin() as connection:
            batch.write_progress(connection, self.database)
            folded = self._fold(connection, tasks)
            for name, rows in self._values(folded).items():
                self._inserts[name].run(connection, rows)
            self._delete(connection, [place for place, row in folded.after.items() if row is None])
            fault_point("consumer.mid_batch")
            for name, rows in appended.items():
                self._inserts[name].run(connection, rows)
            fault_point("consumer.written")
        fault_point("consumer.committed")
        self.database.publish(folded.after, age, batch.moved)

    def forget(self) -> None:
        self.database.forget()

    def _tasks(self, facts: Sequence[Received]) -> Iterable[Task]:
        for fact in facts:
            for view, handler in self._by_event.get(type(fact.event), ()):
                key = _key(view, fact.envelope)
                if key is not None:
                    yield view, handler, key, fact

    def _fold(self, connection: Connection, tasks: Sequence[Task]) -> Folded:
        before = self._before(connection, tasks)
        folded, foldings = Folded({}, {}), dict[Place, Folding]()
        for view, handler, key, fact in tasks:
            place = (view.name, key)
            try:
                if view.folding is None:
                    row = folded.after[place] if place in folded.after else before.get(place)
                    folded.after[place] = handler(row, fact)
                else:
                    if place not in foldings:
                        foldings[place] = view.folding(before.get(place), fact)
                    foldings[place].add(fact)
            except Exception as error:
                raise Poisoned(fact.envelope, error) from error
            folded.last[place] = fact.envelope
        folded.after.update((place, folding.done()) for place, folding in foldings.items())
        return folded

    def _before(self, connection: Connection, tasks: Sequence[Task]) -> dict[Place, Any]:
        """The rows that the batch starts from: one query per view for those not at hand."""
        keys: dict[str, set[str]] = {}
        for view, _, key, _ in tasks:
            keys.setdefault(view.name, set()).add(key)
        self.database.place.lock(connection, sorted(self._together & keys.keys()))
        before: dict[Place, Any] = {}
        for name, wanted in keys.items():
            rows = {} if name in self._together else self.database.at_hand(name, wanted)
            missing = sorted(wanted - rows.keys())
            if missing:
                rows.update(self.database.load(name, missing, connection))
            before.update(((name, key), row) for key, row in rows.items())
        return before

    def _delete(self, connection: Connection, places: Sequence[Place]) -> None:
        for name, key in places:
            table = self.database.tables[name]
            connection.execute(table.delete().where(table.c.key == key))

    def _values(self, folded: Folded) -> dict[str, list[Row]]:
        """Per view, the rows to write, in the order of its table's columns."""
        values: dict[str, list[Row]] = {}
        for place, row in folded.after.items():
            if row is None:
                continue
            name, key = place
            try:
                encoded = self._encoder.encode(row)
            except Exception as error:
                raise Poisoned(folded.last[place], error) from error
            values.setdefault(name, []).append((key, folded.last[place].position, encoded))
        return values

    def _append(self, view: AppendedView, facts: Sequence[Received]) -> list[Row]:
        """The rows to write, in the order of the table's columns."""
        rows = []
        for fact in facts:
            envelope = fact.envelope
            key = _key(view, envelope)
            if key is not None:
                rows.append((
                    envelope.service, envelope.position, key, envelope.stream, envelope.version, envelope.type,
                    envelope.occurred_on.isoformat(), microseconds(envelope.recorded_at), envelope.actor,
                    envelope.command_id, envelope.data,
                ))  # fmt: skip
        return rows


def _insert_of(place: SinkPlace, view: ViewSpec, table: Table) -> RowStatement:
    """A folded row takes the place of the one before; an appended fact stays as it came first."""
    columns = list(table.columns)
    if isinstance(view, AppendedView):
        return place.statement(f"INSERT INTO {table.name}", columns, KEEPING)
    changed = [column.name for column in columns if column.name != "key"]
    return place.statement(f"INSERT INTO {table.name}", columns, replacing(["key"], changed))


def _key(view: ViewSpec, envelope: Envelope) -> str | None:
    try:
        return view.key(envelope)
    except Exception as error:
        raise Poisoned(envelope, error) from error
