"""Tokens: who they stand for, and every way of forging one."""

from __future__ import annotations

import base64
import json
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.auth import EndedTokens, Principal, Role, TokenIssuer, TokenVerifier, system
from services.chassis.errors import InvalidRequest, Unauthenticated, Unavailable

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = Ed25519PrivateKey.generate()
ISSUER = TokenIssuer(KEY, "store-1")
HEAD = Principal("wang", Role.UNIT_HEAD, "130602")


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(KEY.public_key(), "store-1")


def claims(**changed: Any) -> dict[str, Any]:
    begin = int(NOW.timestamp())
    good = {"iss": "bizenv", "sub": "wang", "aud": "store-1", "role": "unit_head", "unit": "130602"}
    return {**good, "iat": begin, "exp": begin + 3600, "jti": "1"} | changed


def signed(payload: dict[str, Any]) -> str:
    return jwt.encode({name: value for name, value in payload.items() if value is not ...}, KEY, algorithm="EdDSA")


def refusal(verifier: TokenVerifier, token: str | None, now: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(token, now)
    assert refused.value.message
    return refused.value.english


def test_a_token_stands_for_its_principal(verifier: TokenVerifier) -> None:
    token = ISSUER.issue(HEAD, HOUR, NOW)
    assert verifier.verify(token, NOW) == HEAD
    assert verifier.verify(token, NOW + HOUR - timedelta(seconds=1)) == HEAD
    assert HEAD.actor == "unit_head:wang"


def test_two_tokens_are_never_the_same() -> None:
    assert ISSUER.issue(HEAD, HOUR, NOW) != ISSUER.issue(HEAD, HOUR, NOW)


@pytest.mark.parametrize(
    ("principal", "field"),
    [
        (Principal("wang", Role.UNIT_HEAD), "unit"),
        (Principal("wang", Role.UNIT_STAFF), "unit"),
        (Principal("wang", Role.UNIT_STAFF, "13 06"), "unit"),
        (Principal("", Role.LEADER), "account"),
        (Principal("王 五", Role.LEADER), "account"),
        (system("bakery"), "role"),
    ],
)
def test_what_gets_no_token(principal: Principal, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ISSUER.issue(principal, HOUR, NOW)
    assert [violation.field for violation in refused.value.violations] == [field]


def test_a_token_ends_also_when_it_is_remembered(verifier: TokenVerifier) -> None:
    token = ISSUER.issue(HEAD, HOUR, NOW)
    verifier.verify(token, NOW)
    assert "expired" in refusal(verifier, token, NOW + HOUR)
    assert "expired" in refusal(verifier, token, NOW + HOUR)


@pytest.mark.parametrize("token", [None, ""])
def test_no_token(verifier: TokenVerifier, token: str | None) -> None:
    assert "no access token" in refusal(verifier, token)


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "令牌", "a" * 100_000, "\udcff.\udcff.\udcff"])
def test_rubbish_is_malformed(verifier: TokenVerifier, token: str) -> None:
    assert "malformed" in refusal(verifier, token)


@given(token=st.text())
def test_any_text_is_refused_as_such(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TokenVerifier(KEY.public_key(), "store-1").verify(token, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": ...},
        {"exp": "tomorrow"},
        {"sub": ...},
        {"sub": 7},
        {"jti": ...},
        {"role": "emperor"},
        {"role": ...},
        {"role": "system"},
        {"unit": None},
        {"unit": 130602},
    ],
)
def test_signed_claims_that_are_not_ours_are_malformed(verifier: TokenVerifier, changed: dict[str, Any]) -> None:
    assert "malformed" in refusal(verifier, signed(claims(**changed)))


@pytest.mark.parametrize("changed", [{"aud": "store-2"}, {"iss": "someone"}])
def test_a_token_is_good_for_its_store_only(verifier: TokenVerifier, changed: dict[str, Any]) -> None:
    assert "another store" in refusal(verifier, signed(claims(**changed)))


def test_another_key_is_refused(verifier: TokenVerifier) -> None:
    foreign = TokenIssuer(Ed25519PrivateKey.generate(), "store-1").issue(HEAD, HOUR, NOW)
    assert "signature" in refusal(verifier, foreign)


def test_a_changed_payload_is_refused(verifier: TokenVerifier) -> None:
    header, _, signature = ISSUER.issue(HEAD, HOUR, NOW).split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(role="city_group")).encode()).rstrip(b"=").decode()
    assert "signature" in refusal(verifier, f"{header}.{payload}.{signature}")


def test_the_algorithm_is_not_the_tokens_to_choose(verifier: TokenVerifier) -> None:
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        confused = jwt.encode(claims(), public, algorithm="HS256")
    unsigned = jwt.encode(claims(), "", algorithm="none")
    assert "signature" in refusal(verifier, confused)
    assert "signature" in refusal(verifier, unsigned)


def test_memory_is_bounded_and_holds_good_tokens_only() -> None:
    verifier = TokenVerifier(KEY.public_key(), "store-1", remember=2)
    tokens = [ISSUER.issue(HEAD, HOUR, NOW) for _ in range(3)]
    for token in [*tokens, "rubbish"]:
        try:
            verifier.verify(token, NOW)
        except Unauthenticated:
            assert token == "rubbish"
    assert len(verifier._known) == 2
    assert verifier.verify(tokens[0], NOW) == HEAD


def ended_in(path: Path) -> TokenVerifier:
    return TokenVerifier(KEY.public_key(), "store-1", EndedTokens(path))


def test_an_ended_token_stays_ended_also_for_the_next_process(tmp_path: Path) -> None:
    path, token, other = tmp_path / "logins.sqlite", ISSUER.issue(HEAD, HOUR, NOW), ISSUER.issue(HEAD, HOUR, NOW)
    verifier = ended_in(path)
    assert verifier.verify(token, NOW) == HEAD
    verifier.end(token, NOW)
    verifier.end(token, NOW)
    for each in (verifier, ended_in(path)):
        assert "ended" in refusal(each, token)
        assert each.verify(other, NOW) == HEAD


def test_ended_tokens_are_forgotten_when_their_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "logins.sqlite"
    verifier = ended_in(path)
    short, long = (ISSUER.issue(HEAD, hours * HOUR, NOW) for hours in (1, 3))
    verifier.end(short, NOW)
    verifier.end(long, NOW + 2 * HOUR)
    verifier.end(short, NOW + 2 * HOUR)
    assert len(EndedTokens(path)._ended) == len(verifier._ended._ended) == 1  # type: ignore[union-attr]
    assert "ended" in refusal(verifier, long)
    assert "expired" in refusal(verifier, short, NOW + 2 * HOUR)


def test_only_a_token_of_ours_can_be_ended(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated):
        ended_in(tmp_path / "logins.sqlite").end("a.b.c", NOW)
    assert not (tmp_path / "logins.sqlite").exists()


def test_a_list_of_ended_tokens_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "logins.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable):
        EndedTokens(path)
