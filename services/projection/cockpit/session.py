"""Logging in with a one-time code, the cookie that keeps a browser logged in, and logging out."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.chassis.auth import LoginCodes, Principal, TokenIssuer, TokenVerifier
from services.chassis.errors import Unauthenticated
from services.chassis.http_api import SESSION_COOKIE, require_same_origin
from services.chassis.settings import Settings


class Sessions:
    """Sessions are tokens like any other, in an HttpOnly cookie. They run by real time, also in a rehearsal."""

    def __init__(
        self, verifier: TokenVerifier, issuer: TokenIssuer | None, logins: LoginCodes | None, settings: Settings
    ) -> None:
        self._verifier = verifier
        self._issuer = issuer
        self._logins = logins
        self._valid_for = timedelta(hours=settings.login_cookie_hours)
        self._secure = settings.secure_cookies
        self._public_url = settings.public_url

    def principal(self, request: Request) -> Principal:
        """Who looks; raises Unauthenticated."""
        return self._verifier.verify(request.cookies.get(SESSION_COOKIE), datetime.now(UTC))

    async def open(self, code: str) -> tuple[str, Principal]:
        """The session's token for a one-time code, and whose it is; raises Unauthenticated or Unavailable."""
        if self._logins is None or self._issuer is None:
            raise Unauthenticated("本进程不能登录", "this process takes no log-ins")
        now = datetime.now(UTC)
        principal = await asyncio.to_thread(self._logins.redeem, code, now)
        return self._issuer.issue(principal, self._valid_for, now), principal

    def keep(self, response: Response, token: str) -> None:
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=int(self._valid_for.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def require_ours(self, request: Request) -> None:
        """A form that is sent by cookie comes from our own page; raises Forbidden."""
        require_same_origin(request, self._public_url)

    async def end(self, request: Request) -> None:
        """End the session of this browser, for whoever has a copy of its cookie too; nothing where there is none.

        Raises Forbidden (not asked for by our own page) or Unavailable.
        """
        token = request.cookies.get(SESSION_COOKIE)
        if token is not None:
            self.require_ours(request)
            with contextlib.suppress(Unauthenticated):
                await asyncio.to_thread(self._verifier.end, token, datetime.now(UTC))

    def close(self, response: Response) -> None:
        response.delete_cookie(SESSION_COOKIE, path="/", secure=self._secure, httponly=True, samesite="strict")
