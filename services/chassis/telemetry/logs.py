"""Logs: one JSON object a line, or a readable form on a terminal; never a secret.

Each line has the event's name, level, UTC time and logger; service, command id and trace id come from the context
of the work in hand. Libraries that use the standard `logging` come out in the same form.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO, cast

from services.chassis.telemetry.tracing import current_trace
from services.chassis.telemetry.without import without

with without("rich"):  # 5 MB in every process, for a form of tracebacks that is not wanted here (`_formatter`)
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

_HANDLER = "bizenv"
REDACTED = "***"
_SECRET_KEY = re.compile(r"(^|_)code$|token|password|authorization|cookie|secret|private_key", re.IGNORECASE)
_OPEN_KEYS = frozenset({"error_code", "grpc_code", "http_code", "exit_code", "unit_code"})
_SECRET_TEXT = re.compile(
    r"(?P<name>\b(?:code|token|password|secret|cookie|authorization)=)[^&\s\"']+"
    r"|(?P<bearer>\bBearer\s+)\S+"
    r"|\beyJ[\w-]*\.[\w-]*\.[\w-]*",
    re.IGNORECASE,
)


def configure(level: str, stream: TextIO) -> None:
    """Log to this stream from `level` (debug, info, warning, error) up. May be called again; the last call counts."""
    structlog.configure(
        processors=[*_context(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.set_name(_HANDLER)
    handler.setFormatter(_formatter(terminal=stream.isatty()))
    root = logging.getLogger()
    for former in [former for former in root.handlers if former.get_name() == _HANDLER]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())


def logger(name: str) -> FilteringBoundLogger:
    """The log of one module: `logger(__name__).info("consumer_started", group=group)`."""
    return cast(FilteringBoundLogger, structlog.stdlib.get_logger(name))


def bound(**values: str) -> AbstractContextManager[None]:
    """Say these (`service`, `command_id`) on every line of the work inside, in this thread or task."""
    return structlog.contextvars.bound_contextvars(**values)


def _context() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
    ]


def _formatter(*, terminal: bool) -> logging.Formatter:
    plain = structlog.dev.plain_traceback  # the rich one would print local variables, secrets among them
    console = structlog.dev.ConsoleRenderer(exception_formatter=plain, timestamp_key="time")
    renderer = console if terminal else structlog.processors.JSONRenderer(serializer=_line)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_context(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
    )


def _line(event: EventDict, **_: Any) -> str:
    """JSON with Chinese left readable; what has no JSON form is told by `str`, a lone surrogate is escaped."""
    text = json.dumps(event, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _add_trace(_: Any, __: str, event: EventDict) -> EventDict:
    trace = current_trace()
    if trace is not None:
        event["trace_id"] = trace.trace_id
    return event


def redact(_: Any, __: str, event: EventDict) -> MutableMapping[str, Any]:
    """Strike out the values of keys that hold secrets, at any depth, and secrets inside texts (URLs, headers)."""
    return {key: REDACTED if _is_secret(key) else _clean(value) for key, value in event.items()}


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and key not in _OPEN_KEYS and _SECRET_KEY.search(key) is not None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_strike, value)
    if isinstance(value, Mapping):
        return {key: REDACTED if _is_secret(key) else _clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    return value


def _strike(found: re.Match[str]) -> str:
    return (found["name"] or found["bearer"] or "") + REDACTED
