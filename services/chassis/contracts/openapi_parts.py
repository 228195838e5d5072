"""The parts of the OpenAPI document that are the same for every operation: headers, errors, security."""

from __future__ import annotations

from typing import Any

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}

_MEANINGS: dict[str, tuple[str, str]] = {
    "400": ("InvalidRequest", "Unknown field, wrong type, missing field or malformed value; `violations` names it."),
    "401": ("Unauthenticated", "No token, or one that is not valid."),
    "403": ("PermissionDenied", "The role or unit gives no right to this."),
    "404": ("NotFound", "There is no such thing."),
    "409": ("Conflict", "STALE_VERSION: read again; COMMAND_ID_REUSED: take another id."),
    "413": ("MessageTooLarge", "The body is larger than the server takes."),
    "422": ("BrokenRule", "A rule of the domain is broken; `code` names it."),
    "429": ("Overloaded", "Too many requests in hand; repeat after `Retry-After` seconds with the same id."),
    "500": ("Internal", "A fault of the server; it was logged."),
    "503": ("Unavailable", "A part that is needed does not work now; nothing was recorded."),
    "504": ("DeadlineExceeded", "The deadline passed; a command may be recorded: repeat it with the same id."),
}

RESPONSES: dict[str, Any] = {name: {"description": text, "content": _PROBLEM} for name, text in _MEANINGS.values()}
ERRORS: dict[str, Any] = {code: {"$ref": f"#/components/responses/{name}"} for code, (name, _) in _MEANINGS.items()}


def _header(name: str, schema: dict[str, Any], description: str, example: Any) -> dict[str, Any]:
    found = {"name": name, "in": "header", "required": False, "schema": schema}
    return {**found, "description": description, "example": example}


_TEXT = {"type": "string"}
HEADERS: dict[str, Any] = {
    header["name"]: header
    for header in (
        _header(
            "Idempotency-Key",
            {"type": "string", "format": "uuid"},
            "The command's id. The same id again answers the first result; with another body it is refused.",
            "0b5f7a3e-2f0c-4c57-9b0e-6a2d8a3c1f10",
        ),
        _header("If-Match", _TEXT, "The version of the stream that the caller has seen (an ETag).", '"3"'),
        _header(
            "Bizenv-Timeout",
            {"type": "number", "exclusiveMinimum": 0},
            "Seconds that the caller waits; 30 without it.",
            5,
        ),
        _header(
            "Bizenv-Position",
            _TEXT,
            "Wait until the views have reached this position (a receipt's token); the same as `token`.",
            "project_tracking:1:3:120",
        ),
        _header(
            "traceparent",
            _TEXT,
            "W3C trace context.",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    )
}

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "bizenv_session",
        "description": "A browser's session. Writes must come from the site's own pages.",
    },
}
