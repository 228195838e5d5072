"""One real city with the shipped programme and one rehearsal, made once by the command line; tests work on copies, of
either form. And browsers, for modules with a `server` that has the cockpit and a `session` there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from services.chassis.http_api import SESSION_COOKIE
from tests.clients import HttpClient
from tests.e2e.browsing import LAPTOP, Enter, Visitor, launch, visiting
from tests.e2e.forms import FORMS, Cities, Copies
from tests.processes import PROGRAMME, Server, copy_of, init, token, told
from tests.servers import Kafka, Postgres

UNTIL = "2017-09-29"


@pytest.fixture(scope="session")
def empty_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a city that nobody has served yet. Not to be written to."""
    data = tmp_path_factory.mktemp("city") / "var"
    init(data)
    return data


@pytest.fixture(scope="session")
def rehearsed_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the rehearsal that a newcomer makes. Not to be written to."""
    data = tmp_path_factory.mktemp("rehearsed") / "var"
    told(data, "rehearse", "--programme", PROGRAMME, "--until", UNTIL, "--seed", "1")
    return data


@pytest.fixture(scope="session")
def access(empty_city: Path) -> str:
    """A token of the city group. Copies of the city have its keys, and so take it."""
    return token(empty_city, "city_group")


@pytest.fixture
def city(empty_city: Path, access: str, tmp_path: Path) -> Path:
    """A copy for this test alone."""
    assert access
    return copy_of(empty_city, tmp_path / "var")


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """Each form in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def cities(postgres: Postgres, kafka: Kafka, access: str, tmp_path_factory: pytest.TempPathFactory) -> Cities:
    """Makes cities on the shared servers, once the city that they are copied from has its keys."""
    assert access
    return Cities(postgres, kafka, tmp_path_factory.mktemp("distributed"))


@pytest.fixture(scope="module")
def copies(form: str, request: pytest.FixtureRequest) -> Copies:
    """Makes cities of the form in turn; the servers are started for the form that needs them, not for the other."""
    return Copies(form, lambda: request.getfixturevalue("cities"))


# --- browsers --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def api(server: Server, session: str) -> Iterator[HttpClient]:
    client = HttpClient(server.http, session)
    yield client
    client.close()


@pytest.fixture
def stranger(browser: Browser, server: Server) -> Iterator[Enter]:
    """Browsers without a session; `stranger(PHONE)`."""
    with ExitStack() as stack:

        def enter(screen: dict[str, Any] = LAPTOP) -> Visitor:
            opened: AbstractContextManager[Visitor] = visiting(browser, server.http, screen)
            return stack.enter_context(opened)

        yield enter


@pytest.fixture
def member(stranger: Enter, session: str) -> Enter:
    """Browsers in which a member of the city group is logged in."""

    def enter(screen: dict[str, Any] = LAPTOP, language: str = "zh") -> Visitor:
        visitor = stranger(screen)
        cookies = ((SESSION_COOKIE, session), ("bizenv_lang", language))
        visitor.context.add_cookies([{"name": n, "value": v, "url": visitor.origin} for n, v in cookies])
        return visitor

    return enter


@pytest.fixture(scope="module")
def overdue(api: HttpClient) -> dict[str, Any]:
    """A project that owes the report of a month after all that are reported."""
    lines = api.ask("ListProjects", page_size=500)["projects"]
    owing = [line for line in lines if line["missing_months"] and line["last_report_month"]]
    return next(line for line in owing if line["missing_months"][0] > line["last_report_month"])
