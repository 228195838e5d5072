"""Reactions as a sink: commands go out for facts, and the checkpoint is moved behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from services.chassis.bus.port import Source
from services.chassis.domain import Command, DomainError, Event
from services.chassis.envelope import Envelope
from services.chassis.errors import RequestError
from services.chassis.reactions.table import Reaction, reaction_command_id
from services.chassis.sinks.database import Checkpoint, SinkDatabase
from services.chassis.sinks.sink import PASSING, Batch, NotYet, Poisoned
from services.chassis.views.view import Reader, Received

REFUSED = (
    *(DomainError, RequestError, msgspec.MsgspecError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""What poisons a fact for a reaction: the command is refused, or the reaction itself is wrong."""


Dispatch = Callable[[Sequence[tuple[Command, str, Envelope]]], None]
"""Carries out (command, command id, causing envelope) in order and returns when all are durable; raises the
first error."""


def _at_once(_fact: Received) -> bool:
    return True


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
        ready: Callable[[Received], bool] = _at_once,
    ) -> None:
        """`ready`: whether the reader shows all that a reaction to this fact rests on; it may wait a little."""
        self.name = name
        self.database = database
        self._reader = reader
        self._dispatch = dispatch
        self._stream_of = stream_of
        self._ready = ready
        self._by_event: dict[type[Event], list[Reaction]] = {}
        for reaction in reactions:
            self._by_event.setdefault(reaction.event, []).append(reaction)

    def apply(self, batch: Batch) -> None:
        """As for any sink; and raises NotYet where facts must wait, when all before them on their sources, and all of
        other sources, was applied."""
        waiting = self._waiting(batch.facts)
        now = _before(waiting, batch) if waiting else batch
        for fact in now.facts:
            reactions = self._by_event.get(type(fact.event))
            if reactions:
                self._react(reactions, fact)
        with self.database.engine.begin() as connection:
            now.write_progress(connection, self.database)
        for fact in waiting.values():
            raise NotYet(fact.envelope.id)

    def forget(self) -> None:
        """Nothing is at hand."""

    def _waiting(self, facts: Sequence[Received]) -> dict[Source, Received]:
        """Per source, the first fact that is not ready."""
        waiting: dict[Source, Received] = {}
        for fact in facts:
            source = _source(fact.envelope)
            if source not in waiting and type(fact.event) in self._by_event and not self._ready(fact):
                waiting[source] = fact
        return waiting

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


_envelope = msgspec.msgpack.Decoder(Envelope).decode


def _before(waiting: Mapping[Source, Received], batch: Batch) -> Batch:
    """What of the batch comes before the facts that wait. Reading goes on at their sources' old offsets: those of
    single facts are not known here, and what comes twice is dropped."""

    def early(envelope: Envelope) -> bool:
        first = waiting.get(_source(envelope))
        return first is None or envelope.position < first.envelope.position

    facts = [fact for fact in batch.facts if early(fact.envelope)]
    parked = [fact for fact in batch.parked if early(_envelope(fact.envelope))]
    unparked = [fact for fact in batch.unparked if early(_envelope(fact.envelope))]
    reached: dict[Source, int] = {}
    for envelope in (*(fact.envelope for fact in facts), *(_envelope(fact.envelope) for fact in parked)):
        source = _source(envelope)
        reached[source] = max(envelope.position, reached.get(source, 0))
    moved = {source: at for source, at in batch.moved.items() if source not in waiting}
    for source in waiting.keys() & batch.moved.keys() & reached.keys():
        offset = batch.before.get(source, Checkpoint()).offset
        moved[source] = Checkpoint(batch.moved[source].epoch, reached[source], offset)
    return Batch(facts, moved, parked, unparked, batch.before)


def _source(envelope: Envelope) -> Source:
    return envelope.service, envelope.partition
