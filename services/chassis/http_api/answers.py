"""What goes out over HTTP: JSON, receipts with their headers, and problems (RFC 9457)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from starlette.responses import Response

from services.chassis.commanding.gateway import Receipt
from services.chassis.contracts.problems import ProblemDetails
from services.chassis.errors import Problem, describe
from services.chassis.http_api.requests import POSITION_HEADER

JSON = "application/json"
PROBLEM = "application/problem+json"
NOT_ALLOWED = Problem(
    "UNIMPLEMENTED", 405, "METHOD_NOT_ALLOWED", "此网址不支持这种方法", "the path does not take this method", ()
)
_NO_STORE = {"Cache-Control": "no-store"}


def json_response(value: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON, headers={**_NO_STORE, **(headers or {})})


def bytes_response(content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    return Response(content, headers={**_NO_STORE, **headers, "Content-Type": media_type})


def receipt_response(receipt: Receipt) -> Response:
    return json_response(receipt, {"ETag": f'"{receipt.version}"', POSITION_HEADER: receipt.token})


def error_response(error: Exception, *, token_given: bool = False) -> Response:
    """The answer to an error; `token_given` tells the client that its token was the fault."""
    return problem_response(describe(error), token_given=token_given)


def problem_response(problem: Problem, *, token_given: bool = False) -> Response:
    details = ProblemDetails(
        type=f"urn:bizenv:problem:{problem.code}",
        title=problem.english,
        status=problem.http,
        detail=problem.message,
        code=problem.code,
        message=problem.message,
        english=problem.english,
        violations=problem.violations,
    )
    headers = dict(_NO_STORE)
    if problem.http == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="bizenv"' + (', error="invalid_token"' if token_given else "")
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(problem.retry_after_seconds))
    return Response(msgspec.json.encode(details), problem.http, headers, PROBLEM)
