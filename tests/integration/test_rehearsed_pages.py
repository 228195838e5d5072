"""Every page of a rehearsed city, followed link by link: words for people, no names of the program."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.forms.embedded import Embedded
from services.chassis.http_api import SESSION_COOKIE
from services.chassis.settings import Settings
from services.chassis.time.clock import SetClock
from services.projection.cockpit import cockpit_routes
from services.rehearsal import rehearse
from tests.unit.projection.pages import TestAccess

PROGRAMME = Path(__file__).resolve().parents[2] / "deploy" / "programmes" / "baoding-2017"
UNTIL = date(2017, 5, 31)
GROUP = Principal(account="group", role=Role.CITY_GROUP)

_LINK = re.compile(r'href="(/(?:units|projects|programme)?(?:/[^"?#]*)?)(?:[?#][^"]*)?"')
_UNSAID = re.compile(
    r"<(?:script|style)\b.*?</(?:script|style)>|<code\b.*?</code>|<pre class=\"json\">.*?</pre>", re.DOTALL
)
_TITLE = re.compile(r'\b(?:title|aria-label|placeholder)="([^"]*)"')
_NAME = re.compile(r"(?<![\w.@-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w.@-])")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    data = tmp_path_factory.mktemp("pages") / "var"
    rehearse(data, PROGRAMME, UNTIL, 1, Settings(), lambda *_: None, projects=30)
    clock = SetClock(datetime(2017, 5, 31, 10, tzinfo=UTC))
    with closing(Embedded(data, SERVICES, Settings(), clock, durable=False)) as found:
        yield found


@asynccontextmanager
async def member(city: Embedded, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    access, clock = TestAccess(folder), SetClock(datetime(2017, 5, 31, 10, tzinfo=UTC))
    app = Starlette(routes=cockpit_routes(city.gateway, access, clock, Settings(), city.info, city.services))
    transport = httpx.ASGITransport(app=app)
    cookies = {SESSION_COOKIE: access.token(GROUP)}
    async with httpx.AsyncClient(transport=transport, base_url="http://city.test", cookies=cookies) as client:
        yield client


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_no_page_shows_a_name_of_the_program(city: Embedded, tmp_path: Path, language: str) -> None:
    waiting, seen = ["/", "/units", "/projects", "/programme"], set[str]()
    found: dict[str, set[str]] = {}
    async with member(city, tmp_path) as client:
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            response = await client.get(path, params={"lang": language})
            assert response.status_code == 200, path
            waiting += [link for link in _LINK.findall(response.text) if link not in seen and not _one_of_many(link)]
            for name in _NAME.findall(_said(response.text)):
                found.setdefault(name, set()).add(path)
    assert found == {}
    assert len(seen) > 200


def _one_of_many(link: str) -> bool:
    """Of the facts of a project every third: there are all kinds of facts among them."""
    version = link.partition("/events/")[2]
    return bool(version) and int(version) % 3 == 1 and int(version) > 1


def _said(page: str) -> str:
    """What a page tells those who read it or hear it: its text and its titles; not the record's own bytes."""
    told = _UNSAID.sub(" ", page)
    return unescape(" ".join([re.sub(r"<[^>]*>", " ", told), *_TITLE.findall(told)]))
