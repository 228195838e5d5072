"""W3C trace context (level 1): the `traceparent` header, and the context that the current work belongs to."""

from __future__ import annotations

import re
from contextvars import ContextVar

import msgspec

from services.chassis.random_ids import random_bytes

_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_SAMPLED = 0x01


class TraceContext(msgspec.Struct, frozen=True, gc=False):
    """One span of a trace; ids are lower-case hex, never all zeros."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED

    @classmethod
    def new(cls) -> TraceContext:
        drawn = _random_id(24)
        trace_id, span_id = drawn[:32], drawn[32:]
        return cls(trace_id, span_id) if trace_id.strip("0") and span_id.strip("0") else cls.new()

    @classmethod
    def parse(cls, header: str) -> TraceContext | None:
        """The context in a `traceparent`; None when it is malformed. A later version is read as far as we know it."""
        found = _HEADER.fullmatch(header)
        if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"] is not None):
            return None
        if not found["trace"].strip("0") or not found["span"].strip("0"):
            return None
        return cls(found["trace"], found["span"], int(found["flags"], 16) & _SAMPLED)

    @classmethod
    def incoming(cls, header: str | None) -> TraceContext:
        """The context for work that a request asks for: a child of the caller's span.

        Without a header, or with a malformed one, a new trace begins; it is never an error.
        """
        caller = cls.parse(header) if header is not None else None
        return cls.new() if caller is None else caller.child()

    def child(self) -> TraceContext:
        """A new span of the same trace."""
        return TraceContext(self.trace_id, _random_id(8), self.flags)

    @property
    def header(self) -> str:
        """The `traceparent` to send on, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


_CURRENT: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def current_trace() -> TraceContext | None:
    """The context of the work in hand, in this thread or task."""
    return _CURRENT.get()


class tracing:
    """`with tracing(context):` do the work inside under this context. Every request does, so it is no generator."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: TraceContext) -> None:
        self._context = context

    def __enter__(self) -> TraceContext:
        self._token = _CURRENT.set(self._context)
        return self._context

    def __exit__(self, *_error: object) -> None:
        _CURRENT.reset(self._token)


def _random_id(size: int) -> str:
    while not any(drawn := random_bytes(size)):
        pass
    return drawn.hex()
