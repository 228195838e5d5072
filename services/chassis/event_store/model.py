"""What goes into the event store and what it answers."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class StoreKind(StrEnum):
    """Whether a store holds a city's real facts or an invented rehearsal. It is fixed when the store is made."""

    REAL = "real"
    REHEARSAL = "rehearsal"


class StoreInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a store says of itself. `epoch` rises after a restore; `partitions` never changes."""

    store_id: str
    service: str
    kind: StoreKind
    programme: str
    epoch: int
    partitions: int
    created_at: str


class Failure(StrEnum):
    """Why the database took no write, as far as its error tells."""

    FULL = "full"
    """The disk has no room; nothing was written."""
    READ_ONLY = "read_only"
    """A standby, or a database that was set to be read only; nothing was written."""
    LOST = "lost"
    """The connection broke off: nobody knows what became of the statement that was under way."""
    OTHER = "other"
    """Nothing was written."""


class Change(StrEnum):
    """How a part of a database's schema is not what the migrations make."""

    ADDED = "added"
    REMOVED = "removed"
    ALTERED = "altered"


class Alteration(msgspec.Struct, frozen=True):
    """A table, index, view, trigger or function (`kind`) that is not as the migrations make it."""

    kind: str
    name: str
    change: Change

    @property
    def message(self) -> str:
        return {"added": "不是本程序建立的", "removed": "不见了", "altered": "被改动"}[self.change]

    @property
    def english(self) -> str:
        return {"added": "was not made by bizenv", "removed": "is gone", "altered": "was altered"}[self.change]


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """A fact about to be recorded: type string, business date and its exact JSON bytes."""

    type: str
    occurred_on: date
    data: bytes


class Append(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one command, for one stream whose version must be exactly `expected_version` (0: new).

    `recorded_at` is microseconds since 1970 UTC; `command_hash` the SHA-256 of the command's type and body.
    """

    stream: str
    expected_version: int
    command_id: str
    command_hash: bytes
    events: tuple[NewEvent, ...]
    recorded_at: int
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str | None = None


class CommandRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a command recorded when it was carried out: versions first..last of its stream, last position."""

    command_id: str
    command_hash: bytes
    stream: str
    first_version: int
    last_version: int
    position: int


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The facts are durable, now or since an earlier call with this command id (`repeated`)."""

    record: CommandRecord
    repeated: bool


class WrongVersion(msgspec.Struct, frozen=True, gc=False):
    """Nothing was written for this command: the stream is at `actual`."""

    stream: str
    expected: int
    actual: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Nothing was written for this command: its id belongs to another command."""

    command_id: str


Outcome = Appended | WrongVersion | Refusal
