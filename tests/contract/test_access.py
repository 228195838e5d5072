"""Login codes and ended sessions, in a file and in the city's database alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import make_url
from structlog.testing import capture_logs

from services.chassis.auth import (
    AccessFile,
    AccessPlace,
    AccessSchema,
    EndedTokens,
    LoginCodes,
    Principal,
    Role,
    TokenIssuer,
    TokenVerifier,
)
from services.chassis.errors import Unauthenticated, Unavailable
from tests.servers import Postgres
from tests.waiting import eventually

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAFF = Principal("zhao", Role.UNIT_STAFF, "130602")
LEADER = Principal("li", Role.LEADER)
KEY = Ed25519PrivateKey.generate()
ISSUER = TokenIssuer(KEY, "store-1")

Opener = Callable[[], AccessPlace]


@pytest.fixture(params=["file", "database"])
def process(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Each call is another process's way to the same place."""
    if request.param == "file":
        yield lambda: AccessFile(tmp_path / "logins.sqlite")
        return
    url = make_url(request.getfixturevalue("postgres").database())
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(AccessSchema(url)))


def verifier(place: AccessPlace) -> TokenVerifier:
    return TokenVerifier(KEY.public_key(), "store-1", EndedTokens(place))


def good(found: TokenVerifier, token: str) -> bool:
    try:
        return found.verify(token, NOW) == LEADER
    except Unauthenticated:
        return False


def test_a_code_of_one_process_is_good_once_in_any(process: Opener) -> None:
    code = LoginCodes(process()).create(STAFF, NOW)
    other = LoginCodes(process())
    assert other.redeem(code, NOW) == STAFF
    for codes in (other, LoginCodes(process())):
        with pytest.raises(Unauthenticated, match="used"):
            codes.redeem(code, NOW)


def test_a_code_ends_and_an_unknown_one_is_refused(process: Opener) -> None:
    codes = LoginCodes(process())
    early, late = codes.create(LEADER, NOW), codes.create(STAFF, NOW)
    assert codes.redeem(early, NOW + timedelta(minutes=15, seconds=-1)) == LEADER
    for code in (late, "", "x", "' or 1=1 --", "\udcff", "a\x00b"):
        with pytest.raises(Unauthenticated):
            codes.redeem(code, NOW + timedelta(minutes=15))


def test_of_many_processes_at_once_one_redeems(process: Opener) -> None:
    everyone = [LoginCodes(process()) for _ in range(6)]
    code = everyone[0].create(STAFF, NOW)

    def attempt(codes: LoginCodes) -> bool:
        try:
            return codes.redeem(code, NOW) == STAFF
        except Unauthenticated:
            return False

    with ThreadPoolExecutor(len(everyone)) as pool:
        assert sum(pool.map(attempt, everyone)) == 1


def test_processes_that_begin_at_the_same_time_make_one_place(process: Opener) -> None:
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda place: LoginCodes(place).create(STAFF, NOW), [process() for _ in range(6)]))
    assert [LoginCodes(process()).redeem(code, NOW) for code in codes] == [STAFF] * 6


def test_a_session_ended_in_one_process_is_ended_in_all(process: Opener) -> None:
    token, other = ISSUER.issue(LEADER, HOUR, NOW), ISSUER.issue(LEADER, HOUR, NOW)
    here, there = EndedTokens(process()), EndedTokens(process())
    one, two = (TokenVerifier(KEY.public_key(), "store-1", ended) for ended in (here, there))
    assert good(one, token)
    assert good(two, token)
    with closing(there):
        there.follow(0.02)
        one.end(token, NOW)
        one.end(token, NOW)
        assert not good(one, token)
        eventually(lambda: not good(two, token))
    assert good(two, other)
    with pytest.raises(Unauthenticated, match="ended"):
        verifier(process()).verify(token, NOW)


def test_both_may_end_the_same_session(process: Opener) -> None:
    token = ISSUER.issue(LEADER, HOUR, NOW)
    found = [verifier(process()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each.end(token, NOW), found))
    assert not any(good(each, token) for each in (*found, verifier(process())))


def test_ended_sessions_are_forgotten_at_their_own_end(process: Opener) -> None:
    place = process()
    found = verifier(place)
    found.end(ISSUER.issue(LEADER, HOUR, NOW), NOW)
    found.end(ISSUER.issue(LEADER, 3 * HOUR, NOW), NOW + 2 * HOUR)
    ended = EndedTokens(place)
    assert len(ended._ended) == 1
    ended.refresh()
    assert len(ended._ended) == 1


def test_a_code_is_never_stored(postgres: Postgres) -> None:
    url = postgres.database()
    with closing(AccessSchema(make_url(url))) as place, psycopg.connect(url) as connection:
        code = LoginCodes(place).create(LEADER, NOW)
        rows = connection.execute("select * from access.login_codes").fetchall()
    assert len(rows) == 1
    assert code not in str(rows)


def test_a_database_that_is_away_lets_nobody_in_and_tells_no_password(postgres: Postgres) -> None:
    nowhere = make_url(postgres.database()).set(port=1, password="hunter2")
    place = AccessSchema(nowhere)
    for attempt in (
        lambda: EndedTokens(place),
        lambda: LoginCodes(place).redeem("x", NOW),
        lambda: LoginCodes(place).create(LEADER, NOW),
    ):
        with pytest.raises(Unavailable) as refused:
            attempt()
        assert "hunter2" not in str(refused.value)


def test_what_is_known_stays_while_the_database_is_away_and_its_loss_is_told_once(
    own_postgres: Callable[..., Postgres],
) -> None:
    server = own_postgres()
    token = ISSUER.issue(LEADER, HOUR, NOW)
    with closing(AccessSchema(make_url(server.database()))) as place, closing(EndedTokens(place)) as ended:
        found = TokenVerifier(KEY.public_key(), "store-1", ended)
        found.end(token, NOW)
        with capture_logs() as logged:
            ended.follow(0.02)
            server.kill()
            eventually(lambda: bool(logged))
            assert not good(found, token)
            with pytest.raises(Unavailable):
                found.end(ISSUER.issue(LEADER, HOUR, NOW), NOW)
            server.start()
            eventually(lambda: _ends(found))
        assert [line["event"] for line in logged] == ["ended_sessions_unknown"]


def _ends(found: TokenVerifier) -> bool:
    try:
        found.end(ISSUER.issue(LEADER, HOUR, NOW), NOW)
    except Unavailable:
        return False
    return True
