"""The folded states of a service's streams."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from services.chassis.domain import Decider
from services.chassis.event_store import EventStore
from services.chassis.registry import EventRegistry

CACHED_STREAMS = 50_000


class State(msgspec.Struct, frozen=True):
    """A folded stream, its version and the position of its last event (0: it has none)."""

    value: Any
    version: int
    position: int


class Repository:
    """Loads states from the store and keeps those that were used last.

    A kept state may be behind what another process has recorded: an append at its version then fails.
    """

    def __init__(self, store: EventStore, registry: EventRegistry) -> None:
        self._store = store
        self._registry = registry
        self._states: dict[str, State] = {}
        self._locks: dict[str, _StreamLock] = {}

    def lock(self, stream: str) -> AbstractAsyncContextManager[None]:
        """Whoever uses the stream's state holds this meanwhile, so that commands of one stream wait for each other."""
        lock = self._locks.get(stream)
        if lock is None:
            lock = self._locks[stream] = _StreamLock(stream, self._locks)
        return lock

    async def load(self, decider: Decider[Any, Any], stream: str) -> State:
        """The state by all that is recorded now."""
        envelopes = await asyncio.to_thread(self._store.read_stream, stream)
        events = [self._registry.decode(envelope.type, envelope.data) for envelope in envelopes]
        return State(decider.fold(events), len(events), envelopes[-1].position if envelopes else 0)

    def take(self, stream: str) -> State | None:
        """The kept state, kept no longer; None: there is none."""
        return self._states.pop(stream, None)

    def keep(self, stream: str, state: State) -> None:
        self._states[stream] = state
        if len(self._states) > CACHED_STREAMS:
            del self._states[next(iter(self._states))]


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
