"""What the command line refuses and carries out beside, or without, a running server, in both forms."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from services.chassis.domain import Command
from services.policy_registry.events.unit_registry import UnitKind
from services.policy_registry.unit_registry import JoinUnit
from tests import lives
from tests.e2e.forms import EMBEDDED, City, Copies
from tests.processes import copy_of


@pytest.fixture
def city(copies: Copies, empty_city: Path, access: str, tmp_path: Path) -> City:
    """A copy for this test alone."""
    assert access
    return copies.of(empty_city, tmp_path / "var")


def test_a_token_for_a_unit_that_is_no_member_today(city: City) -> None:
    done = city.bizenv("token", "--role", "unit_staff", "--account", "li", "--unit", "999999")
    assert done.returncode == 1
    assert "unit: 名录中今天没有代码为 999999 的单位" in done.stderr
    assert city.token("unit_staff", lives.UNIT)


def test_a_body_that_is_no_json_is_told_without_an_empty_field(city: City, access: str) -> None:
    done = city.bizenv("do", "StartProject", "--json", "{nonsense", "--token", access)
    assert done.returncode == 1
    assert "不是有效的 JSON · not valid JSON" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.lstrip().startswith(":")]


def do(city: City, access: str, order: Command) -> str:
    body = msgspec.json.encode(order).decode()
    return city.told("do", type(order).__name__, "--json", body, "--token", access)


def test_without_a_server_a_command_sees_what_was_recorded_just_before(
    empty_city: Path, access: str, tmp_path: Path
) -> None:
    """A unit that one command lets in is known to the next, although nobody serves and all is in this one process."""
    city = City(EMBEDDED, copy_of(empty_city, tmp_path / "var"))
    join = JoinUnit(
        registry_id="baoding",
        occurred_on=date(2017, 1, 1),
        unit_id="u-new",
        code="139999",
        name="示例新区",
        kind=UnitKind.ZONE,
        scored=True,
    )
    do(city, access, join)
    assert '"project-new/1"' in do(city, access, lives.registration("new", "139999"))
