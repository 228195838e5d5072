"""Numbers and words of the pages: shares, units of a chart, one and many, what somebody without a session reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.projection.cockpit.charts import share_bar
from services.projection.cockpit.formats import WAN, YI, Formats
from services.projection.cockpit.labels import Texts
from services.projection.summaries import permille
from tests.unit.projection.pages import TestAccess, browser
from tests.unit.projection.world import world


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(2, 3, 667), (1, 3, 333), (1, 2000, 1), (3, 3, 1000), (0, 0, None)]
)
def test_a_share_is_rounded_half_up(part: int, whole: int, share: int | None) -> None:
    assert permille(part, whole) == share


def test_small_sums_are_drawn_in_small_units() -> None:
    assert Formats("zh").chart_unit(4_000_000) == (WAN, "chart.unit.small")
    assert Formats("zh").chart_unit(YI) == (YI, "chart.unit.large")


def test_one_is_not_many_in_english() -> None:
    en = Texts("en")
    assert en("project.late", days=1) == "1 day late"
    assert en("project.late", days=2) == "2 days late"
    assert en("projects.count", total=1, money="¥1 m") == "1 project, ¥1 m in all"
    assert Texts("zh")("project.late", days=1) == "逾期 1 天"


def test_without_a_share_nothing_is_marked() -> None:
    assert 'class="full"' in share_bar(500, "50.0%")
    assert 'class="full"' not in share_bar(None, "–")


async def test_who_is_not_logged_in_reads_how_to_get_in(tmp_path: Path) -> None:
    with world(tmp_path / "views.sqlite") as city:
        async with browser(city, TestAccess(tmp_path), None) as client:
            page = (await client.get("/projects")).text
    assert "请先登录:向管理员索取登录链接" in page
    assert "令牌" not in page
