"""The pages: who may see them, which headers they carry, what they say of odd input, what a CSV holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.chassis.auth import Principal, Role
from services.chassis.event_store import StoreKind
from services.chassis.http_api import SESSION_COOKIE
from services.project_tracking.events import ProjectWeeklyReportSubmitted
from services.projection.cockpit.csv_cells import rows_of, safe
from services.projection.cockpit.labels import LANGUAGES, Texts
from tests.unit.projection.pages import SERVICES, TestAccess, browser
from tests.unit.projection.test_queries import corrected_city
from tests.unit.projection.world import CLERK, LEADER, World, registered, running_project, world

GROUP = Principal(account="group", role=Role.CITY_GROUP)
OURS = {"Origin": "http://city.test"}
"""What a browser says that sends a form of our own page."""
PAGES = (
    "/",
    "/units",
    "/units/130602",
    "/projects",
    "/projects/p1",
    "/projects/p1/events",
    "/projects/p1/events/1",
    "/programme",
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "views.sqlite") as found:
        yield corrected_city(found.with_programme())


@pytest.fixture
def access(tmp_path: Path) -> TestAccess:
    return TestAccess(tmp_path)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("times", ["", "?on=2017-06-30", "?on=2017-06-30&known=then", "?lang=en"])
async def test_every_page_shows_every_reading_in_both_languages(
    city: World, access: TestAccess, path: str, times: str
) -> None:
    async with browser(city, access, LEADER) as client:
        response = await client.get(path + times)
    assert response.status_code == 200
    english = "lang=en" in times
    assert f'<html lang="{"en" if english else "zh-CN"}">' in response.text
    assert ("Rehearsal – invented data" if english else "演练数据·纯属虚构") in response.text
    assert ('class="past"' in response.text) == ("on=" in times)


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/projects/nobody", "/?on=never", "/report"])
async def test_every_answer_has_a_strict_policy_and_nothing_inline(city: World, access: TestAccess, path: str) -> None:
    async with browser(city, access, LEADER) as client:
        response = await client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|<style|\son[a-z]+=|javascript:", response.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', response.text)


async def test_without_a_session_a_page_asks_to_log_in(city: World, access: TestAccess) -> None:
    async with browser(city, access, None) as client:
        for path in (*PAGES, "/projects.csv", "/report"):
            response = await client.get(path)
            assert response.status_code == 401
            assert "登录" in response.text


async def test_a_one_time_code_opens_a_session_once(city: World, access: TestAccess) -> None:
    code = access.logins.create(LEADER, datetime.now(UTC))
    async with browser(city, access, None) as client:
        await client.head(f"/login?code={code}")
        first = await client.get(f"/login?code={code}")
        cookie = first.headers["set-cookie"]
        assert (await client.get("/")).status_code == 200
        again = await client.get(f"/login?code={code}")
        out = await client.post("/logout", headers=OURS)
        after = await client.get("/")
    assert first.status_code == 200
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert again.status_code == 401
    assert after.status_code == 401
    assert (out.status_code, out.headers["location"]) == (303, "/login?out=1")


async def test_a_clerk_begins_with_what_is_due_and_everyone_else_with_the_city(city: World, access: TestAccess) -> None:
    for who, start in ((CLERK, "/report"), (GROUP, "/"), (LEADER, "/")):
        code = access.logins.create(who, datetime.now(UTC))
        async with browser(city, access, None) as client:
            assert f'content="0; url={start}"' in (await client.get(f"/login?code={code}")).text


async def test_the_only_unit_is_chosen_already(city: World, access: TestAccess) -> None:
    async with browser(city, access, CLERK) as client:
        mine = (await client.get("/report/new")).text
    async with browser(city, access, GROUP) as client:
        anyone = (await client.get("/report/new")).text
    assert '<option value="130602" selected>' in mine
    assert "selected>" not in re.sub(r'<option value="" selected>', "", anyone)


async def test_a_copied_cookie_is_worth_nothing_after_the_logout(city: World, access: TestAccess) -> None:
    async with browser(city, access, LEADER) as client:
        copied = {"Cookie": f"{SESSION_COOKIE}={client.cookies[SESSION_COOKIE]}"}
        assert (await client.get("/")).status_code == 200
        told = await client.post("/logout", headers=OURS, follow_redirects=True)
        assert f'{SESSION_COOKIE}=""' in told.history[0].headers["set-cookie"]
    assert (told.status_code, "已退出" in told.text) == (200, True)
    for _ in range(2):
        async with browser(city, access, None) as thief:
            assert (await thief.get("/", headers=copied)).status_code == 401
            assert (await thief.post("/logout", headers={**copied, **OURS})).status_code == 303
        access.restart()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", **OURS}],
)
async def test_no_other_site_logs_anybody_out(city: World, access: TestAccess, headers: dict[str, str]) -> None:
    async with browser(city, access, LEADER) as client:
        assert (await client.post("/logout", headers=headers)).status_code == 403
        assert (await client.get("/")).status_code == 200


async def test_a_real_city_has_no_rehearsal_banner(city: World, access: TestAccess) -> None:
    async with browser(city, access, LEADER, StoreKind.REAL) as client:
        assert "演练" not in (await client.get("/")).text


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/?on=2017-13-40", 400, "2017-13-40"),
        ("/?on=2018-01-01", 400, "晚于今天"),
        ("/?on=20170630", 400, "20170630"),
        ("/?known=perhaps", 400, "known"),
        ("/units/999999", 404, "999999"),
        ("/units/%3Cscript%3E", 404, "&lt;script&gt;"),
        ("/projects/nobody", 404, "nobody"),
        ("/projects/p1/events/99", 404, "99"),
        ("/projects/p1/events/x", 404, "x"),
        (f"/projects/p1/events/{'9' * 4400}", 404, "9999"),
        ("/projects/p1/events/1?on=0001-01-15", 400, "过早"),
        ("/projects/p1/events/1?on=9999-12-31", 400, "晚于今天"),
        ("/report/p1/SetBaseline?occurred_on=abc", 400, "occurred_on"),
        ("/report/p1/SetBaseline?occurred_on=0001-01-01", 400, "occurred_on"),
        ("/report/p1/SetBaseline?occurred_on=20170101", 400, "occurred_on"),
        ("/projects.csv?page_size=1&page_token=zzz", 200, ""),
        ("/projects?stage=somewhere", 400, "stage"),
        ("/projects?page_size=0", 400, "page_size"),
        ("/projects?page_token=zzz", 400, "page_token"),
        ("/report/p1/RecordLamp", 404, "没有"),
        ("/nowhere/at/all", 404, "没有"),
    ],
)
async def test_odd_input_gets_a_clear_answer(
    city: World, access: TestAccess, path: str, status: int, says: str
) -> None:
    async with browser(city, access, GROUP) as client:
        response = await client.get(path)
    assert response.status_code == status
    assert says in response.text


async def test_a_correction_is_marked_with_the_old_value_struck_through(city: World, access: TestAccess) -> None:
    async with browser(city, access, LEADER) as client:
        text = (await client.get("/projects/p1")).text
        then = (await client.get("/projects/p1?on=2017-06-30&known=then")).text
    assert '<s class="was">6,667万元</s>' in text
    assert "重复计入设备款" in text
    assert "此后更正为 3,333万元" in then


@pytest.mark.parametrize("known", ["now", "then"])
async def test_where_the_readings_differ_the_comparison_and_the_list_say_so(
    city: World, access: TestAccess, known: str
) -> None:
    told = f"?on=2017-06-30&known={known}"
    async with browser(city, access, LEADER) as client:
        overview, units, listing = [(await client.get(f"{path}{told}")).text for path in ("/", "/units", "/projects")]
    for page in (overview, units, listing):
        assert "1 个项目的情况在此后有变动,其中 1 个经更正" in page
    for page in (overview, units):
        assert '<span class="mark corrected">更正</span></th>' in page
    assert re.search(r'<s class="was"|现为', units)


async def test_links_keep_the_day_and_the_knowledge(city: World, access: TestAccess) -> None:
    async with browser(city, access, LEADER) as client:
        text = (await client.get("/projects?on=2017-06-30&known=then")).text
    assert 'href="/units?on=2017-06-30&amp;known=then"' in text
    assert 'href="/projects/p1?on=2017-06-30&amp;known=then"' in text


async def test_a_clerk_sees_and_reports_only_the_own_unit(city: World, access: TestAccess) -> None:
    running_project(city, "p2", unit_code="130606", unit_id="lianchi")
    city.folded()
    async with browser(city, access, CLERK) as client:
        listing, mine = await client.get("/projects"), await client.get("/report")
        closed = [(await client.get(path)).status_code for path in ("/projects/p2", "/report/p2", "/units/130606")]
        export = (await client.get("/projects.csv")).text
    assert "/projects/p1" in listing.text
    assert "/projects/p2" not in listing.text
    assert "/report/p1" in mine.text
    assert "p2" not in export
    assert closed == [404, 404, 404]


async def test_only_commands_that_may_be_sent_are_offered(city: World, access: TestAccess) -> None:
    async with browser(city, access, CLERK) as client:
        mine = (await client.get("/report/p1")).text
        refused = await client.get("/report/p1/ApproveRebaseline")
    async with browser(city, access, GROUP) as client:
        allowed = await client.get("/report/p1/ApproveRebaseline")
    assert "/report/p1/ReportProgress" in mine
    assert "ApproveRebaseline" not in mine
    assert refused.status_code == 404
    assert allowed.status_code == 200
    async with browser(city, access, LEADER) as client:
        assert 'href="/report"' not in (await client.get("/")).text


async def test_what_is_due_leads_to_its_form(city: World, access: TestAccess) -> None:
    async with browser(city, access, CLERK) as client:
        due = (await client.get("/report")).text
        form = (await client.get("/report/p1/ReportProgress?month=2017-07")).text
        correction = (await client.get("/report/p1/ReportProgress?month=2017-05&correct=1")).text
    assert "/report/p1/ReportProgress?month=2017-07" in due
    assert "/report/p1/ReachMilestone?milestone_id=roof" in due
    assert 'data-action="/v1/projects/p1:reportProgress"' in form
    assert 'value="2017-07"' in form
    assert 'data-path="correction_reason"' not in form
    assert 'data-path="correction_reason"' in correction
    assert 'value="33333333"' in correction


async def test_every_form_opens_for_who_may_send_it(city: World, access: TestAccess) -> None:
    (tracking,) = (service for service in SERVICES if service.name == "project_tracking")
    aggregate = tracking.aggregates[0]
    offered = [command for command in aggregate.decider.decisions if command not in aggregate.internal]
    async with browser(city, access, GROUP) as client:
        for command in offered:
            for extra in ("", "?correct=1", "?lang=en"):
                response = await client.get(f"/report/p1/{command.__name__}{extra}")
                assert response.status_code == 200, command
                assert re.search(r'(data-key|name="key" value)="[0-9a-f-]{36}"', response.text)
        assert (await client.get("/report/new")).status_code == 200


async def test_each_opening_of_a_form_has_its_own_key(city: World, access: TestAccess) -> None:
    async with browser(city, access, CLERK) as client:
        pages = [(await client.get("/report/p1/SignProject")).text for _ in range(3)]
    keys = {key for page in pages for key in re.findall(r'data-key="([0-9a-f-]{36})"', page)}
    assert len(keys) == 3


def test_every_column_of_the_csv_has_a_head_of_its_own() -> None:
    for language in LANGUAGES:
        (heads,) = rows_of([], Texts(language))
        assert len(set(heads)) == len(heads)


async def test_the_csv_opens_in_a_spreadsheet_and_holds_no_formula(city: World, access: TestAccess) -> None:
    city.fact("project-p9", registered("p9", name="=HYPERLINK(1)", owner="+86"))
    city.folded()
    async with browser(city, access, LEADER) as client:
        response = await client.get("/projects.csv?order=project_id")
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == ["p1", "p9"]
    assert rows[2][1] == "'=HYPERLINK(1)"
    assert rows[2][11] == ""


SIGNS = [*"=+-@", *"\uff1d\uff0b\uff0d\uff20\u2212"]
BEFORE = ["", " ", "\t", "\r\n", "\ufeff", "\u00a0", "\u3000", "\u200b", " \u00a0\ufeff "]


@pytest.mark.parametrize("cell", [f"{before}{sign}1" for before in BEFORE for sign in SIGNS] + ["\tx", "\nx"])
def test_a_cell_that_looks_like_a_formula_becomes_text(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are() -> None:
    plain = ["", " ", "轴承厂", "1.5", "a=b", " a=b", "p-1", "2017-06-30"]
    assert [safe(cell) for cell in plain] == plain


async def test_texts_of_clerks_are_escaped(city: World, access: TestAccess) -> None:
    week = date(2017, 9, 25)
    told = ProjectWeeklyReportSubmitted(occurred_on=week, week=week, progress="<img src=x>", help_needed="<b>")
    city.fact("project-p1", told)
    city.fact("project-p8", registered("p8", name='"><script>alert(1)</script>'))
    city.folded()
    async with browser(city, access, GROUP) as client:
        for path in ("/", "/projects", "/projects/p1", "/projects/p8", "/report", "/report/p8"):
            text = (await client.get(path)).text
            assert "<script>alert" not in text
            assert "<img" not in text


async def test_static_files_are_kept_for_ever_under_the_name_of_their_content(city: World, access: TestAccess) -> None:
    async with browser(city, access, LEADER) as client:
        page = (await client.get("/report/p1/SignProject")).text
        for url in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
            response = await client.get(url)
            assert response.status_code == 200
            assert "immutable" in response.headers["cache-control"]
        assert (await client.get("/static/cockpit.css")).status_code == 404


async def test_the_programme_tells_when_each_duty_is_due_and_shows_no_chinese_titles_of_rules(
    city: World, access: TestAccess
) -> None:
    async with browser(city, access, LEADER) as client:
        chinese = (await client.get("/programme")).text
        english = (await client.get("/programme?lang=en")).text
    assert "每季度末月 25 日前(含当日)" in chinese
    assert "每年 7 月 1–10 日" in chinese
    assert "by day 25 inclusive of the last month of every quarter" in english
    assert "<td>not named</td>" in english
    assert "未明确" in chinese
    assert "<b>Project</b>" in english


def test_words_from_right_to_left_turn_nothing_beside_them() -> None:
    """Inside a sentence by Unicode's isolates; in elements of their own by the style sheet."""
    name = "\u0642\u06c7\u0631\u06c7\u0644\u06c7\u0634"
    told = Texts("en")("report.milestone_late", text=name, days=3)
    assert f"\u2068{name}\u2069" in told
    assert "\u2068" not in Texts("zh")("report.milestone_late", text="\u5c01\u9876", days=3)
    style = Path("services/projection/cockpit/static/cockpit.css").read_text(encoding="utf-8")
    assert re.search(r"\na, b, i, s, span, [^{]*{ unicode-bidi: isolate; }", style)
