"""The login link that a starting process prints."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from services.chassis.auth import Principal
from services.chassis.errors import Unavailable
from services.cli.serve import _login_link


class _Away:
    def create(self, _principal: Principal, _now: datetime) -> str:
        raise Unavailable("数据库不在", "the database is away")


def test_a_process_whose_doors_are_open_does_not_end_for_want_of_a_link() -> None:
    access: Any = SimpleNamespace(logins=_Away())
    assert "the database is away" in _login_link(access, "http://127.0.0.1:1")
