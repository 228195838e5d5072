"""How an error looks over HTTP."""

from __future__ import annotations

import msgspec

from services.chassis.errors import Violation


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details: `title` in English, `detail` in Chinese, and what every door says of an error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    english: str
    violations: tuple[Violation, ...] = ()
