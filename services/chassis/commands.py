"""The command bus of one service: authorise → load → facts → decide → append, each command on one stream."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from typing import Any
from uuid import UUID

import msgspec

from services.chassis.auth import Principal, Rights, Role, authorise, require_unit
from services.chassis.auth import Scope as RightsScope
from services.chassis.clock import Clock
from services.chassis.domain import Command, Decider, DomainError, Event, Facts, title_of
from services.chassis.envelope import partition_of
from services.chassis.errors import CommandIdReused, Forbidden, InvalidRequest, Overloaded, StaleVersion, Violation
from services.chassis.event_store import Append, Appended, CommandRecord, EventStore, NewEvent, Refusal, WrongVersion
from services.chassis.gateway import Call, Receipt
from services.chassis.instants import microseconds
from services.chassis.metrics import METRICS
from services.chassis.passing_time import PassDay
from services.chassis.position import PositionToken
from services.chassis.random_ids import ordered_uuid
from services.chassis.registry import EventRegistry
from services.chassis.service import Aggregate, Service
from services.chassis.views import Reader

ATTEMPTS = 8
"""How often a command is decided anew after another writer was first; then the caller gets STALE_VERSION."""

CACHED_STREAMS = 50_000

REFUSALS = (DomainError, StaleVersion, Forbidden)
"""What the stream's state may answer, so that another state may answer otherwise."""


class State(msgspec.Struct, frozen=True):
    """A folded stream, its version and the position of its last event (0: it has none)."""

    value: Any
    version: int
    position: int


class CommandBus:
    """Carries out one service's commands against its store.

    States of streams are cached by version: a write of another process shows as a version conflict, which
    drops the cached state and decides again. Commands of one stream wait for each other in this process.
    """

    def __init__(
        self,
        service: Service,
        store: EventStore,
        registry: EventRegistry,
        reader: Reader,
        clock: Clock,
        queue_limit: int,
    ) -> None:
        self._service = service
        self._store = store
        self._registry = registry
        self._reader = reader
        self._clock = clock
        self._queue_limit = queue_limit
        self._aggregates = {command: a for a in service.aggregates for command in a.decider.decisions}
        self._states: dict[str, State] = {}
        self._locks: dict[str, _StreamLock] = {}
        self._running = 0
        self._encode = msgspec.json.Encoder().encode
        self._count = cache(partial(METRICS.commands.labels, service.name))
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
            self._count(name, outcome).inc()
            self._seconds(name).observe(time.perf_counter() - started)

    async def _execute(self, command: Command, name: str, call: Call) -> Receipt:
        aggregate = self._aggregates[type(command)]
        scope = _authorise(self._service.rights, aggregate, command, call.principal, name)
        command_id = _command_id(call)
        body_hash = self._hash(name, command, call.principal)
        stream = aggregate.decider.stream(command)
        try:
            async with self._lock(stream):
                return await self._attempts(aggregate, command, call, scope, stream, command_id, body_hash)
        except REFUSALS:
            if call.command_id is None:
                raise
            receipt = await self._earlier(command_id, body_hash)
            if receipt is None:
                raise
            return receipt

    async def _attempts(
        self,
        aggregate: Aggregate,
        command: Command,
        call: Call,
        scope: RightsScope,
        stream: str,
        command_id: str,
        body_hash: bytes,
    ) -> Receipt:
        """Decide and append at exactly the version decided on; on a conflict do so again.

        A refusal, or nothing to record, is final only on a state read from the store: a cached one may be behind
        another process.
        """
        outcome: Appended | WrongVersion | Refusal | None = None
        for _ in range(ATTEMPTS):
            cached = self._states.pop(stream, None)
            state = cached or await self._load(aggregate.decider, stream)
            try:
                events = self._decide(aggregate, command, call, scope, state)
            except REFUSALS:
                if cached is None:
                    raise
                continue
            if not events:
                if cached is None:
                    return await self._quiet(call, command_id, body_hash, stream, state)
                continue
            call.deadline.check()
            outcome = await self._store.append(self._append(call, stream, state.version, command_id, body_hash, events))
            if isinstance(outcome, Refusal):
                raise _reused(command_id)
            if isinstance(outcome, Appended):
                if not outcome.repeated:
                    self._remember(stream, _after(aggregate.decider.fold(events, state.value), outcome.record))
                return self._receipt(outcome.record, outcome.repeated)
        assert isinstance(outcome, WrongVersion)
        raise _stale(stream, outcome.expected, outcome.actual)

    def _decide(
        self, aggregate: Aggregate, command: Command, call: Call, scope: RightsScope, state: State
    ) -> Sequence[Event]:
        base = Facts(today=self._clock.today())
        facts = aggregate.facts(self._reader, state.value, command, base) if aggregate.facts else base
        for unit in aggregate.scope(self._reader, state.value, command, facts) or (None,):
            require_unit(call.principal, scope, unit)
        if call.expected_version is not None and call.expected_version != state.version:
            raise _stale(aggregate.decider.stream(command), call.expected_version, state.version)
        return aggregate.decider.decide(state.value, command, facts)

    async def _load(self, decider: Decider[Any, Any], stream: str) -> State:
        envelopes = await asyncio.to_thread(self._store.read_stream, stream)
        events = [self._registry.decode(envelope.type, envelope.data) for envelope in envelopes]
        return State(decider.fold(events), len(events), envelopes[-1].position if envelopes else 0)

    def _remember(self, stream: str, state: State) -> None:
        self._states[stream] = state
        if len(self._states) > CACHED_STREAMS:
            del self._states[next(iter(self._states))]

    def _append(self, call: Call, stream: str, version: int, command_id: str, body_hash: bytes, events: Any) -> Append:
        encode = self._registry.encode
        return Append(
            stream=stream,
            expected_version=version,
            command_id=command_id,
            command_hash=body_hash,
            events=tuple(NewEvent(event.type, event.occurred_on, encode(event)) for event in events),
            recorded_at=microseconds(self._clock.now()),
            actor=call.principal.actor,
            correlation_id=call.correlation_id or command_id,
            causation_id=call.causation_id or command_id,
            traceparent=call.traceparent,
        )

    def _hash(self, name: str, command: Command, principal: Principal) -> bytes:
        """What makes two commands the same: who sent it (two units may have an account of one name), its name and its
        body."""
        sender = principal.actor if principal.unit is None else f"{principal.actor}\0{principal.unit}"
        return hashlib.sha256(b"\0".join((sender.encode(), name.encode(), self._encode(command)))).digest()

    async def _quiet(self, call: Call, command_id: str, body_hash: bytes, stream: str, state: State) -> Receipt:
        """Nothing new to record: a repeat of the first call answers what that recorded. The token is that of the
        stream's last fact, so that a reader sees what made the command quiet."""
        if call.command_id is not None and (earlier := await self._earlier(command_id, body_hash)):
            return earlier
        partition = partition_of(stream, self._store.info.partitions)
        token = PositionToken(self._service.name, self._store.info.epoch, partition, state.position)
        return Receipt(command_id=command_id, stream=stream, version=state.version, event_ids=(), token=str(token))

    async def _earlier(self, command_id: str, body_hash: bytes) -> Receipt | None:
        """The first answer to this command id; None when it was never carried out."""
        record = await asyncio.to_thread(self._store.find_command, command_id)
        if record is None:
            return None
        if record.command_hash != body_hash:
            raise _reused(command_id)
        return self._receipt(record, True)

    def _receipt(self, record: CommandRecord, repeated: bool) -> Receipt:
        info = self._store.info
        partition = partition_of(record.stream, info.partitions)
        token = PositionToken(self._service.name, info.epoch, partition, record.position)
        return Receipt(
            command_id=record.command_id,
            stream=record.stream,
            version=record.last_version,
            event_ids=tuple(f"{record.stream}/{v}" for v in range(record.first_version, record.last_version + 1)),
            token=str(token),
            repeated=repeated,
        )

    def _lock(self, stream: str) -> AbstractAsyncContextManager[None]:
        lock = self._locks.get(stream)
        if lock is None:
            lock = self._locks[stream] = _StreamLock(stream, self._locks)
        return lock


class _StreamLock:
    """A lock that leaves the table when nobody holds or awaits it."""

    __slots__ = ("_lock", "_name", "_table", "_users")

    def __init__(self, name: str, table: dict[str, _StreamLock]) -> None:
        self._lock = asyncio.Lock()
        self._name = name
        self._table = table
        self._users = 0

    async def __aenter__(self) -> None:
        self._users += 1
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._table.pop(self._name, None)


def _authorise(rights: Rights, aggregate: Aggregate, command: Command, principal: Principal, name: str) -> RightsScope:
    if type(command) in aggregate.internal and principal.role is Role.SYSTEM:
        return RightsScope.ALL
    return authorise(rights, principal, name, title_of(type(command)))


def _after(value: Any, record: CommandRecord) -> State:
    return State(value, record.last_version, record.position)


def _command_id(call: Call) -> str:
    if call.command_id is None:
        return ordered_uuid()
    try:
        return str(UUID(call.command_id))
    except ValueError:
        violation = Violation("command_id", "命令编号必须是 UUID", "the command id must be a UUID")
        raise InvalidRequest(violation) from None


def _stale(stream: str, expected: int, actual: int) -> StaleVersion:
    return StaleVersion(
        f"{stream} 已有新的记录(您看到的是第 {expected} 版,现在是第 {actual} 版),请刷新后再试",
        f"{stream} is at version {actual}, not {expected}; read it again",
    )


def _reused(command_id: str) -> CommandIdReused:
    return CommandIdReused(
        f"命令编号 {command_id} 已用于另一条命令", f"command id {command_id} was used for another command"
    )
