"""What a sink takes of what is delivered: what is next for it, each fact once, around holes and poison.

A delivery is applied only if the position named before it is the sink's checkpoint, older ones are dropped, and it
is read again from the checkpoint where there is a hole: neither a re-send nor a late send can lose or double a fact.
A fact that cannot be taken is parked together with everything after it on its stream; the rest flows on, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from services.chassis.bus.epochs import Beginnings
from services.chassis.bus.epochs import ConsumerStopped as ConsumerStopped
from services.chassis.bus.holes import Holes, Rereads
from services.chassis.bus.port import Delivery, Source
from services.chassis.bus.sorting import START, Sorting
from services.chassis.envelope import Envelope
from services.chassis.registry import EventRegistry, MalformedEvent, UnknownEventType
from services.chassis.sinks.checkpoints import LostPlace
from services.chassis.sinks.database import Checkpoint, ParkedFact
from services.chassis.sinks.sink import Batch, Poisoned, Sink
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.time.instants import microseconds
from services.chassis.views.view import Received

log = logger(__name__)

QUIET_OFFSETS = 1000
"""How far reading gets ahead of a quiet partition's checkpoint before it is written."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Envelope).decode


class Intake:
    """One sink's side of a consumer."""

    def __init__(self, sink: Sink, registry: EventRegistry, now: Callable[[], datetime], park_limit: int) -> None:
        self.sink = sink
        self._registry = registry
        self._now = now
        self._park_limit = park_limit
        self.checkpoints: dict[Source, Checkpoint] = {}
        self.parked: set[str] = set()
        self._holes = Holes(Rereads(sink.name))
        self._passed: dict[Source, int] = {}
        self.beginnings: Beginnings = {}
        """For a replay, which leaves out what a later epoch has given up."""
        self.taken = 0
        """Facts that were applied or parked, each once."""
        self.reload()

    def reload(self) -> None:
        """Start again from what is durable."""
        self.sink.forget()
        self.checkpoints = self.sink.database.read_checkpoints()
        self.parked = {fact.stream for fact in self.sink.database.read_parked()}
        self._holes.clear()
        self._tell_missing()
        METRICS.consumer_parked_streams.labels(self.sink.name).set(len(self.parked))

    def take(self, deliveries: Sequence[Delivery], progress: Mapping[Source, int]) -> dict[Source, Checkpoint]:
        """Apply what is next. `progress` says up to where each source was delivered; returns the sources to read again
        because of a hole, each from its checkpoint."""
        if not deliveries:
            return self._read_again({}, {})
        page = Sorting(deliveries, self.checkpoints, self.beginnings)
        METRICS.consumer_duplicates.labels(self.sink.name).inc(page.old)
        again = self._keep_holes(page, progress)
        if page.moved:
            whole = self._whole(progress)
            self._advance(page.moved, whole)
            self._apply(page.fresh, page.moved)
            self._passed.update(whole)
        return {**again, **self._read_again(progress, again)}

    def _read_again(self, progress: Mapping[Source, int], begun: Container[Source]) -> dict[Source, Checkpoint]:
        found = self._holes.due(self.checkpoints, progress, begun)
        if found:
            self._tell_missing()
            self._require_place(found)
        return found

    def _require_place(self, sources: Iterable[Source]) -> None:
        """Raise LostPlace where somebody has set a checkpoint of these aright."""
        now = self.sink.database.read_checkpoints()
        for source in sources:
            if now.get(source, START) != self.checkpoints.get(source, START):
                raise LostPlace(f"the checkpoint of {source[0]}/{source[1]} was moved")

    @property
    def missing(self) -> frozenset[Source]:
        """The sources of which a fact stays missing, though they were read again from their beginnings."""
        return self._holes.missing

    def _tell_missing(self) -> None:
        METRICS.consumer_missing.labels(self.sink.name).set(len(self.missing))

    def age_of(self, instant: datetime) -> float:
        """Seconds since then, by the city's clock; never below 0."""
        return max(0.0, (self._now() - instant).total_seconds())

    def offset(self, source: Source) -> int:
        """Up to where this source need not be read again."""
        return max(self.checkpoints.get(source, START).offset, self._passed.get(source, 0))

    @property
    def has_holes(self) -> bool:
        """Whether something is missing before what was delivered."""
        return bool(self._holes)

    @property
    def reads_in_vain(self) -> bool:
        """Whether all that is missing stays missing, so that nobody need wait for it."""
        return self._holes.in_vain

    def _keep_holes(self, page: Sorting, progress: Mapping[Source, int]) -> dict[Source, Checkpoint]:
        """Which sources still miss something; returns those not read again yet from where they are now."""
        again = self._holes.note(page.ahead, {**self.checkpoints, **page.moved})
        for source in again:
            self._holes.rereads.begin(source, progress)
        METRICS.consumer_holes.labels(self.sink.name).inc(len(again))
        self._tell_missing()
        return again

    def _whole(self, progress: Mapping[Source, int]) -> dict[Source, int]:
        """How far reading got, of the services in which nothing is missing."""
        broken = self._holes.services
        return {source: offset for source, offset in progress.items() if source[0] not in broken}

    def _advance(self, moved: dict[Source, Checkpoint], progress: Mapping[Source, int]) -> None:
        """Let checkpoints of quiet partitions say too how far reading got, so that a restart does not read it all
        again.

        Not in each batch: it would write a row for every partition, and reading a little again costs less.
        """
        for source, offset in progress.items():
            at = moved.get(source) or self.checkpoints.get(source, START)
            if at.offset + QUIET_OFFSETS <= offset:
                moved[source] = Checkpoint(at.epoch, at.position, offset)

    def _apply(self, fresh: Sequence[Delivery], moved: dict[Source, Checkpoint]) -> None:
        """Apply, parking one poisoned stream after another until the rest goes through."""
        poisoned: dict[str, tuple[int, str]] = {}
        while True:
            facts, parked = self._decode(fresh, poisoned)
            try:
                self.sink.apply(Batch(facts, moved, parked, before=self.checkpoints))
                break
            except Poisoned as poison:
                self._poison(poisoned, poison.envelope, f"{type(poison.error).__name__}: {poison.error}")
        self.checkpoints.update(moved)
        self._note(poisoned)
        self.taken += len(fresh)
        METRICS.consumer_applied.labels(self.sink.name).inc(len(facts))

    def _poison(self, poisoned: dict[str, tuple[int, str]], envelope: Envelope, reason: str) -> None:
        poisoned[envelope.stream] = (envelope.position, reason)
        log.error("stream parked", group=self.sink.name, event_id=envelope.id, reason=reason)

    def _note(self, poisoned: Mapping[str, tuple[int, str]]) -> None:
        self.parked.update(poisoned)
        METRICS.consumer_parked_streams.labels(self.sink.name).set(len(self.parked))
        if len(self.parked) > self._park_limit:
            raise ConsumerStopped(
                f"{self.sink.name}:搁置的事件流已达 {len(self.parked)} 条,超过上限 {self._park_limit},已停止 · "
                f"{len(self.parked)} parked streams are over the limit of {self._park_limit}; see bizenv parked"
            )

    def _decode(
        self, fresh: Sequence[Delivery], poisoned: dict[str, tuple[int, str]]
    ) -> tuple[list[Received], list[ParkedFact]]:
        """What can be applied, and what is parked: a poisoned fact, and all behind it on its stream."""
        facts: list[Received] = []
        parked: list[ParkedFact] = []
        for delivery in fresh:
            envelope = delivery.envelope
            position, reason = poisoned.get(envelope.stream, (0, ""))
            if envelope.stream not in self.parked and not (position and envelope.position >= position):
                try:
                    facts.append(Received(envelope, self._registry.decode(envelope.type, envelope.data)))
                    continue
                except (UnknownEventType, MalformedEvent) as error:
                    self._poison(poisoned, envelope, str(error))
                    position, reason = poisoned[envelope.stream]
            parked.append(self._parked(envelope, reason if envelope.position == position else ""))
        return facts, parked

    def _parked(self, envelope: Envelope, error: str) -> ParkedFact:
        return ParkedFact(
            service=envelope.service,
            position=envelope.position,
            stream=envelope.stream,
            version=envelope.version,
            type=envelope.type,
            error=error,
            parked_at=microseconds(self._now()),
            envelope=_pack(envelope),
        )

    def retry(self, stream: str, held: Container[Source]) -> bool:
        """Try a parked stream again, all of it in one transaction; False: it stays parked. One whose source is not held
        is left to the member that holds it, and counted there: what is parked is read anew with a source."""
        waiting = self.sink.database.read_parked(stream)
        envelopes = [_unpack(fact.envelope) for fact in waiting]
        if envelopes and (envelopes[0].service, envelopes[0].partition) not in held:
            self._release(stream)
            return True
        try:
            facts = [Received(envelope, self._registry.decode(envelope.type, envelope.data)) for envelope in envelopes]
            self.sink.apply(Batch(facts, unparked=waiting, before=self.checkpoints))
        except (Poisoned, UnknownEventType, MalformedEvent) as error:
            log.error("stream stays parked", group=self.sink.name, stream=stream, reason=str(error))
            return False
        self._release(stream)
        log.info("stream taken up again", group=self.sink.name, stream=stream, events=len(facts))
        return True

    def _release(self, stream: str) -> None:
        self.parked.discard(stream)
        METRICS.consumer_parked_streams.labels(self.sink.name).set(len(self.parked))
