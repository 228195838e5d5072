"""The command bus of one service: authorise → load → facts → decide → append, each command on one stream."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from typing import Any
from uuid import UUID

import msgspec

from services.chassis.auth import Principal, Rights, Role, authorise, require_unit
from services.chassis.auth import Scope as RightsScope
from services.chassis.commanding.event_size import require_size
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.commanding.receipts import Receipts, reused
from services.chassis.commanding.repository import Repository, State
from services.chassis.domain import Command, DomainError, Event, Facts, title_of
from services.chassis.errors import Forbidden, InvalidRequest, Overloaded, StaleVersion, Unavailable, Violation
from services.chassis.event_store import Append, Appended, EventStore, NewEvent, Refusal, WrongVersion
from services.chassis.hosting.passing_time import PassDay
from services.chassis.random_ids import ordered_uuid
from services.chassis.registry import EventRegistry
from services.chassis.service import Aggregate, Service
from services.chassis.telemetry.metrics import METRICS
from services.chassis.time.clock import Clock
from services.chassis.time.instants import microseconds
from services.chassis.views.view import Reader

ATTEMPTS = 8
"""How often a command is decided anew after another writer was first; then the caller gets STALE_VERSION."""

REFUSALS = (DomainError, StaleVersion, Forbidden)
"""What the stream's state may answer, so that another state may answer otherwise."""


class Attempt(msgspec.Struct, frozen=True):
    """A command on its way: what stays the same however often it is decided."""

    aggregate: Aggregate
    command: Command
    call: Call
    scope: RightsScope
    stream: str
    command_id: str
    body_hash: bytes


class CommandBus:
    """Carries out one service's commands against its store.

    A write of another process shows as a version conflict: the state that was kept is dropped and the command decided
    again. Commands of one stream wait for each other in this process.
    """

    def __init__(
        self,
        service: Service,
        store: EventStore,
        registry: EventRegistry,
        reader: Reader,
        clock: Clock,
        queue_limit: int,
        awaited: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`awaited`: the services whose facts, which decisions rest on, were never all here yet."""
        self._service = service
        self._store = store
        self._registry = registry
        self._reader = reader
        self._clock = clock
        self._queue_limit = queue_limit
        self._awaited = awaited
        self._aggregates = {command: a for a in service.aggregates for command in a.decider.decisions}
        self._repository = Repository(store, registry)
        self._receipts = Receipts(store)
        self._running = 0
        self._encode = msgspec.json.Encoder().encode
        self._count = cache(partial(METRICS.commands.labels, service.name))
        self._in_hand = cache(partial(METRICS.commands_in_hand.labels, service.name))
        self._seconds = cache(partial(METRICS.command_seconds.labels, service.name))
        METRICS.store_epoch.labels(service.name).set(store.info.epoch)

    @property
    def commands(self) -> frozenset[type[Command]]:
        """What it carries out for anyone; passing time is sent to each service's bus by its own host."""
        return frozenset(self._aggregates) - {PassDay}

    def stream_of(self, command: Command) -> str:
        return self._aggregates[type(command)].decider.stream(command)

    async def execute(self, command: Command, call: Call) -> Receipt:
        """Raises DomainError, or an error of `chassis.errors`. Returns once the facts are durable."""
        name = type(command).__name__
        if self._running >= self._queue_limit:
            raise Overloaded("系统繁忙,请稍后重试", "too many commands are in hand; try again later")
        self._running += 1
        self._in_hand(name).inc()
        started = time.perf_counter()
        outcome = "failed"
        try:
            receipt = await self._execute(command, name, call)
            outcome = "repeated" if receipt.repeated else "recorded" if receipt.event_ids else "unchanged"
            return receipt
        except DomainError as error:
            outcome = error.code
            raise
        finally:
            self._running -= 1
            self._in_hand(name).dec()
            self._count(name, outcome).inc()
            self._seconds(name).observe(time.perf_counter() - started)

    async def _execute(self, command: Command, name: str, call: Call) -> Receipt:
        aggregate = self._aggregates[type(command)]
        scope = _authorise(self._service.rights, aggregate, command, call.principal, name)
        command_id = _command_id(call)
        body_hash = self._hash(name, command, call.principal)
        stream = aggregate.decider.stream(command)
        if aggregate.facts is not None and (awaited := self._awaited()):
            raise _not_ready(awaited)
        try:
            async with self._repository.lock(stream):
                return await self._attempts(Attempt(aggregate, command, call, scope, stream, command_id, body_hash))
        except REFUSALS:
            if call.command_id is None:
                raise
            receipt = await self._receipts.earlier(command_id, body_hash)
            if receipt is None:
                raise
            return receipt

    async def _attempts(self, attempt: Attempt) -> Receipt:
        """Decide and append at exactly the version decided on; on a conflict do so again.

        A refusal, or nothing to record, is final only on a state read from the store: a cached one may be behind
        another process.
        """
        stream = attempt.stream
        conflict: WrongVersion | None = None
        for _ in range(ATTEMPTS):
            cached = self._repository.take(stream)
            state = cached or await self._repository.load(attempt.aggregate.decider, stream)
            try:
                events = self._decide(attempt, state)
            except REFUSALS:
                if cached is None:
                    raise
                continue
            if not events:
                if cached is None:
                    return await self._quiet(attempt, state)
                continue
            attempt.call.deadline.check()
            outcome = await self._store.append(self._append(attempt, state.version, events))
            if not isinstance(outcome, WrongVersion):
                return self._recorded(attempt, state, events, outcome)
            conflict = outcome
        assert conflict is not None
        raise _stale(stream, conflict.expected, conflict.actual)

    def _recorded(
        self, attempt: Attempt, state: State, events: Sequence[Event], outcome: Appended | Refusal
    ) -> Receipt:
        """The receipt of what stands in the store now, whose state is kept; raises where the id stands for another
        command."""
        if isinstance(outcome, Refusal):
            raise reused(attempt.command_id)
        record = outcome.record
        if not outcome.repeated:
            value = attempt.aggregate.decider.fold(events, state.value)
            self._repository.keep(attempt.stream, State(value, record.last_version, record.position))
        return self._receipts.of(record, outcome.repeated)

    def _decide(self, attempt: Attempt, state: State) -> Sequence[Event]:
        aggregate, command, call = attempt.aggregate, attempt.command, attempt.call
        base = Facts(today=self._clock.today())
        facts = aggregate.facts(self._reader, state.value, command, base) if aggregate.facts else base
        if attempt.scope is RightsScope.OWN:
            for unit in aggregate.scope(self._reader, state.value, command, facts) or (None,):
                require_unit(call.principal, attempt.scope, unit)
        if call.expected_version is not None and call.expected_version != state.version:
            raise _stale(attempt.stream, call.expected_version, state.version)
        return aggregate.decider.decide(state.value, command, facts)

    def _append(self, attempt: Attempt, version: int, events: Any) -> Append:
        call, command_id = attempt.call, attempt.command_id
        return Append(
            stream=attempt.stream,
            expected_version=version,
            command_id=command_id,
            command_hash=attempt.body_hash,
            events=tuple(map(self._new, events)),
            recorded_at=microseconds(self._clock.now()),
            actor=call.principal.actor,
            correlation_id=call.correlation_id or command_id,
            causation_id=call.causation_id or command_id,
            traceparent=call.traceparent,
        )

    def _new(self, event: Event) -> NewEvent:
        data = self._registry.encode(event)
        require_size(event, data)
        return NewEvent(event.type, event.occurred_on, data)

    def _hash(self, name: str, command: Command, principal: Principal) -> bytes:
        """What makes two commands the same: who sent it (two units may have an account of one name), its name and its
        body."""
        sender = principal.actor if principal.unit is None else f"{principal.actor}\0{principal.unit}"
        return hashlib.sha256(b"\0".join((sender.encode(), name.encode(), self._encode(command)))).digest()

    async def _quiet(self, attempt: Attempt, state: State) -> Receipt:
        """Nothing new to record: a repeat of the first call answers what that recorded."""
        command_id = attempt.command_id
        if attempt.call.command_id is not None:
            earlier = await self._receipts.earlier(command_id, attempt.body_hash)
            if earlier is not None:
                return earlier
        return self._receipts.quiet(command_id, attempt.stream, state.version, state.position)


def _authorise(rights: Rights, aggregate: Aggregate, command: Command, principal: Principal, name: str) -> RightsScope:
    if type(command) in aggregate.internal and principal.role is Role.SYSTEM:
        return RightsScope.ALL
    return authorise(rights, principal, name, title_of(type(command)))


def _command_id(call: Call) -> str:
    if call.command_id is None:
        return ordered_uuid()
    try:
        return str(UUID(call.command_id))
    except ValueError:
        violation = Violation("command_id", "命令编号必须是 UUID", "the command id must be a UUID")
        raise InvalidRequest(violation) from None


def _not_ready(awaited: Collection[str]) -> Unavailable:
    names = ", ".join(sorted(awaited))
    return Unavailable(
        f"尚未就绪:{names} 的数据尚未到达,请稍后重试", f"not ready yet: facts of {names} are not here yet"
    )


def _stale(stream: str, expected: int, actual: int) -> StaleVersion:
    return StaleVersion(
        f"{stream} 已有新的记录(您看到的是第 {expected} 版,现在是第 {actual} 版),请刷新后再试",
        f"{stream} is at version {actual}, not {expected}; read it again",
    )
