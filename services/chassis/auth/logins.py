"""One-time login codes: a link with a code becomes a browser's session, once; and the sessions that were ended.

Both lie in one small SQLite file in the data folder: a code made by the command line is redeemed by the process that
serves the pages, and a session that was ended stays so after a restart. Only a code's SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from services.chassis.auth.principals import Principal, Role, require_issuable
from services.chassis.errors import Unauthenticated, Unavailable

VALID_FOR = timedelta(minutes=15)
_BUSY_SECONDS = 5.0
_SCHEMA = """
create table if not exists login_codes (
    hash blob primary key, account text not null, role text not null, unit text, expires_at real not null
) without rowid;
create table if not exists ended_tokens (id text primary key, expires_at real not null) without rowid;
"""


class LoginCodes:
    """The codes of one data folder. Any process and thread may use it; each call opens the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, principal: Principal, now: datetime) -> str:
        """A fresh code (256 random bits, URL-safe) that is good for VALID_FOR; codes past their end are removed.

        Raises InvalidRequest for a principal that may have no token, Unavailable when the file can't be written.
        """
        require_issuable(principal)
        code = secrets.token_urlsafe(32)
        row = (_hash(code), principal.account, principal.role.value, principal.unit, (now + VALID_FOR).timestamp())
        with _opened(self._path) as database:
            database.execute("delete from login_codes where expires_at <= ?", (now.timestamp(),))
            database.execute("insert into login_codes values (?, ?, ?, ?, ?)", row)
        return code

    def redeem(self, code: str, now: datetime) -> Principal:
        """The principal that the code was made for. One delete takes it, so of several callers one succeeds.

        Raises Unauthenticated (unknown, used, expired) or Unavailable.
        """
        taken = "delete from login_codes where hash = ? returning account, role, unit, expires_at"
        with _opened(self._path) as database:
            rows = database.execute(taken, (_hash(code),)).fetchall()
        if not rows or now.timestamp() >= rows[0][3]:
            raise Unauthenticated("登录码无效、已使用或已过期", "the login code is unknown, used or expired")
        account, role, unit, _ = rows[0]
        return Principal(account=account, role=Role(role), unit=unit)


class EndedTokens:
    """Ids of tokens that are good for nothing although their time has not come. One process ends tokens; those that it
    ends while another has them open are known to that one after its next start. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable when the file can't be read: whoever is locked out must not come in by that."""
        self._path = path
        self._ended: dict[str, float] = {}
        self._lock = threading.Lock()
        if path.exists():
            with _opened(path) as database:
                self._ended = dict(database.execute("select id, expires_at from ended_tokens"))

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._ended

    def add(self, token_id: str, expires_at: float, now: datetime) -> None:
        """Keep it until its own end, durably; those past theirs are removed. Raises Unavailable."""
        at = now.timestamp()
        with self._lock, _opened(self._path) as database:
            database.execute("delete from ended_tokens where expires_at <= ?", (at,))
            database.execute("insert or ignore into ended_tokens values (?, ?)", (token_id, expires_at))
            self._ended = {known: end for known, end in self._ended.items() if end > at} | {token_id: expires_at}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
            database.executescript(_SCHEMA)
            yield database
    except (OSError, sqlite3.Error) as error:
        raise Unavailable("登录记录暂时无法使用", f"the records of logins are not available: {error}") from error


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
