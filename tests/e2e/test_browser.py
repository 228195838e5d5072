"""The cockpit in a real browser, over a rehearsed city of its own. What rests on how a city is kept is in
`test_visit`, for both forms."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from services.chassis.http_api import SESSION_COOKIE
from tests.clients import HttpClient
from tests.e2e.browsing import LAPTOP, PHONE, WALL, Enter, read_through, visiting
from tests.processes import Server, copy_of, serving, token

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
def session(server: Server) -> str:
    """A token of the city group; as a cookie it is a session."""
    return token(server.data, "city_group")


# --- who may look ----------------------------------------------------------------------------------------------


def test_without_a_session_every_page_is_the_login_page(stranger: Enter, pages: list[str]) -> None:
    visitor = stranger()
    for path in [*pages, "/projects.csv"]:
        if path != "/login":
            visitor.open(path, 401)
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text("登录")
            assert visitor.page.locator("a[href*='/projects']").count() == 0


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
    assert read_through(visitor) == [line["project_id"] for line in listed["projects"]]

    wanted = api.ask("ListProjects", stage="under_construction", kind="government", page_size=500)
    assert 0 < wanted["total"] < listed["total"]
    visitor.page.locator("select[name=stage]").select_option("under_construction")
    visitor.page.locator("select[name=kind]").select_option("government")
    visitor.page.get_by_role("button", name="筛选").click()
    expect(visitor.page.locator(".headline")).to_contain_text(f"共 {wanted['total']} 个")
    ids = read_through(visitor)
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


# --- a clerk ---------------------------------------------------------------------------------------------------------


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
    browser: Browser, server: Server, session: str, api: HttpClient, script: bool
) -> None:
    lines = api.ask("ListProjects", stage="under_construction", page_size=500)["projects"]
    unfinished = [line for line in lines if line["physical_percent"] and float(line["physical_percent"]) < 100]
    project = unfinished[0]["project_id"]
    with visiting(browser, server.http, {**LAPTOP, "java_script_enabled": script}) as visitor:
        page = visitor.page
        visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": visitor.origin}])
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
