"""What a consumer feeds: views (folded in memory, written in one transaction) and reactions (commands out)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Table

from services.chassis.bus import Source
from services.chassis.domain import Command, DomainError, Event
from services.chassis.envelope import Envelope
from services.chassis.errors import DeadlineExceeded, Overloaded, RequestError, StaleVersion, Unavailable
from services.chassis.faults import fault_point
from services.chassis.instants import microseconds
from services.chassis.reactions import Reaction, reaction_command_id
from services.chassis.row_insert import KEEPING, RowInsert, replacing
from services.chassis.sink_database import Checkpoint, ParkedFact, SinkDatabase
from services.chassis.view_database import ViewDatabase
from services.chassis.views import AppendedView, FoldedView, Handler, Reader, Received, ViewSpec

PASSING = (Overloaded, Unavailable, DeadlineExceeded, StaleVersion)
"""Errors that go away by themselves: the batch is tried again, nothing is parked. (A reaction names no version:
a stale one means that other writers were first each time.)"""

REFUSED = (
    *(DomainError, RequestError, msgspec.MsgspecError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""What poisons a fact for a reaction: the command is refused, or the reaction itself is wrong."""

Row = tuple[Any, ...]

Place = tuple[str, str]
"""(view, key) of a folded row."""


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


class Sink(Protocol):
    """Takes facts in stream order and remembers how far it got, in one transaction."""

    @property
    def name(self) -> str: ...

    @property
    def database(self) -> SinkDatabase: ...

    def apply(self, batch: Batch) -> None:
        """All or nothing; raises Poisoned naming the first fact that cannot be taken, before anything is written."""
        ...


class ViewSink:
    """Folds a batch in memory, row by row, and writes each changed row once."""

    def __init__(self, name: str, database: ViewDatabase) -> None:
        self.name = name
        self.database = database
        self._appended = [view for view in database.views.values() if isinstance(view, AppendedView)]
        self._by_event: dict[type[Event], list[tuple[FoldedView, Handler]]] = {}
        for view in database.views.values():
            if isinstance(view, FoldedView):
                for event, handler in view.handlers.items():
                    self._by_event.setdefault(event, []).append((view, handler))
        self._inserts = {view.name: _insert_of(view, database.tables[view.name]) for view in database.views.values()}
        self._encoder = msgspec.json.Encoder()

    def apply(self, batch: Batch) -> None:
        changed, last = self._fold(batch.facts)
        upserts = self._values(changed, last)
        gone = [place for place, row in changed.items() if row is None]
        appended = {view.name: self._append(view, batch.facts) for view in self._appended}
        with self.database.engine.begin() as connection:
            for name, rows in upserts.items():
                self.database.write(connection, self._inserts[name], rows)
            for name, key in gone:
                table = self.database.tables[name]
                connection.execute(table.delete().where(table.c.key == key))
            fault_point("consumer.mid_batch")
            for name, rows in appended.items():
                self.database.write(connection, self._inserts[name], rows)
            self.database.write_checkpoints(connection, batch.moved)
            self.database.park(connection, batch.parked)
            self.database.unpark(connection, batch.unparked)
            fault_point("consumer.written")
        fault_point("consumer.committed")
        self.database.publish(changed)

    def _fold(self, facts: Sequence[Received]) -> tuple[dict[Place, Any], dict[Place, Envelope]]:
        """The rows after the batch (None: no row any more) and the last fact in each."""
        work = list(self._work(facts))
        before = self._before(work)
        after: dict[Place, Any] = {}
        last: dict[Place, Envelope] = {}
        for view, handler, key, fact in work:
            place = (view.name, key)
            row = after[place] if place in after else before.get(place)
            try:
                after[place] = handler(row, fact)
            except Exception as error:
                raise Poisoned(fact.envelope, error) from error
            last[place] = fact.envelope
        return after, last

    def _work(self, facts: Sequence[Received]) -> Iterable[tuple[FoldedView, Handler, str, Received]]:
        for fact in facts:
            for view, handler in self._by_event.get(type(fact.event), ()):
                key = _key(view, fact.envelope)
                if key is not None:
                    yield view, handler, key, fact

    def _before(self, work: Sequence[tuple[FoldedView, Handler, str, Received]]) -> dict[tuple[str, str], Any]:
        """The rows that the batch starts from: one query per view for those not at hand."""
        keys: dict[str, set[str]] = {}
        for view, _, key, _ in work:
            keys.setdefault(view.name, set()).add(key)
        before: dict[Place, Any] = {}
        for name, wanted in keys.items():
            rows = self.database.cached(name, wanted)
            missing = sorted(wanted - rows.keys())
            if missing:
                rows.update(self.database.load(name, missing))
            before.update(((name, key), row) for key, row in rows.items())
        return before

    def _values(self, changed: Mapping[Place, Any], last: Mapping[Place, Envelope]) -> dict[str, list[Row]]:
        """Per view, the rows to write, in the order of its table's columns."""
        values: dict[str, list[Row]] = {}
        for place, row in changed.items():
            if row is None:
                continue
            name, key = place
            try:
                encoded = self._encoder.encode(row)
            except Exception as error:
                raise Poisoned(last[place], error) from error
            values.setdefault(name, []).append((key, last[place].position, encoded))
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


def _insert_of(view: ViewSpec, table: Table) -> RowInsert:
    """A folded row takes the place of the one before; an appended fact stays as it came first."""
    if isinstance(view, AppendedView):
        return RowInsert(table.name, len(table.columns), conflict=KEEPING)
    changed = [column.name for column in table.columns if column.name != "key"]
    return RowInsert(table.name, len(table.columns), conflict=replacing(["key"], changed))


def _key(view: ViewSpec, envelope: Envelope) -> str | None:
    try:
        return view.key(envelope)
    except Exception as error:
        raise Poisoned(envelope, error) from error


Dispatch = Callable[[Sequence[tuple[Command, str, Envelope]]], None]
"""Carries out (command, command id, causing envelope) in order and returns when all are durable; raises the
first error."""


class ReactionSink:
    """Sends the commands that a service's reactions draw from the facts, then moves its checkpoint.

    A crash in between sends them again under the same command ids, which changes nothing.
    """

    def __init__(
        self,
        name: str,
        database: SinkDatabase,
        reactions: Sequence[Reaction],
        reader: Reader,
        dispatch: Dispatch,
        stream_of: Callable[[Command], str],
    ) -> None:
        self.name = name
        self.database = database
        self._reader = reader
        self._dispatch = dispatch
        self._stream_of = stream_of
        self._by_event: dict[type[Event], list[Reaction]] = {}
        for reaction in reactions:
            self._by_event.setdefault(reaction.event, []).append(reaction)

    def apply(self, batch: Batch) -> None:
        for fact in batch.facts:
            reactions = self._by_event.get(type(fact.event))
            if reactions:
                self._react(reactions, fact)
        with self.database.engine.begin() as connection:
            self.database.write_checkpoints(connection, batch.moved)
            self.database.park(connection, batch.parked)
            self.database.unpark(connection, batch.unparked)

    def _react(self, reactions: Sequence[Reaction], fact: Received) -> None:
        try:
            commands = [
                (command, reaction_command_id(fact.envelope.id, reaction.name, self._stream_of(command)), fact.envelope)
                for reaction in reactions
                for command in reaction.react(fact, self._reader)
            ]
            self._dispatch(commands)
        except PASSING:
            raise
        except REFUSED as error:
            raise Poisoned(fact.envelope, error) from error
