"""The cockpit in a real browser, over a rehearsed city in processes of its own."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from services.chassis.http_api import SESSION_COOKIE
from tests.clients import HttpClient
from tests.e2e.browsing import LAPTOP, PHONE, WALL, Visitor, launch, visiting
from tests.processes import Server, copy_of, serving, token, told

REHEARSAL = "演练数据·纯属虚构"


@pytest.fixture(scope="module")
def rehearsed(rehearsed_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(rehearsed_city, tmp_path_factory.mktemp("browser") / "var")


@pytest.fixture(scope="module")
def server(rehearsed: Path) -> Iterator[Server]:
    with serving(rehearsed) as server:
        yield server
        assert server.stop() == 0, server.log()
    assert "Traceback" not in "\n".join(server.logged)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def access(server: Server) -> str:
    """A token of the city group; as a cookie it is a session."""
    return token(server.data, "city_group")


@pytest.fixture(scope="module")
def api(server: Server, access: str) -> Iterator[HttpClient]:
    client = HttpClient(server.http, access)
    yield client
    client.close()


Enter = Callable[..., Visitor]


@pytest.fixture
def stranger(browser: Browser, server: Server) -> Iterator[Enter]:
    """Browsers without a session; `stranger(PHONE)`."""
    with ExitStack() as stack:

        def enter(screen: dict[str, Any] = LAPTOP) -> Visitor:
            opened: AbstractContextManager[Visitor] = visiting(browser, server.http, screen)
            return stack.enter_context(opened)

        yield enter


@pytest.fixture
def member(stranger: Enter, access: str) -> Enter:
    """Browsers in which a member of the city group is logged in."""

    def enter(screen: dict[str, Any] = LAPTOP, language: str = "zh") -> Visitor:
        visitor = stranger(screen)
        cookies = ((SESSION_COOKIE, access), ("bizenv_lang", language))
        visitor.context.add_cookies([{"name": n, "value": v, "url": visitor.origin} for n, v in cookies])
        return visitor

    return enter


def login_link(server: Server, role: str, *unit: str) -> str:
    """The path of a one-time link, as an operator issues it."""
    link = told(server.data, "token", "--login", "--role", role, "--account", "zhao", *unit, public_url=server.http)
    return link.strip().removeprefix(server.http)


# --- who may look ----------------------------------------------------------------------------------------------


def test_a_login_link_opens_one_session_and_no_second(server: Server, stranger: Enter) -> None:
    link = login_link(server, "leader")
    leader = stranger()
    leader.open(link)
    expect(leader.page).to_have_url(f"{server.http}/")
    expect(leader.page.locator(".whom")).to_contain_text("领导")
    (cookie,) = [one for one in leader.context.cookies() if one["name"] == SESSION_COOKIE]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"

    another = stranger()
    another.open(link, 401)
    expect(another.page.get_by_role("heading", level=1)).to_have_text("登录")
    assert not another.context.cookies()
    another.open("/", 401)


def test_without_a_session_every_page_is_the_login_page(stranger: Enter, pages: list[str]) -> None:
    visitor = stranger()
    for path in [*pages, "/projects.csv"]:
        if path != "/login":
            visitor.open(path, 401)
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text("登录")
            assert visitor.page.locator("a[href*='/projects']").count() == 0


def test_logging_out_ends_the_session(server: Server, stranger: Enter) -> None:
    visitor = stranger()
    visitor.open(server.login.removeprefix(server.http))
    expect(visitor.page).to_have_url(f"{server.http}/")
    visitor.page.get_by_role("button", name="退出").click()
    expect(visitor.page.locator(".saved")).to_have_text("已退出登录。")
    assert SESSION_COOKIE not in {one["name"] for one in visitor.context.cookies()}
    with visitor.refused(401):
        visitor.page.go_back()
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("登录")
        expect(visitor.page.locator(".lampcard")).to_have_count(0)
    visitor.open("/", 401)


# --- from the whole to one fact --------------------------------------------------------------------------------


def test_from_the_overview_to_a_recorded_fact_in_four_clicks(member: Enter) -> None:
    visitor = member()
    page = visitor.page
    visitor.open("/")
    page.locator(".ranks tbody a").first.click()
    expect(page).to_have_url(re.compile(r"/units/\d+$"))
    page.locator(".projects .name a").first.click()
    expect(page).to_have_url(re.compile(r"/projects/[\w-]+$"))
    project = page.url.rpartition("/")[2]
    page.locator("a.fact").first.click()
    expect(page).to_have_url(re.compile(rf"/projects/{project}/events/\d+$"))
    number = page.url.rpartition("/")[2]
    expect(page.locator(".facts dd").first).to_have_text(f"project-{project}/{number}")
    recorded = json.loads(visitor.text("pre.json"))
    expect(page.locator(".facts dd").nth(1)).to_have_text(recorded["occurred_on"])


# --- past days -------------------------------------------------------------------------------------------------


def test_a_past_day_has_its_own_figures(member: Enter) -> None:
    visitor = member()
    page = visitor.page
    visitor.open("/")
    box, past, lamps = page.locator("#on"), page.locator(".past"), page.locator(".lampcard .lamps")
    today, shown = box.input_value(), lamps.inner_text()
    expect(past).to_have_count(0)

    box.fill("2017-05-31")
    expect(page).to_have_url(re.compile(r"\?on=2017-05-31"))
    expect(past).to_contain_text("正在查看 2017年5月31日")
    expect(lamps).not_to_have_text(shown)
    may = lamps.inner_text()

    page.locator("#slider").press("Home")
    expect(page).to_have_url(re.compile(r"\?on=2017-01-01"))
    expect(past).to_contain_text("正在查看 2017年1月1日")
    expect(lamps).not_to_have_text(may)

    page.get_by_role("link", name="后一天").click()
    expect(box).to_have_value("2017-01-02")
    page.get_by_role("link", name="县区对比").click()
    expect(page.locator(".past")).to_contain_text("2017年1月2日")
    past.get_by_role("link", name="回到今天").click()
    expect(past).to_have_count(0)
    expect(box).to_have_value(today)


class Corrected(NamedTuple):
    """A project of which a day's figure was corrected after the day."""

    project_id: str
    on: str
    then_yuan: int
    now_yuan: int


@pytest.fixture(scope="module")
def corrected(api: HttpClient) -> Corrected:
    day = date(2017, 8, 31)
    while day > date(2017, 2, 1):
        on = day.isoformat()
        for line in api.ask("ListProjects", on=on, known_on=on, page_size=500)["projects"]:
            other = line["other"]
            if (
                other
                and other["corrected"]
                and None not in (amounts := (line["invested_yuan"], other["invested_yuan"]))
            ):
                then, now = amounts
                if then != now:
                    return Corrected(line["project_id"], on, then, now)
        day -= timedelta(days=7)
    raise AssertionError("the rehearsal corrects no report")


def test_then_and_now_know_different_figures_of_a_corrected_project(member: Enter, corrected: Corrected) -> None:
    visitor = member()
    page = visitor.page
    visitor.open(f"/projects/{corrected.project_id}?on={corrected.on}")
    invested = page.locator(".facts div", has=page.get_by_text("累计投资", exact=True)).locator("dd")
    expect(invested).to_have_text(f"{in_words(corrected.then_yuan)} {in_words(corrected.now_yuan)}")
    expect(invested.locator("s")).to_have_text(in_words(corrected.then_yuan))
    expect(page.locator(".projecthead .mark.corrected").first).to_have_text("更正")
    expect(page.locator(".past")).to_contain_text("今日所知")

    page.locator(".known label", has_text="当时所知").click()
    expect(page).to_have_url(re.compile("known=then"))
    expect(page.locator(".past")).to_contain_text("当时所知")
    expect(invested).to_have_text(f"现为 {in_words(corrected.now_yuan)} {in_words(corrected.then_yuan)}")
    expect(page.locator(".projecthead .mark.corrected").first).to_have_text("更正")


def in_words(yuan: int) -> str:
    """As the pages write it in Chinese: four significant places at most."""
    value, unit = (yuan / 1e8, "亿元") if yuan >= 1e8 else (yuan / 1e4, "万元")
    text = f"{value:,.{2 if value < 100 else 1 if value < 1000 else 0}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + unit


# --- language --------------------------------------------------------------------------------------------------


def test_the_language_is_switched_and_kept(member: Enter) -> None:
    visitor = member()
    page = visitor.page
    visitor.open("/units?on=2017-06-30")
    html, heading = page.locator("html"), page.get_by_role("heading", level=1)
    expect(html).to_have_attribute("lang", "zh-CN")
    page.get_by_role("link", name="English").click()
    expect(html).to_have_attribute("lang", "en")
    expect(heading).to_have_text("Units compared")
    expect(page.locator("header nav")).to_have_text(re.compile(r"Overview\s+Units\s+Projects\s+Programme\s+Reporting"))
    expect(page.locator(".past")).to_contain_text("You are looking at Fri, 2017-06-30")
    expect(page.locator(".rehearsal")).to_contain_text("invented data")
    page.get_by_role("link", name="Projects", exact=True).click()
    expect(html).to_have_attribute("lang", "en")
    expect(heading).to_have_text("Projects")
    page.get_by_role("link", name="中文").click()
    expect(html).to_have_attribute("lang", "zh-CN")
    expect(heading).to_have_text("项目清单")
    expect(page.locator("#on")).to_have_value("2017-06-30")


# --- the list of projects --------------------------------------------------------------------------------------


def test_the_list_is_read_page_by_page_and_filtered(member: Enter, api: HttpClient) -> None:
    visitor = member()
    visitor.open("/projects")
    listed = api.ask("ListProjects", page_size=500)
    assert listed["total"] == len(listed["projects"]) > 100
    assert _read_through(visitor) == [line["project_id"] for line in listed["projects"]]

    wanted = api.ask("ListProjects", stage="under_construction", kind="government", page_size=500)
    assert 0 < wanted["total"] < listed["total"]
    visitor.page.locator("select[name=stage]").select_option("under_construction")
    visitor.page.locator("select[name=kind]").select_option("government")
    visitor.page.get_by_role("button", name="筛选").click()
    expect(visitor.page.locator(".headline")).to_contain_text(f"共 {wanted['total']} 个")
    ids = _read_through(visitor)
    assert ids == [line["project_id"] for line in wanted["projects"]]

    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="下载 CSV").click()
    assert re.fullmatch(r"projects-2017-\d\d-\d\d\.csv", download.value.suggested_filename)
    raw = download.value.path().read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert head[:4] == ["项目编号", "项目名称", "单位", "单位代码"]
    assert {len(row) for row in rows} == {len(head)}
    assert [row[0] for row in rows] == ids

    visitor.page.get_by_role("link", name="清除条件").click()
    expect(visitor.page.locator(".headline")).to_contain_text(f"共 {listed['total']} 个")


def _read_through(visitor: Visitor) -> list[str]:
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


# --- a clerk with a phone --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def overdue(api: HttpClient) -> dict[str, Any]:
    """A project that owes the report of a month after all that are reported."""
    lines = api.ask("ListProjects", page_size=500)["projects"]
    owing = [line for line in lines if line["missing_months"] and line["last_report_month"]]
    return next(line for line in owing if line["missing_months"][0] > line["last_report_month"])


def test_a_clerk_files_a_report_with_a_phone(
    server: Server, stranger: Enter, api: HttpClient, overdue: dict[str, Any]
) -> None:
    unit, project, month = overdue["unit_code"], overdue["project_id"], overdue["missing_months"][0]
    own = api.ask("ListProjects", unit_code=unit, page_size=500)["projects"]
    foreign = next(line for line in api.ask("ListProjects", page_size=500)["projects"] if line["unit_code"] != unit)
    clerk = stranger(PHONE)
    page = clerk.page
    clerk.open(login_link(server, "unit_staff", "--unit", unit))
    expect(page).to_have_url(f"{server.http}/report")
    page.get_by_role("link", name="总览").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(overdue["unit_name"])
    page.get_by_role("link", name="项目", exact=True).click()
    expect(page.locator(".headline")).to_contain_text(f"共 {len(own)} 个")
    assert set(_read_through(clerk)) == {line["project_id"] for line in own}

    page.get_by_role("link", name="填报").click()
    expect(page.locator(".headline")).to_contain_text(f"{len(own)} 个项目")
    page.locator(".duecard", has_text=project).get_by_role("link", name=f"{month} 月报未报").click()
    expect(page.get_by_label("月份")).to_have_value(month)
    percent, invested = page.locator("[data-field=physical_percent]"), page.get_by_label("当月完成投资")
    page.get_by_role("button", name="提交").click()
    expect(percent.locator(".fault")).to_have_text("此项必填")
    percent.locator("input").fill("101")
    invested.fill("1234000")
    expect(page.locator("[data-field=invested_this_month_yuan] .yuan")).to_have_text("= 123.4 万元")
    with clerk.refused(422):
        page.get_by_role("button", name="提交").click()
        expect(percent.locator(".fault")).to_have_text("形象进度应在 0 到 100 之间,最多两位小数")
    expect(percent.locator("input")).to_have_attribute("aria-invalid", "true")
    percent.locator("input").fill("99.5")
    page.get_by_role("button", name="提交").click()
    expect(page.locator(".saved")).to_contain_text("填报进度月报")
    assert "token=" in page.url
    expect(page.get_by_role("link", name=f"{month} 月报未报")).to_have_count(0)

    page.get_by_role("link", name="查看项目").click()
    reported = page.locator("tr", has=page.get_by_role("rowheader", name=month, exact=True))
    expect(reported.get_by_text("99.5%")).to_be_visible()
    expect(reported.get_by_text("123.4万元")).to_be_visible()

    other = f"/projects/{foreign['project_id']}"
    for path in (other, f"{other}/events", f"{other}/events/1", f"/report{other.removeprefix('/projects')}"):
        clerk.open(path, 404)
        assert foreign["name"] not in clerk.text("body")
    clerk.open(f"/units/{foreign['unit_code']}", 404)


def test_a_slip_is_told_in_words_at_its_field_all_at_once(member: Enter, overdue: dict[str, Any]) -> None:
    visitor = member()
    page = visitor.page
    project, reported = overdue["project_id"], overdue["last_report_month"]
    visitor.open(f"/report/{project}/ReportProgress?month={reported}")
    percent, invested = (
        page.locator(f"[data-field={name}]") for name in ("physical_percent", "invested_this_month_yuan")
    )
    percent.locator("input").fill("abc")
    invested.locator("input").fill("1,00")
    page.get_by_role("button", name="提交").click()
    expect(percent.locator(".fault")).to_have_text("请填写数字,如 23.5")
    expect(invested.locator(".fault")).to_have_text("请填写整数(元),如 1200000")
    expect(page.locator(".problem")).to_have_text("有 2 项需要修改,已在下面标出:")

    percent.locator("input").fill("23.5")
    invested.locator("input").fill("\uff11\uff0c234,000")
    expect(invested.locator(".yuan")).to_have_text("= 123.4 万元")
    with visitor.refused(422), page.expect_request("**/v1/**") as sent:
        page.get_by_role("button", name="提交").click()
        page.get_by_role("link", name="去更正已有记录").click()
    body = json.loads(sent.value.post_data or "")
    assert (body["physical_percent"], body["invested_this_month_yuan"]) == ("23.5", 1_234_000)
    expect(page).to_have_url(re.compile(rf"/report/{project}/ReportProgress\?correct=1&month={reported}"))
    expect(page.get_by_label("更正原因")).to_be_visible()

    visitor.open("/report/new")
    identity = page.locator("[data-field=project_id]")
    identity.locator("input").fill("项目 1")
    page.get_by_role("button", name="提交").click()
    expect(identity.locator(".fault")).to_have_text(re.compile("只能用字母、数字、点、横线、下划线"))


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_an_unfinished_project_is_completed_only_by_who_confirms_it(
    browser: Browser, server: Server, access: str, api: HttpClient, script: bool
) -> None:
    lines = api.ask("ListProjects", stage="under_construction", page_size=500)["projects"]
    unfinished = [line for line in lines if line["physical_percent"] and float(line["physical_percent"]) < 100]
    project = unfinished[0]["project_id"]
    with visiting(browser, server.http, {**LAPTOP, "java_script_enabled": script}) as visitor:
        page = visitor.page
        visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": access, "url": visitor.origin}])
        visitor.open(f"/report/{project}/CompleteProject")
        percent = f"{float(unfinished[0]['physical_percent']):g}%"
        expect(page.locator(".standing")).to_contain_text(percent)
        expect(page.locator(".standing")).to_contain_text("单位负责人")
        with visitor.refused(400):
            page.get_by_role("button", name="提交").click()
            expect(page.locator("[data-field=confirmed] .fault")).to_contain_text("确认无误请勾选")
        assert api.ask("GetProject", project_id=project)["line"]["stage"] == "under_construction"
        page.get_by_label("我已核对,确认登记").check()
        page.get_by_role("button", name="提交").click()
        expect(page.locator(".saved")).to_contain_text("登记竣工")
    assert api.ask("GetProject", project_id=project)["line"]["stage"] == "completed"


# --- every page on every screen --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(corrected: Corrected, overdue: dict[str, Any]) -> list[str]:
    project = f"/projects/{corrected.project_id}"
    return [
        "/",
        "/?on=2017-06-30&known=then",
        "/units",
        f"/units/{overdue['unit_code']}",
        "/projects",
        project,
        f"{project}?on={corrected.on}&known=then",
        f"{project}/events",
        f"{project}/events/1",
        "/programme",
        "/report",
        "/report/new",
        f"/report/{corrected.project_id}",
        f"/report/{corrected.project_id}/ReportProgress",
        f"/report/{overdue['project_id']}/CompleteProject",
        "/login",
    ]


@pytest.mark.parametrize(
    ("screen", "language"),
    [(WALL, "zh"), (LAPTOP, "zh"), (PHONE, "zh"), (PHONE, "en")],
    ids=["wall", "laptop", "phone", "phone in English"],
)
def test_every_page_fits_the_screen_and_keeps_to_itself(
    member: Enter, pages: list[str], screen: dict[str, Any], language: str
) -> None:
    visitor = member(screen, language)
    width = screen["viewport"]["width"]
    for path in pages:
        policy = visitor.open(path).headers["content-security-policy"]
        _require_strict(policy)
        banner = REHEARSAL if language == "zh" else "Rehearsal – invented data"
        expect(visitor.page.locator(".rehearsal").get_by_text(banner)).to_be_visible()
        needed = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert needed <= width, f"{path} needs {needed} pixels of {width}"
        assert visitor.troubles == [], path


def _require_strict(policy: str) -> None:
    """Nothing but what the origin itself brings, and no script or style within the page."""
    rules = {name: set(sources) for name, *sources in (rule.split() for rule in policy.split(";"))}
    assert rules.pop("default-src") == {"'none'"}
    assert rules.pop("frame-ancestors") == {"'none'"}
    assert rules.pop("base-uri") == {"'none'"}
    assert rules.pop("img-src") == {"'self'", "data:"}
    assert "form-action" in rules
    assert all(sources == {"'self'"} for sources in rules.values()), policy
