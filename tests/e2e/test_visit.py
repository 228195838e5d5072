"""A visit to the cockpit with a real browser, in both forms: a one-time link, a past day, a report by a form, the page
that shows it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from services.chassis.http_api import SESSION_COOKIE
from tests.clients import HttpClient
from tests.e2e.browsing import PHONE, Enter, read_through
from tests.e2e.forms import City, Copies, fleet
from tests.processes import Server


@pytest.fixture(scope="module")
def city(copies: Copies, rehearsed_city: Path, tmp_path_factory: pytest.TempPathFactory) -> City:
    return copies.of(rehearsed_city, tmp_path_factory.mktemp("visited") / "var")


@pytest.fixture(scope="module")
def server(city: City) -> Iterator[Server]:
    """The process with the cockpit. Where a process serves each service, the commands are carried out by another."""
    with fleet(city) as processes:
        yield processes.front
        assert set(processes.stop()) == {0}, processes.log()
        assert not processes.complaints(), processes.log()


@pytest.fixture(scope="module")
def session(city: City) -> str:
    """A token of the city group; as a cookie it is a session."""
    return city.token("city_group")


def login_link(city: City, server: Server, role: str, *unit: str) -> str:
    """The path of a one-time link, as an operator issues it."""
    link = city.told("token", "--login", "--role", role, "--account", "zhao", *unit, public_url=server.http)
    return link.strip().removeprefix(server.http)


def test_a_login_link_opens_one_session_and_no_second(city: City, server: Server, stranger: Enter) -> None:
    link = login_link(city, server, "leader")
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


def test_a_clerk_files_a_report_with_a_phone(
    city: City, server: Server, stranger: Enter, api: HttpClient, overdue: dict[str, Any]
) -> None:
    """By a one-time link; the page that follows waits for the views by the receipt's token, and the past stays as it
    was."""
    unit, project, month = overdue["unit_code"], overdue["project_id"], overdue["missing_months"][0]
    own = api.ask("ListProjects", unit_code=unit, page_size=500)["projects"]
    foreign = next(line for line in api.ask("ListProjects", page_size=500)["projects"] if line["unit_code"] != unit)
    clerk = stranger(PHONE)
    page = clerk.page
    clerk.open(login_link(city, server, "unit_staff", "--unit", unit))
    expect(page).to_have_url(f"{server.http}/report")
    page.get_by_role("link", name="总览").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(overdue["unit_name"])
    page.get_by_role("link", name="项目", exact=True).click()
    expect(page.locator(".headline")).to_contain_text(f"共 {len(own)} 个")
    assert set(read_through(clerk)) == {line["project_id"] for line in own}

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

    before = date.fromisoformat(page.locator("#on").input_value()) - timedelta(days=1)
    clerk.open(f"/projects/{project}?on={before}&known=then")
    expect(page.locator(".past")).to_contain_text("当时所知")
    expect(page.get_by_text("99.5%")).to_have_count(0)

    other = f"/projects/{foreign['project_id']}"
    for path in (other, f"{other}/events", f"{other}/events/1", f"/report{other.removeprefix('/projects')}"):
        clerk.open(path, 404)
        assert foreign["name"] not in clerk.text("body")
    clerk.open(f"/units/{foreign['unit_code']}", 404)
