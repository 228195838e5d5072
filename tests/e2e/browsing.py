"""A visitor of the cockpit with a real browser, who notes everything that goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, expect

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
MILLISECONDS = 30_000
"""So long a page or one of its parts may take, on a machine that has much else to do."""

LAPTOP = {"viewport": {"width": 1366, "height": 768}}
WALL = {"viewport": {"width": 1920, "height": 1080}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 3}

_ABOUT_STATUS = "Failed to load resource: the server responded with a status"
"""The console repeats what the answer's status has told already."""

_TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""


def launch(playwright: Playwright) -> Browser:
    expect.set_options(timeout=MILLISECONDS)
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))


class Visitor:
    """One browser of its own, without a session at first, and the page that it looks at."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context = context
        self.origin = origin
        self.troubles: list[str] = []
        context.set_default_timeout(MILLISECONDS)
        context.add_init_script(_TELL_VIOLATIONS)
        self.page: Page = context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.on("request", self._asked)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def open(self, path: str, status: int = 200) -> Response:
        """Go to an address of the city's and be answered with this status."""
        with self.refused(status):
            response = self.page.goto(f"{self.origin}{path}")
        assert response is not None
        assert response.status == status, f"{path}: {response.status}"
        return response

    @contextmanager
    def refused(self, status: int) -> Iterator[None]:
        """Inside, answers with this status are no trouble."""
        before = len(self.troubles)
        yield
        self.troubles[before:] = [one for one in self.troubles[before:] if not one.startswith(f"{status} ")]

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_ABOUT_STATUS):
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.troubles.append(f"another origin: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what a visitor leaves behind, or keeps as a file
            self.troubles.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.status} {response.url}")


@contextmanager
def visiting(browser: Browser, origin: str, screen: dict[str, Any] = LAPTOP) -> Iterator[Visitor]:
    """A visitor; at the end nothing may have gone wrong that was not looked for."""
    context = browser.new_context(locale="zh-CN", **screen)
    try:
        visitor = Visitor(context, origin)
        yield visitor
        assert visitor.troubles == []
    finally:
        context.close()


Enter = Callable[..., Visitor]
"""`enter(PHONE)`: one more visitor."""


def read_through(visitor: Visitor) -> list[str]:
    """The ids on this page of the list and on all that follow."""
    further = visitor.page.locator("a[rel=next]")
    found: list[str] = []
    while True:
        links = visitor.page.locator(".projects .name a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        found += [link.rpartition("/")[2] for link in links]
        if not further.count():
            return found
        address = visitor.page.url
        further.click()
        expect(visitor.page).not_to_have_url(address)
