"""Rendering: templates, static files by the hash of their content, and the headers that every page carries."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.projection.cockpit import lifeline
from services.projection.cockpit.pictures import Pictures
from services.projection.cockpit.visit import segment

_FOLDER = Path(__file__).parent
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""On every response of the cockpit."""

_NO_STORE = {"Cache-Control": "no-store"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


class StaticFiles:
    """The css, js and svg files, each under a name that holds the hash of its content, so caches never err."""

    def __init__(self, folder: Path = _FOLDER / "static") -> None:
        self._names: dict[str, str] = {}
        self._contents: dict[str, tuple[bytes, str]] = {}
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self._names[path.name] = f"/static/{name}"
            self._contents[name] = (content, kind)

    def url(self, name: str) -> str:
        return self._names[name]

    async def serve(self, request: Request) -> Response:
        found = self._contents.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404, headers={**HEADERS, **_NO_STORE})
        return Response(found[0], media_type=found[1], headers={**HEADERS, **_FOR_EVER})


class Templates:
    """Jinja templates with autoescape; a name that is not given is an error, never an empty text."""

    def __init__(self, static: StaticFiles) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(static=static.url, seg=segment, pictures=Pictures(), lifeline=lifeline)

    async def page(self, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """Rendered on a thread, so that a long list does not hold up the doors' loop."""
        text = await asyncio.to_thread(self._environment.get_template(name).render, dict(context))
        return HTMLResponse(text, status, headers={**HEADERS, **_NO_STORE})
