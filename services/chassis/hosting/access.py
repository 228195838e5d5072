"""How a city's tokens and login codes are made and checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.chassis.auth import EndedTokens, LoginCodes, Principal, TokenIssuer, TokenVerifier, signing_key
from services.chassis.auth.access_place import AccessPlace
from services.chassis.auth.keys import TOKEN_KEY
from services.chassis.forms.embedded import LOGINS_FILE


@dataclass(frozen=True)
class Access:
    """How this store's tokens and login codes are made and checked."""

    issuer: TokenIssuer
    verifier: TokenVerifier
    logins: LoginCodes
    ended: EndedTokens

    @classmethod
    def of(cls, data: Path, store_id: str) -> Access:
        """Of a city in this folder, from its own keys, which are made at first use."""
        return cls.at(data / LOGINS_FILE, data / "keys", store_id)

    @classmethod
    def at(cls, place: Path | AccessPlace, keys: Path, store_id: str) -> Access:
        """Of a city whose codes and ended sessions are at this place, from the keys in a folder."""
        key, ended = signing_key(keys, TOKEN_KEY), EndedTokens(place)
        return cls(
            TokenIssuer(key, store_id), TokenVerifier(key.public_key(), store_id, ended), LoginCodes(place), ended
        )

    def token(self, principal: Principal, days: float) -> str:
        return self.issuer.issue(principal, timedelta(days=days), datetime.now(UTC))
