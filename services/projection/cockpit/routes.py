"""The routes of the cockpit, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.chassis.auth import LoginCodes, TokenIssuer, TokenVerifier
from services.chassis.commanding.gateway import Gateway
from services.chassis.errors import NotFound
from services.chassis.event_store import StoreInfo
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.time.clock import Clock
from services.projection.cockpit.city_pages import CityPages
from services.projection.cockpit.frame import Frame, Offered
from services.projection.cockpit.labels import LABELS
from services.projection.cockpit.login_pages import LoginPages
from services.projection.cockpit.pages import StaticFiles, Templates
from services.projection.cockpit.project_pages import ProjectPages
from services.projection.cockpit.report_pages import ReportPages
from services.projection.cockpit.session import Sessions


class Access(Protocol):
    """How this store's tokens and one-time codes are made and checked; the last two are None where nobody logs in."""

    @property
    def verifier(self) -> TokenVerifier: ...

    @property
    def issuer(self) -> TokenIssuer | None: ...

    @property
    def logins(self) -> LoginCodes | None: ...


def cockpit_routes(
    gateway: Gateway, access: Access, clock: Clock, settings: Settings, info: StoreInfo, services: Sequence[Service]
) -> list[BaseRoute]:
    """Every page and static file; last a page for addresses that are none, so these routes come after all others.

    `services` are those whose commands the forms may offer.
    """
    static = StaticFiles()
    sessions = Sessions(access.verifier, access.issuer, access.logins, settings)
    frame = Frame(
        gateway, sessions, Templates(static), Offered(services), clock, info, secure_cookies=settings.secure_cookies
    )
    city, projects, report = CityPages(frame), ProjectPages(frame), ReportPages(frame)
    login = LoginPages(frame)
    page, opened = frame.endpoint, frame.open_endpoint
    return [
        Route("/", page(city.overview)),
        Route("/units", page(city.units)),
        Route("/units/{code}", page(city.unit)),
        Route("/programme", page(city.programme)),
        Route("/projects", page(projects.listing)),
        Route("/projects.csv", page(projects.csv)),
        Route("/projects/{project_id}", page(projects.project)),
        Route("/projects/{project_id}/events", page(projects.timeline)),
        Route("/projects/{project_id}/events/{version}", page(projects.event)),
        Route("/report", page(report.mine)),
        Route("/report/new", page(report.register)),
        Route("/report/{project_id}", page(report.project)),
        Route("/report/{project_id}/{command}", page(report.form)),
        Route("/report/{project_id}/{command}", page(report.send), methods=["POST"]),
        Route("/login", opened(login.login)),
        Route("/logout", opened(login.logout), methods=["POST"]),
        Route("/static/{name}", static.serve),
        Route("/{rest:path}", opened(_nowhere)),
    ]


async def _nowhere(_request: Request) -> Response:
    raise NotFound(*LABELS["error.path"])
