"""Log-in by a one-time link, and log-out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.chassis.auth import Role
from services.chassis.errors import Unauthenticated, describe
from services.projection.cockpit.frame import Frame

_CLERKS = (Role.UNIT_HEAD, Role.UNIT_STAFF)


class LoginPages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def login(self, request: Request) -> Response:
        """With a code: redeem it once and go in, a unit's clerk to what is due; without: how to get a link.

        The way in is a page that moves on by itself, not a redirect: a SameSite=Strict cookie is not sent along a
        redirect that another site's link began. Only GET redeems, so that a probing HEAD spends no code.
        """
        code = request.query_params.get("code", "")
        if not code or request.method != "GET":
            state = "out" if "out" in request.query_params else "none"
            return await self._frame.plain(request, "login.html", problem=None, state=state)
        try:
            token, who = await self._frame.sessions.open(code)
        except Unauthenticated as refused:
            return await self._frame.plain(request, "login.html", 401, problem=describe(refused), state="none")
        start = "/report" if who.role in _CLERKS else "/"
        response = await self._frame.plain(request, "login.html", problem=None, state="in", start=start)
        self._frame.sessions.keep(response, token)
        return response

    async def logout(self, request: Request) -> Response:
        """To the log-in page by a redirect, so that a reload sends nothing again."""
        await self._frame.sessions.end(request)
        response = RedirectResponse("/login?out=1", 303)
        self._frame.sessions.close(response)
        return response
