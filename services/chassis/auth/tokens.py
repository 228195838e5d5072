"""Tokens: JWTs signed with Ed25519 by a store's own key, for that store only. Always in real time.

Claims: iss, sub (account), role, unit, iat, exp (whole seconds), jti, aud (the store's id).
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.chassis.auth.logins import EndedTokens
from services.chassis.auth.principals import UNIT_ROLES, Principal, Role, require_issuable
from services.chassis.errors import Unauthenticated

ISSUER = "bizenv"
_ALGORITHM = "EdDSA"
_MAX_TOKEN_CHARACTERS = 4096
_REQUIRED = ["iss", "sub", "aud", "iat", "exp", "jti"]


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    role: Role
    exp: int
    jti: str
    unit: str | None = None


_Known = tuple[Principal, int, str]
"""Whom a token stands for, until when (seconds since 1970), and its id."""


class TokenIssuer:
    """Signs tokens for the store `store` (its id)."""

    def __init__(self, key: Ed25519PrivateKey, store: str) -> None:
        self._key = key
        self._store = store

    def issue(self, principal: Principal, valid_for: timedelta, now: datetime) -> str:
        """A token for the principal; raises InvalidRequest for the system role or a unit role without a unit."""
        require_issuable(principal)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": principal.account,
            "aud": self._store,
            "role": principal.role.value,
            "unit": principal.unit,
            "iat": int(now.timestamp()),
            "exp": int((now + valid_for).timestamp()),
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)


class TokenVerifier:
    """Says whom a token stands for. Thread-safe.

    A signature costs some 0.1 ms to check, so the last `remember` good tokens are kept with their end;
    bad ones are never kept and can push nothing out.
    """

    def __init__(
        self, key: Ed25519PublicKey, store: str, ended: EndedTokens | None = None, remember: int = 4096
    ) -> None:
        self._key = key
        self._store = store
        self._ended = ended
        self._remember = remember
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str | None, now: datetime) -> Principal:
        """The principal of a valid token; raises Unauthenticated with the reason."""
        if not token:
            raise Unauthenticated("缺少访问令牌,请先登录", "no access token was given")
        principal, expires, token_id = self._recall(token) or self._examine(token)
        if self._ended is not None and token_id in self._ended:
            self._forget(token)
            raise Unauthenticated("已退出登录,请重新登录", "the session of this access token was ended")
        if now.timestamp() >= expires:
            self._forget(token)
            raise Unauthenticated("访问令牌已过期,请重新登录", "the access token has expired")
        return principal

    def end(self, token: str, now: datetime) -> None:
        """Let this token be good for nothing from now on, whoever has a copy. Raises Unauthenticated (it never was
        good) or Unavailable; takes a disk write."""
        claims = self._claims(token)
        if self._ended is not None and now.timestamp() < claims.exp:
            self._ended.add(claims.jti, claims.exp, now)
        self._forget(token)

    def _recall(self, token: str) -> _Known | None:
        with self._lock:
            found = self._known.get(token)
            if found is not None:
                self._known.move_to_end(token)
            return found

    def _forget(self, token: str) -> None:
        with self._lock:
            self._known.pop(token, None)

    def _examine(self, token: str) -> _Known:
        claims = self._claims(token)
        found = (Principal(account=claims.sub, role=claims.role, unit=claims.unit), claims.exp, claims.jti)
        with self._lock:
            self._known[token] = found
            while len(self._known) > self._remember:
                self._known.popitem(last=False)
        return found

    def _claims(self, token: str) -> _Claims:
        try:
            claims = msgspec.convert(self._payload(token), _Claims)
        except msgspec.ValidationError as error:
            raise _malformed() from error
        if claims.role is Role.SYSTEM or (claims.role in UNIT_ROLES and claims.unit is None):
            raise _malformed()
        return claims

    def _payload(self, token: str) -> dict[str, Any]:
        """The signed claims. The one algorithm is ours to name, never the token's; `exp` is judged by our clock."""
        if len(token) > _MAX_TOKEN_CHARACTERS or not token.isascii():
            raise _malformed()
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._store,
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError) as error:
            raise Unauthenticated("访问令牌的签名无效", "the access token's signature is not ours") from error
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
            raise Unauthenticated("访问令牌属于另一个库", "the access token is for another store") from error
        except jwt.InvalidTokenError as error:
            raise _malformed() from error


def _malformed() -> Unauthenticated:
    return Unauthenticated("访问令牌格式不对", "the access token is malformed")
