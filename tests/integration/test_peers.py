"""A real city asked through a peer: every answer, every page, every refusal and every event as from the city itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command, DomainError
from services.chassis.errors import Forbidden, InvalidRequest
from services.chassis.forms.embedded import Embedded
from services.chassis.hosting.access import Access
from services.chassis.hosting.doors import Doors
from services.chassis.http_api import SESSION_COOKIE
from services.chassis.peers import Channels, RemoteFeed, RemoteGateway
from services.chassis.positions.position import PositionToken
from services.chassis.service import Query
from services.chassis.settings import Settings
from services.chassis.time.clock import SetClock
from services.project_tracking.project.commands import SignProject
from services.projection.cockpit import cockpit_routes
from services.projection.queries import GetProject
from services.rehearsal import rehearse

PROGRAMME = Path(__file__).resolve().parents[2] / "deploy" / "programmes" / "baoding-2017"
UNTIL = date(2017, 4, 28)
GROUP = Principal(account="group", role=Role.CITY_GROUP)
STAFF = Principal(account="zhao", role=Role.UNIT_STAFF, unit="130602")
PAGES = ["/", "/units", "/units/130602", "/projects", "/projects.csv", "/programme", "/report", "/units?on=2017-03-31"]


class Both:
    """Asks here and the peer, and finds both answers the same."""

    def __init__(self, here: Embedded, there: RemoteGateway) -> None:
        self._here = here.gateway
        self._there = there
        self.asked: set[str] = set()

    async def ask(self, query: Query, call: Call) -> msgspec.Struct:
        self.asked.add(type(query).__name__)
        own, answer = await self._here.ask(query, call), await self._there.ask(query, call)
        assert answer == own
        return answer

    async def execute(self, command: Command, call: Call) -> Receipt:
        return await self._there.execute(command, call)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers") / "var"


@pytest.fixture(scope="module")
def city(data: Path) -> Iterator[Embedded]:
    rehearse(data, PROGRAMME, UNTIL, 1, Settings(), lambda *_: None, projects=12)
    clock = SetClock(datetime(2017, 4, 28, 10, tzinfo=UTC))
    settings = Settings(data=data, http_port=0, grpc_port=0, metrics_port=0, shutdown_grace_seconds=0)
    with closing(Embedded(data, SERVICES, settings, clock, durable=False)) as found:
        yield found


@pytest.fixture(scope="module")
def access(data: Path, city: Embedded) -> Access:
    return Access.of(data, city.info.store_id)


@pytest.fixture(scope="module")
def port(city: Embedded, access: Access) -> Iterator[int]:
    settings = Settings(http_port=0, grpc_port=0, metrics_port=0, shutdown_grace_seconds=0)
    doors = Doors(city, access, settings, [], list)
    doors.start()
    yield doors.grpc.port
    doors.stop()


@asynccontextmanager
async def peers(port: int) -> AsyncIterator[Channels]:
    channels = Channels({service.name: [f"127.0.0.1:{port}"] for service in SERVICES})
    yield channels
    await channels.close()


def call(access: Access, principal: Principal = GROUP, **given: object) -> Call:
    token = access.issuer.issue(principal, timedelta(hours=1), datetime.now(UTC))
    return msgspec.structs.replace(Call(principal=principal, deadline=Deadline.after(30), bearer=token), **given)


@asynccontextmanager
async def browser(city: Embedded, access: Access, gateway: Both, who: Principal) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=cockpit_routes(gateway, access, city.clock, Settings(), city.info, city.services))
    cookies = {SESSION_COOKIE: call(access, who).bearer or ""}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://city.test", cookies=cookies) as client:
        yield client


@pytest.mark.parametrize("who", [GROUP, STAFF], ids=lambda who: who.role.value)
async def test_every_page_is_answered_alike(city: Embedded, access: Access, port: int, who: Principal) -> None:
    async with peers(port) as channels:
        both = Both(city, RemoteGateway(SERVICES, channels))
        async with browser(city, access, both, who) as client:
            for path in PAGES:
                assert (await client.get(path)).status_code == 200, path
            listed = (await client.get("/projects.csv")).text.splitlines()[1:]
            known = [row.split(",")[0].strip('"') for row in listed]
            assert known
            for project in known:
                for path in (f"/projects/{project}", f"/projects/{project}/events"):
                    assert (await client.get(path)).status_code == 200, path
    if who is GROUP:
        assert both.asked == {handler.query.__name__ for service in SERVICES for handler in service.queries}


async def test_a_refusal_and_a_receipt_are_the_same(city: Embedded, access: Access, port: int) -> None:
    sign = SignProject(project_id="nowhere", occurred_on=UNTIL)
    async with peers(port) as channels:
        there = RemoteGateway(SERVICES, channels)
        for who, kind in ((GROUP, DomainError), (Principal(account="li", role=Role.LEADER), Forbidden)):
            found = []
            for gateway in (city.gateway, there):
                with pytest.raises(kind) as refused:
                    await gateway.execute(sign, call(access, who, command_id=str(uuid4())))
                found.append(vars(refused.value))
            assert found[0] == found[1]


async def test_the_events_are_the_same(city: Embedded, access: Access, port: int) -> None:
    bearer = call(access).bearer
    async with peers(port) as channels:
        there = RemoteFeed(SERVICES, channels)
        for service in there.services(GROUP):
            own = await city.feed.read(service, 0, 500, GROUP)
            assert own
            assert await there.read(service, 0, 500, GROUP, bearer) == own
        assert there.services(GROUP) == city.feed.services(GROUP)


async def test_a_token_is_judged_and_waited_for_there(city: Embedded, access: Access, port: int) -> None:
    store = city.stores["project_tracking"]
    last = store.read(store.last_position() - 1, 1)[0]
    at = PositionToken("project_tracking", last.epoch, last.partition, last.position)
    project = next(each.stream for each in store.read(0, 1000) if each.stream.startswith("project-"))
    async with peers(port) as channels:
        there = RemoteGateway(SERVICES, channels)
        asked = GetProject(project_id=project.removeprefix("project-"), token=str(at))
        assert await there.ask(asked, call(access)) == await city.gateway.ask(asked, call(access))
        with pytest.raises(InvalidRequest) as refused:
            await there.ask(msgspec.structs.replace(asked, token=str(at._replace(position=10**9))), call(access))
    assert refused.value.violations[0].field == "token"
