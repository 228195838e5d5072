"""What a browser posts of a plain form."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from services.chassis.errors import DeadlineExceeded, InvalidRequest, TooLarge, Violation
from services.chassis.validation import BODY

_KIND = "application/x-www-form-urlencoded"
_LARGEST = 2**17
_MOST_FIELDS = 50
_SECONDS = 10.0


async def posted(request: Request) -> dict[str, str]:
    """The fields that were filled in, line breaks as texts hold them; raises InvalidRequest (another type, broken off),
    TooLarge or DeadlineExceeded."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise InvalidRequest(Violation("Content-Type", f"应为 {_KIND}", f"must be {_KIND}"))
    try:
        async with asyncio.timeout(_SECONDS):
            body = await _body(request)
        pairs = parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS)
    except TimeoutError:
        raise DeadlineExceeded("请求内容未在时限内收完", "the body did not arrive in time") from None
    except ClientDisconnect:
        raise InvalidRequest(Violation(BODY, "请求在收完前中断", "the request broke off")) from None
    except ValueError:
        raise InvalidRequest(Violation(BODY, "不是有效的表单", "not a valid form")) from None
    return {name: text for name, value in pairs if (text := value.replace("\r\n", "\n").strip())}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise TooLarge.than(_LARGEST)
    return bytes(body)
