"""The cockpit over a test's city: a gateway that answers from its views, and a browser without a screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

from services.chassis.auth import EndedTokens, LoginCodes, Principal, TokenIssuer, TokenVerifier, authorise
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.domain import Command
from services.chassis.event_store import StoreKind
from services.chassis.http_api import SESSION_COOKIE
from services.chassis.service import Query
from services.chassis.settings import Settings
from services.chassis.time.clock import SHANGHAI, SetClock
from services.policy_registry.service import SERVICE as POLICY_REGISTRY
from services.project_tracking.service import SERVICE as PROJECT_TRACKING
from services.projection.cockpit import cockpit_routes
from services.projection.service import SERVICE as PROJECTION
from tests.stores import store_info
from tests.unit.projection.world import World

SERVICES = (POLICY_REGISTRY, PROJECT_TRACKING, PROJECTION)
STORE = "test-store"


class WorldGateway:
    """Answers by the rights, as the real one does; notes what it is told and records nothing of it."""

    def __init__(self, city: World) -> None:
        self._city = city
        self.told: list[tuple[Command, Call]] = []
        self.refusal: Exception | None = None

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        authorise(PROJECTION.rights, call.principal, type(query).__name__)
        found: msgspec.Struct = self._city.ask(query, call.principal)
        return found

    async def execute(self, command: Command, call: Call) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        self.told.append((command, call))
        return Receipt(command_id=call.command_id or "", stream="project-p1", version=1, event_ids=(), token="t")


class TestAccess:
    """The keys of one test."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        key = Ed25519PrivateKey.generate()
        self.issuer = TokenIssuer(key, STORE)
        self.logins = LoginCodes(folder / "logins.sqlite")
        self._key, self._file = key.public_key(), folder / "logins.sqlite"
        self.restart()

    def restart(self) -> None:
        """As a process that begins anew: it knows what is on the disk."""
        self.verifier = TokenVerifier(self._key, STORE, EndedTokens(self._file))

    def token(self, principal: Principal) -> str:
        return self.issuer.issue(principal, timedelta(hours=1), datetime.now(UTC))


@asynccontextmanager
async def browser(
    city: World,
    access: TestAccess,
    principal: Principal | None,
    kind: StoreKind = StoreKind.REHEARSAL,
    gateway: WorldGateway | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is logged in as the principal (None: not at all)."""
    clock = SetClock(datetime.combine(city.today, time(18), SHANGHAI))
    info = store_info("projection", kind=kind)
    app = Starlette(routes=cockpit_routes(gateway or WorldGateway(city), access, clock, Settings(), info, SERVICES))
    cookies = {} if principal is None else {SESSION_COOKIE: access.token(principal)}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://city.test", cookies=cookies) as client:
        yield client
