"""The one way in for every door: a command or a query, with who asks, until when, and under which trace."""

from __future__ import annotations

from typing import Protocol

import msgspec

from services.chassis.auth import Principal
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.service import Query


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a request beside its body.

    `command_id` is the caller's idempotency key (a UUID; None: the gateway makes one); `expected_version` the
    version of the stream that the caller has seen (None: any). `bearer` is the caller's own token, by which another
    process checks the right for itself; None for the platform's own calls. No repr shows it.
    """

    principal: Principal
    deadline: Deadline
    command_id: str | None = None
    expected_version: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    bearer: str | None = None

    def __repr__(self) -> str:
        return f"Call(principal={self.principal!r}, command_id={self.command_id!r}, traceparent={self.traceparent!r})"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The durable answer to a command.

    `version` is the stream's version after it, `event_ids` the facts it recorded (none: nothing to record).
    `token` makes any query wait until its views show them. `repeated` says that this command id had been
    carried out before and this is the first answer.
    """

    command_id: str
    stream: str
    version: int
    event_ids: tuple[str, ...]
    token: str
    repeated: bool = False


class Gateway(Protocol):
    """Carries out commands and answers queries; raises DomainError and the errors of `chassis.errors` only."""

    async def execute(self, command: Command, call: Call) -> Receipt:
        """Authorise, decide and record; returns once the facts are durable."""
        ...

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        """Answer from the views, after waiting for `query.token` where one is given."""
        ...
