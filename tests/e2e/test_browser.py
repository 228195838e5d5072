"""The cockpit in a real browser, over a rehearsed city in processes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.processes import PROGRAMME, Server, serving, told

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
UNTIL = "2017-09-29"


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("browser") / "var"
    told(data, "rehearse", "--programme", PROGRAMME, "--until", UNTIL, "--seed", "1")
    return data


@pytest.fixture(scope="module")
def server(rehearsed: Path) -> Iterator[Server]:
    with serving(rehearsed) as server:
        yield server
        assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="zh-CN")
    yield context.new_page()
    context.close()


def test_a_login_link_works_once(server: Server, page: Page) -> None:
    link = told(
        server.data, "token", "--login", "--role", "leader", "--account", "zhao", public_url=server.http
    ).strip()
    page.goto(link)
    expect(page).to_have_url(f"{server.http}/")
    again = page.goto(link)
    assert again is not None
    assert again.status == 401
