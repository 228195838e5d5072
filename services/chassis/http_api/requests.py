"""What comes in over HTTP: who asks, until when, the body within its limit, query parameters by type."""

from __future__ import annotations

import asyncio
import math
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import ClientDisconnect, Request

from services.chassis.commanding.gateway import Call
from services.chassis.contracts.shapes import fields_of
from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded, Forbidden, InvalidRequest, TooLarge, Violation
from services.chassis.grpc_server.requests import (
    DEFAULT_SECONDS,
    LONGEST_SECONDS,
    Verifier,
    bearer,
    parse_version,
    real_time,
)
from services.chassis.settings import Settings
from services.chassis.telemetry.tracing import TraceContext
from services.chassis.validation import BODY, convert, decode_json

SESSION_COOKIE = "bizenv_session"
TIMEOUT_HEADER = "Bizenv-Timeout"
POSITION_HEADER = "Bizenv-Position"
_JSON = "application/json"


class RequestReader:
    """Reads requests for one door."""

    def __init__(self, verifier: Verifier, settings: Settings) -> None:
        self._verifier = verifier
        self._largest = settings.max_message_bytes
        self._public = settings.public_url

    def call(self, request: Request, trace: TraceContext) -> Call:
        """Raises Unauthenticated, Forbidden (a write from another site), DeadlineExceeded or InvalidRequest."""
        token = self._token(request)
        return Call(
            principal=self._verifier.verify(token, real_time()),
            deadline=Deadline.after(seconds_of(request)),
            command_id=request.headers.get("idempotency-key"),
            expected_version=_expected_version(request.headers.get("if-match")),
            traceparent=trace.header,
            bearer=token,
        )

    def _token(self, request: Request) -> str | None:
        """The caller's token, from the header or a browser's cookie."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            token = request.cookies.get(SESSION_COOKIE)
            if token is not None and request.method not in ("GET", "HEAD"):
                require_same_origin(request, self._public)
        return token

    async def body(self, request: Request, deadline: Deadline) -> bytes:
        """The JSON body; raises InvalidRequest (not JSON by its type, broken off), TooLarge or DeadlineExceeded."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            raise InvalidRequest(Violation("Content-Type", f"应为 {_JSON}", f"must be {_JSON}"))
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._largest:
            raise TooLarge.than(self._largest)
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await self._read(request)
        except TimeoutError:
            raise DeadlineExceeded("请求内容未在时限内收完", "the body did not arrive in time") from None
        except ClientDisconnect:
            raise InvalidRequest(Violation(BODY, "请求在收完前中断", "the request broke off")) from None

    async def _read(self, request: Request) -> bytes:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._largest:
                raise TooLarge.than(self._largest)
        return bytes(body)


def require_same_origin(request: Request, public_url: str | None) -> None:
    """A browser sends the cookie by itself, so a write by cookie must come from our own pages (CSRF); raises Forbidden.

    `public_url` is the address that users open, where it is another than ours.
    """
    site = request.headers.get("sec-fetch-site")
    host = urlsplit(request.headers.get("origin", "")).netloc
    ours = {name for name in (request.headers.get("host"), urlsplit(public_url or "").netloc) if name}
    if site != "same-origin" and (site is not None or host not in ours):
        raise Forbidden("浏览器提交必须来自本系统的页面", "a write by cookie must come from this site's own pages")


def seconds_of(request: Request) -> float:
    """How long the caller waits, from the `Bizenv-Timeout` header; LONGEST_SECONDS at the most."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return DEFAULT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InvalidRequest(Violation(TIMEOUT_HEADER, "应为秒数", "must be a number of seconds"))
    if seconds <= 0:
        raise DeadlineExceeded("请求到达时已超过期限", "the deadline had passed when the request arrived")
    return min(seconds, LONGEST_SECONDS)


def _expected_version(header: str | None) -> int | None:
    """The version in an `If-Match` header, with or without quotes; `*` is any."""
    if header is None or header.strip() == "*":
        return None
    return parse_version(header.strip().removeprefix('"').removesuffix('"'), "If-Match")


def command_from(body: bytes, command: type[msgspec.Struct], identity: str, value: str) -> msgspec.Struct:
    """The command of this body, its identity taken from the path; a body may repeat it, not contradict it."""
    members = decode_json(body, dict[str, msgspec.Raw])
    own = msgspec.json.encode(value)
    given = members.setdefault(identity, msgspec.Raw(own))
    if given is not members[identity] or bytes(given) != own:
        english = "differs from the id in the path"
        raise InvalidRequest(Violation(identity, "与网址中的编号不一致", english))
    return decode_json(msgspec.json.encode(members), command, unique=True)


def query_from(request: Request, query: type[msgspec.Struct]) -> msgspec.Struct:
    """The query of a request's path, parameters and position header; raises InvalidRequest."""
    lists = {field.name for field in fields_of(query) if field.shape.repeated}
    values: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name in lists:
            values.setdefault(name, []).append(text)
        elif name in values or name in request.path_params:
            raise InvalidRequest(Violation(name, "给了多次", "given more than once"))
        else:
            values[name] = text
    position = request.headers.get(POSITION_HEADER)
    if position is not None and "token" in query.__struct_fields__:
        values.setdefault("token", position)
    return convert({**values, **request.path_params}, query, from_text=True)
