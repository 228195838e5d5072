"""Every way a request can fail, once, for all doors.

A door (gRPC, HTTP, CLI, import) turns any of these into its own form by `describe`; nothing else decides
codes. Messages come in Chinese (for clerks) and English (for integrators).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from services.chassis.domain import DomainError


class Violation(msgspec.Struct, frozen=True):
    """One wrong field of a request: its path (`plan[2].by`) and the rule that it breaks, in both languages."""

    field: str
    message: str
    english: str


class Fault(Exception):
    """What no request is to blame for and no waiting mends, in one sentence of Chinese and one of English."""

    def __init__(self, message: str, english: str) -> None:
        super().__init__(f"{message} · {english}")
        self.message = message
        self.english = english


class RequestError(Exception):
    """A request that was not carried out. Nothing was recorded."""

    code = "REQUEST_FAILED"

    def __init__(self, message: str, english: str, violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(f"{message} · {english}")
        self.message = message
        self.english = english
        self.violations = violations


class InvalidRequest(RequestError):
    """Unknown field, wrong type, missing field, malformed value."""

    code = "INVALID_REQUEST"

    def __init__(self, *violations: Violation) -> None:
        super().__init__("请求内容有误", "the request is not valid", violations)


class TooLarge(RequestError):
    code = "MESSAGE_TOO_LARGE"

    @classmethod
    def than(cls, largest: int) -> TooLarge:
        """For a body of more than so many bytes."""
        return cls(f"请求内容超过 {largest} 字节", f"the body is larger than {largest} bytes")


class NotFound(RequestError):
    code = "NOT_FOUND"


class Unauthenticated(RequestError):
    """No token, or one that is not ours, or no longer valid."""

    code = "UNAUTHENTICATED"


class Forbidden(RequestError):
    """The actor's role or unit gives no right to this."""

    code = "PERMISSION_DENIED"


class StaleVersion(RequestError):
    """The stream has moved on from the version that the caller expected."""

    code = "STALE_VERSION"


class CommandIdReused(RequestError):
    """The command id was used before, for another command."""

    code = "COMMAND_ID_REUSED"


class Overloaded(RequestError):
    """A bounded queue is full; try again later."""

    code = "OVERLOADED"


class DeadlineExceeded(RequestError):
    """The caller's deadline passed. A command may still have been recorded: repeat it with the same id."""

    code = "DEADLINE_EXCEEDED"


class Abandoned(RequestError):
    """The client went away before it had its answer; nobody reads this one."""

    code = "CANCELLED"


class Unavailable(RequestError):
    """A part that is needed does not work now (disk full, store closed); nothing was recorded, unless its sentence says
    that it may have been: the connection to the database broke off meanwhile."""

    code = "UNAVAILABLE"


@dataclass(frozen=True)
class Problem:
    """What a door needs to answer: names of the gRPC status, the HTTP status, and the error's own content."""

    grpc: str
    http: int
    code: str
    message: str
    english: str
    violations: tuple[Violation, ...]
    retry_after_seconds: float | None = None


_STATUS: dict[type[RequestError], tuple[str, int]] = {
    InvalidRequest: ("INVALID_ARGUMENT", 400),
    TooLarge: ("RESOURCE_EXHAUSTED", 413),
    NotFound: ("NOT_FOUND", 404),
    Unauthenticated: ("UNAUTHENTICATED", 401),
    Forbidden: ("PERMISSION_DENIED", 403),
    StaleVersion: ("ABORTED", 409),
    CommandIdReused: ("ALREADY_EXISTS", 409),
    Overloaded: ("RESOURCE_EXHAUSTED", 429),
    DeadlineExceeded: ("DEADLINE_EXCEEDED", 504),
    Abandoned: ("CANCELLED", 499),
    Unavailable: ("UNAVAILABLE", 503),
}
_RETRY_AFTER_SECONDS: dict[type[RequestError], float] = {Overloaded: 1.0, Unavailable: 5.0}


def describe(error: Exception) -> Problem:
    """The answer to an error. What is not one of ours is INTERNAL, without its text (it goes to the log)."""
    if isinstance(error, DomainError):
        violation = Violation(error.field, error.message, error.english)
        return Problem("FAILED_PRECONDITION", 422, error.code, error.message, error.english, (violation,))
    if isinstance(error, RequestError):
        grpc, http = _STATUS[type(error)]
        retry = _RETRY_AFTER_SECONDS.get(type(error))
        return Problem(grpc, http, error.code, error.message, error.english, error.violations, retry)
    return Problem("INTERNAL", 500, "INTERNAL", "系统内部错误,已记入日志", "internal error; it was logged", ())
