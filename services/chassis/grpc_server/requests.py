"""What comes with an RPC beside its message: who asks, until when, under which id and trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from services.chassis.auth import Principal
from services.chassis.commanding.gateway import Call
from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded, InvalidRequest, Unauthenticated, Violation
from services.chassis.telemetry.tracing import TraceContext

DEFAULT_SECONDS = 30.0
"""The deadline of a call that names none."""
LONGEST_SECONDS = 60.0
"""No caller keeps a place in the queues for longer, whatever deadline it brings."""

_BEARER = "bearer "
_LONGEST_VERSION = 18


class Verifier(Protocol):
    """Says whom a token stands for; raises Unauthenticated. Must not block."""

    def verify(self, token: str | None, now: datetime) -> Principal: ...


def real_time() -> datetime:
    """Tokens are judged by real time, also in a rehearsal."""
    return datetime.now(UTC)


class CallReader:
    """Makes the Call of an RPC from its metadata and deadline."""

    def __init__(self, verifier: Verifier, now: Callable[[], datetime] = real_time) -> None:
        self._verifier = verifier
        self._now = now

    def read(self, context: Any, trace: TraceContext, metadata: dict[str, Any]) -> Call:
        """Raises Unauthenticated, DeadlineExceeded or InvalidRequest."""
        version = metadata.get("expected-version")
        principal, token = self.caller(metadata)
        return Call(
            principal=principal,
            deadline=Deadline.after(_remaining(context)),
            command_id=metadata.get("idempotency-key"),
            expected_version=None if version is None else parse_version(version, "expected-version"),
            traceparent=trace.header,
            bearer=token,
        )

    def caller(self, metadata: dict[str, Any]) -> tuple[Principal, str | None]:
        """Who calls, and by which token; raises Unauthenticated."""
        token = bearer(metadata.get("authorization"))
        return self._verifier.verify(token, self._now()), token


def bearer(header: str | None) -> str | None:
    """The token in an `Authorization` header; None without one; Unauthenticated for another scheme."""
    if not header:
        return None
    if header[: len(_BEARER)].lower() != _BEARER:
        raise Unauthenticated("Authorization 应为 Bearer 加令牌", "the authorization is not a bearer token")
    return header[len(_BEARER) :].strip()


def parse_version(text: str, field: str) -> int:
    """The version of a stream that the caller has seen; InvalidRequest when it is not a whole number from 0."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_VERSION):
        raise InvalidRequest(Violation(field, "版本应为非负整数", "the version must be a whole number from 0"))
    return int(text)


def _remaining(context: Any) -> float:
    seconds: float | None = context.time_remaining()
    if seconds is None:
        return DEFAULT_SECONDS
    if seconds <= 0:
        raise DeadlineExceeded("请求到达时已超过期限", "the deadline had passed when the request arrived")
    return min(seconds, LONGEST_SECONDS)
