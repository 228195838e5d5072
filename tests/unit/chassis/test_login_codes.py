"""One-time login codes."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.auth import LoginCodes, Principal, Role
from services.chassis.errors import InvalidRequest, Unauthenticated, Unavailable

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
STAFF = Principal("zhao", Role.UNIT_STAFF, "130602")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logins.sqlite"


def test_a_code_made_elsewhere_is_good_once(path: Path) -> None:
    code = LoginCodes(path).create(STAFF, NOW)
    assert LoginCodes(path).redeem(code, NOW) == STAFF
    with pytest.raises(Unauthenticated, match="used"):
        LoginCodes(path).redeem(code, NOW)


def test_a_code_is_long_and_never_stored(path: Path) -> None:
    code = LoginCodes(path).create(Principal("li", Role.LEADER), NOW)
    assert len(code) >= 43
    assert code.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_code_ends_after_fifteen_minutes(path: Path) -> None:
    codes = LoginCodes(path)
    early, late = codes.create(STAFF, NOW), codes.create(STAFF, NOW)
    assert codes.redeem(early, NOW + timedelta(minutes=15) - timedelta(seconds=1)) == STAFF
    with pytest.raises(Unauthenticated):
        codes.redeem(late, NOW + timedelta(minutes=15))


def test_of_many_at_once_one_succeeds(path: Path) -> None:
    codes = LoginCodes(path)
    code = codes.create(STAFF, NOW)

    def attempt(_: int) -> bool:
        try:
            return codes.redeem(code, NOW) == STAFF
        except Unauthenticated:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) == 1


@pytest.mark.parametrize("code", ["", "x", "' or 1=1 --", "\udcff"])
def test_an_unknown_code_is_refused(path: Path, code: str) -> None:
    LoginCodes(path).create(STAFF, NOW)
    with pytest.raises(Unauthenticated):
        LoginCodes(path).redeem(code, NOW)


def test_who_gets_no_token_gets_no_code(path: Path) -> None:
    with pytest.raises(InvalidRequest):
        LoginCodes(path).create(Principal("zhao", Role.UNIT_STAFF), NOW)


def test_an_unusable_file_is_unavailable_not_a_crash(tmp_path: Path, path: Path) -> None:
    with pytest.raises(Unavailable):
        LoginCodes(tmp_path / "nowhere" / "logins.sqlite").create(STAFF, NOW)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable):
        LoginCodes(path).redeem("x", NOW)
