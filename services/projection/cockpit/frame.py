"""What every page stands in: who may look, the common frame, and the answer to every error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.chassis.auth import Role
from services.chassis.commanding.gateway import Gateway
from services.chassis.contracts.paths import CommandPath, command_paths
from services.chassis.errors import Problem, Unauthenticated, describe
from services.chassis.event_store import StoreInfo, StoreKind
from services.chassis.http_api import SESSION_COOKIE
from services.chassis.service import Service
from services.chassis.telemetry.logs import logger
from services.chassis.time.clock import Clock
from services.projection.cockpit.formats import Formats
from services.projection.cockpit.labels import LANGUAGES, Texts
from services.projection.cockpit.pages import HEADERS, Templates
from services.projection.cockpit.session import Sessions
from services.projection.cockpit.visit import LANGUAGE_COOKIE, Visit, language_of

log = logger(__name__)

Handler = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
_YEAR_SECONDS = 365 * 24 * 3600


class Offered:
    """The commands to projects that a role may send, by name; in the order of the service's table."""

    def __init__(self, services: Sequence[Service], collection: str = "projects") -> None:
        self._paths: list[tuple[Service, CommandPath]] = [
            (service, path)
            for service in services
            for path in command_paths(service)
            if path.path.startswith(f"/v1/{collection}/")
        ]

    def to(self, role: Role) -> dict[str, CommandPath]:
        return {
            path.command.__name__: path
            for service, path in self._paths
            if service.rights.scope(role, path.command.__name__) is not None
        }

    def senders(self, name: str) -> list[Role]:
        """The roles of people who may send this command."""
        services = [service for service, path in self._paths if path.command.__name__ == name]
        people = [role for role in Role if role is not Role.SYSTEM]
        return [role for role in people if any(service.rights.scope(role, name) for service in services)]


class Frame:
    """Makes endpoints of handlers. It holds no state of a visitor."""

    def __init__(
        self,
        gateway: Gateway,
        sessions: Sessions,
        templates: Templates,
        offered: Offered,
        clock: Clock,
        info: StoreInfo,
        secure_cookies: bool,
    ) -> None:
        self.offered = offered
        self.sessions = sessions
        self._gateway = gateway
        self._templates = templates
        self._clock = clock
        self._rehearsal = info.kind is StoreKind.REHEARSAL
        self._secure = secure_cookies

    def endpoint(self, handler: Handler) -> Endpoint:
        async def page(request: Request) -> Response:
            try:
                principal = self.sessions.principal(request)
                response = await handler(Visit(request, principal, self._gateway, self._clock.today()))
            except Exception as error:  # noqa: BLE001 - a page is a door: every error gets its answer here
                response = await self.refused(request, error)
            return self._finish(request, response)

        return page

    def open_endpoint(self, handler: Callable[[Request], Awaitable[Response]]) -> Endpoint:
        """A page that needs no session."""

        async def page(request: Request) -> Response:
            try:
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 - as above
                response = await self.refused(request, error)
            return self._finish(request, response)

        return page

    async def show(self, visit: Visit, template: str, **context: Any) -> HTMLResponse:
        return await self.answer(visit, template, 200, context)

    async def answer(self, visit: Visit, template: str, status: int, context: Mapping[str, Any]) -> HTMLResponse:
        frame = {
            "visit": visit,
            "t": visit.t,
            "f": visit.f,
            "times": visit.times,
            "may_report": bool(self.offered.to(visit.principal.role)),
            "rehearsal": self._rehearsal,
            "reading": None,
            "other": None,
        }
        return await self._templates.page(template, {**frame, **context}, status)

    async def plain(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page without a visit: log-in and errors."""
        language = language_of(request)
        t = Texts(language)
        frame = {"t": t, "f": Formats(language), "rehearsal": self._rehearsal, "visit": None, **context}
        return await self._templates.page(template, frame, status)

    async def refused(self, request: Request, error: Exception) -> Response:
        """The answer to an error: the log-in page, or what is wrong and which field, in the page's language."""
        problem = describe(error)
        if isinstance(error, Unauthenticated):
            state = "again" if SESSION_COOKIE in request.cookies else "needed"
            return await self.plain(request, "login.html", 401, problem=None, state=state)
        if problem.code == "INTERNAL":
            log.error("page_failed", path=request.url.path, exc_info=error)
        return await self.problem(request, problem)

    async def problem(self, request: Request, problem: Problem) -> Response:
        headline = f"error.{problem.http}"
        t = Texts(language_of(request))
        title = t(headline) if t.has(headline) else t("error.title")
        response = await self.plain(request, "error.html", problem.http, problem=problem, headline=title)
        if problem.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(int(problem.retry_after_seconds))
        return response

    def _finish(self, request: Request, response: Response) -> Response:
        """The headers, and the chosen language kept for the next page."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        chosen = request.query_params.get("lang")
        if chosen in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, chosen, max_age=_YEAR_SECONDS, path="/", samesite="lax", secure=self._secure
            )
        return response
