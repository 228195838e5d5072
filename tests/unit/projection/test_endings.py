"""The steps that end a project: their forms show the record, ask for a tick where it speaks against them, and tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from services.chassis.auth import Principal, Role
from services.chassis.domain import DomainError
from services.chassis.errors import Unavailable
from services.project_tracking.events import ProjectMilestoneReached, ProjectProgressReported
from services.project_tracking.project.commands import CompleteProject, TerminateProject
from tests.unit.projection.pages import TestAccess, WorldGateway, browser
from tests.unit.projection.world import CLERK, World, running_project, world

HEAD = Principal(account="head", role=Role.UNIT_HEAD, unit="130602")
OURS = {"Origin": "http://city.test"}
COMPLETE = "/report/p1/CompleteProject"
KEY = "0b6f6d2c-2a5e-4a9e-9d5e-5f2b8f1c7a10"
TICK = 'name="confirmed"'


@pytest.fixture
def city(tmp_path: Path) -> Iterator[World]:
    """A project with reports up to July, at 70 %, its roof still open."""
    with world(tmp_path / "views.sqlite") as found:
        running_project(found.with_programme(), "p1", months=7)
        yield found.folded()


@pytest.fixture
def finished(city: World) -> World:
    city.fact("project-p1", ProjectMilestoneReached(occurred_on=date(2017, 8, 20), milestone_id="roof", text="封顶"))
    report = ProjectProgressReported(
        occurred_on=date(2017, 9, 3), month="2017-08", physical_percent=Decimal(100), invested_this_month_yuan=1
    )
    city.fact("project-p1", report)
    return city.folded()


@pytest.fixture
def access(tmp_path: Path) -> TestAccess:
    return TestAccess(tmp_path)


@pytest.fixture
def gateway(city: World) -> WorldGateway:
    return WorldGateway(city)


async def post(
    city: World, access: TestAccess, gateway: WorldGateway, path: str, told: dict[str, str], who: Principal = CLERK
) -> httpx.Response:
    async with browser(city, access, who, gateway=gateway) as client:
        return await client.post(path, data={"key": KEY, **told}, headers=OURS)


async def test_the_form_shows_what_the_record_says_and_who_takes_the_step_back(city: World, access: TestAccess) -> None:
    async with browser(city, access, CLERK) as client:
        text = (await client.get(COMPLETE)).text
        english = (await client.get(f"{COMPLETE}?lang=en")).text
    shown = re.sub(r"<[^>]+>", " ", text)
    for words in ("70%", "2017-07", "2017-08", "主体封顶", "我已核对,确认登记", "单位负责人", "市创优组"):
        assert words in shown, words
    assert "2017年11月30日 到期" not in shown, "the completion's own milestone is reached by the completion"
    assert 'method="post"' in text
    assert TICK in text
    assert "Head of unit" in english


async def test_without_the_tick_nothing_is_told_and_what_was_filled_in_stays(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    response = await post(city, access, gateway, COMPLETE, {"occurred_on": "2017-09-20"})
    assert response.status_code == 400
    assert gateway.told == []
    assert "有 1 项需要修改" in response.text
    assert "确认无误请勾选" in response.text
    assert 'value="2017-09-20"' in response.text
    assert f'value="{KEY}"' in response.text


async def test_with_the_tick_it_is_told_under_the_forms_key(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    response = await post(city, access, gateway, COMPLETE, {"occurred_on": "2017-09-20", "confirmed": "yes"})
    assert response.status_code == 303
    assert response.headers["location"] == "/report/p1?token=t&done=CompleteProject"
    ((command, call),) = gateway.told
    assert command == CompleteProject(project_id="p1", occurred_on=date(2017, 9, 20))
    assert (call.command_id, call.principal) == (KEY, CLERK)
    assert access.verifier.verify(call.bearer, datetime.now(UTC)) == CLERK


@pytest.mark.usefixtures("finished")
async def test_where_nothing_speaks_against_it_no_tick_is_asked_for(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    async with browser(city, access, CLERK) as client:
        assert TICK not in (await client.get(COMPLETE)).text
    assert (await post(city, access, gateway, COMPLETE, {"occurred_on": "2017-09-20"})).status_code == 303


async def test_every_missing_field_is_named_at_once(city: World, access: TestAccess, gateway: WorldGateway) -> None:
    response = await post(city, access, gateway, "/report/p1/TerminateProject", {}, HEAD)
    assert response.status_code == 400
    assert "有 2 项需要修改" in response.text
    assert response.text.count("此项必填") == 2
    told = {"occurred_on": "2017-09-20", "reason": "资金断了\r\n业主退出", "confirmed": "yes"}
    assert (await post(city, access, gateway, "/report/p1/TerminateProject", told, HEAD)).status_code == 303
    ((command, _),) = gateway.told
    assert isinstance(command, TerminateProject)
    assert command.reason == "资金断了\n业主退出"


async def test_a_refusal_stands_at_its_field_and_a_known_step_leads_to_its_correction(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    told = {"occurred_on": "2017-09-20", "confirmed": "yes"}
    gateway.refusal = DomainError("ALREADY_RECORDED", "correction_reason", "竣工已有记录", "recorded already")
    response = await post(city, access, gateway, COMPLETE, told)
    assert (response.status_code, "竣工已有记录" in response.text) == (422, True)
    assert f'href="{COMPLETE}?correct=1"' in response.text
    gateway.refusal = Unavailable("磁盘已满", "the disk is full")
    response = await post(city, access, gateway, COMPLETE, told)
    assert (response.status_code, "磁盘已满" in response.text, KEY in response.text) == (503, True, True)
    response = await post(city, access, gateway, COMPLETE, {**told, "occurred_on": "soon"})
    assert (response.status_code, "应为日期" in response.text) == (400, True)


async def test_a_correction_asks_for_its_reason_and_for_no_tick(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    path = f"{COMPLETE}?correct=1"
    response = await post(city, access, gateway, path, {"occurred_on": "2017-09-20"})
    assert (response.status_code, response.text.count("此项必填")) == (400, 1)
    assert TICK not in response.text
    told = {"occurred_on": "2017-09-20", "correction_reason": "日期有误"}
    assert (await post(city, access, gateway, path, told)).status_code == 303


async def test_only_our_own_page_posts_only_endings_and_only_of_who_may(
    city: World, access: TestAccess, gateway: WorldGateway
) -> None:
    told = {"key": KEY, "occurred_on": "2017-09-20", "confirmed": "yes"}
    async with browser(city, access, CLERK, gateway=gateway) as client:
        answers = [
            (await client.post(COMPLETE, data=told)).status_code,
            (await client.post(COMPLETE, data=told, headers={"Origin": "http://evil.test"})).status_code,
            (await client.post("/report/p1/SignProject", data=told, headers=OURS)).status_code,
            (await client.post("/report/p1/WithdrawProject", data=told, headers=OURS)).status_code,
            (await client.post("/report/p2/CompleteProject", data=told, headers=OURS)).status_code,
            (await client.post(COMPLETE, json=told, headers=OURS)).status_code,
            (await client.post(COMPLETE, data={**told, "reason": "长" * 50_000}, headers=OURS)).status_code,
        ]
    async with browser(city, access, None, gateway=gateway) as client:
        answers.append((await client.post(COMPLETE, data=told, headers=OURS)).status_code)
    assert answers == [403, 403, 404, 404, 404, 400, 413, 401]
    assert gateway.told == []
