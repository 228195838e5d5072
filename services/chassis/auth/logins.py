"""One-time login codes: a link with a code becomes a browser's session, once; and the sessions that were ended.

Both lie in one place (`access_place`): a code made by the command line is redeemed by the process that serves the
pages, whichever it is, and a session that was ended stays so everywhere.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select

from services.chassis.auth.access_place import ENDED_TOKENS, LOGIN_CODES, AccessPlace, place_of
from services.chassis.auth.principals import Principal, Role, require_issuable
from services.chassis.errors import Unauthenticated, Unavailable
from services.chassis.telemetry.logs import logger

log = logger(__name__)

VALID_FOR = timedelta(minutes=15)
LOOK_SECONDS = 1.0
"""How long a session that another process ended may still be good here."""


class LoginCodes:
    """The codes of one city. Any process and thread may use it; each call is one transaction."""

    def __init__(self, place: Path | AccessPlace) -> None:
        self._place = place_of(place)

    def create(self, principal: Principal, now: datetime) -> str:
        """A fresh code (256 random bits, URL-safe) that is good for VALID_FOR; codes past their end are removed.

        Raises InvalidRequest for a principal that may have no token, Unavailable when it can't be written.
        """
        require_issuable(principal)
        code = secrets.token_urlsafe(32)
        row = {
            "hash": _hash(code),
            "account": principal.account,
            "role": principal.role.value,
            "unit": principal.unit,
            "expires_at": (now + VALID_FOR).timestamp(),
        }
        with self._place.opened() as database:
            database.execute(delete(LOGIN_CODES).where(LOGIN_CODES.c.expires_at <= now.timestamp()))
            database.execute(LOGIN_CODES.insert().values(row))
        return code

    def redeem(self, code: str, now: datetime) -> Principal:
        """The principal that the code was made for. One delete takes it, so of several callers one succeeds.

        Raises Unauthenticated (unknown, used, expired) or Unavailable.
        """
        columns = LOGIN_CODES.c
        taken = delete(LOGIN_CODES).where(columns.hash == _hash(code))
        with self._place.opened() as database:
            rows = database.execute(
                taken.returning(columns.account, columns.role, columns.unit, columns.expires_at)
            ).fetchall()
        if not rows or now.timestamp() >= rows[0].expires_at:
            raise Unauthenticated("登录码无效、已使用或已过期", "the login code is unknown, used or expired")
        return Principal(account=rows[0].account, role=Role(rows[0].role), unit=rows[0].unit)


class EndedTokens:
    """Ids of tokens that are good for nothing although their time has not come. Thread-safe.

    To ask costs nothing: the ids are in memory. Those that another process ends are found by looking (`refresh`): where
    several processes serve, `follow` looks every LOOK_SECONDS, on a thread of its own, so that no request waits for it.
    """

    def __init__(self, place: Path | AccessPlace) -> None:
        """Raises Unavailable when it can't be read: whoever is locked out must not come in by that."""
        self._place = place_of(place)
        self._ended: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._follower: threading.Thread | None = None
        if self._place.exists():
            self.refresh()

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._ended

    def add(self, token_id: str, expires_at: float, now: datetime) -> None:
        """Keep it until its own end, durably; those past theirs are removed. Raises Unavailable."""
        at = now.timestamp()
        kept = self._place.insert_or_leave(ENDED_TOKENS).values(id=token_id, expires_at=expires_at)
        with self._lock:
            with self._place.opened() as database:
                database.execute(delete(ENDED_TOKENS).where(ENDED_TOKENS.c.expires_at <= at))
                database.execute(kept)
            self._ended = {known: end for known, end in self._ended.items() if end > at} | {token_id: expires_at}

    def refresh(self) -> None:
        """Know what every process has ended until now. Raises Unavailable; then what was known stays."""
        with self._lock, self._place.opened() as database:
            rows = database.execute(select(ENDED_TOKENS.c.id, ENDED_TOKENS.c.expires_at)).fetchall()
            self._ended = {row.id: row.expires_at for row in rows}

    def follow(self, every: float = LOOK_SECONDS) -> None:
        """Look every so many seconds from now on, until `close`."""
        self._follower = threading.Thread(target=self._follow, args=(every,), name="ended-tokens", daemon=True)
        self._follower.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        if self._follower is not None:
            self._follower.join()

    def _follow(self, every: float) -> None:
        """While the place can't be read nobody can end a session there either, so what is known is all there is."""
        away = False
        while not self._closing.wait(every):
            try:
                self.refresh()
                away = False
            except Unavailable as error:
                if not away:
                    log.warning("ended_sessions_unknown", reason=error.english)
                away = True


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
