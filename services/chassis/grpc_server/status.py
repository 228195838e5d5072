"""An error as a gRPC status with its details (AIP-193).

Texts are clipped: trailers have room for some 8 KB, and a message that does not fit arrives as no message at all.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status

from services.chassis.errors import Problem, Violation

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "bizenv"
_LONGEST_MESSAGE = 200
_LONGEST_DETAIL = 400
_MOST_VIOLATIONS = 5


def code_of(problem: Problem) -> grpc.StatusCode:
    code: grpc.StatusCode = grpc.StatusCode[problem.grpc]
    return code


def message_of(problem: Problem) -> str:
    """The status message; a call with one wrong field names it, for people who read only this."""
    first = problem.violations[0] if problem.code == "INVALID_REQUEST" and problem.violations else None
    where = f": {first.field} {first.message} · {first.english}" if first else ""
    return clip(f"{problem.message} · {problem.english}{where}", _LONGEST_MESSAGE)


def details_of(problem: Problem) -> bytes:
    """The serialised google.rpc.Status for the trailer `grpc-status-details-bin`."""
    status = Status(code=code_of(problem).value[0], message=message_of(problem))
    for detail in _details(problem):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    data: bytes = status.SerializeToString()
    return data


def _details(problem: Problem) -> list[Any]:
    found: list[Any] = [details.ErrorInfo(reason=problem.code, domain=DOMAIN)]
    found.append(details.LocalizedMessage(locale="zh-CN", message=clip(problem.message, _LONGEST_DETAIL)))
    if problem.violations:
        fields = [_violation(violation) for violation in problem.violations[:_MOST_VIOLATIONS]]
        found.append(details.BadRequest(field_violations=fields))
    if problem.retry_after_seconds is not None:
        whole = int(problem.retry_after_seconds)
        nanos = round((problem.retry_after_seconds - whole) * 1e9)
        found.append(details.RetryInfo(retry_delay=Duration(seconds=whole, nanos=nanos)))
    return found


def _violation(violation: Violation) -> Any:
    chinese = details.LocalizedMessage(locale="zh-CN", message=clip(violation.message, _LONGEST_DETAIL))
    english = clip(violation.english, _LONGEST_DETAIL)
    return details.BadRequest.FieldViolation(
        field=clip(violation.field, _LONGEST_MESSAGE), description=english, localized_message=chinese
    )


def clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
