"""One-time login codes: a link with a code becomes a browser's session, once.

They lie in a small SQLite file in the data folder, so that a code made by the command line is redeemed by the
process that serves the pages. Only a code's SHA-256 is stored.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from services.chassis.auth.principals import Principal, Role, require_issuable
from services.chassis.errors import Unauthenticated, Unavailable

VALID_FOR = timedelta(minutes=15)
_BUSY_SECONDS = 5.0
_SCHEMA = """create table if not exists login_codes (
    hash blob primary key, account text not null, role text not null, unit text, expires_at real not null
) without rowid"""


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
        with self._open() as database:
            database.execute("delete from login_codes where expires_at <= ?", (now.timestamp(),))
            database.execute("insert into login_codes values (?, ?, ?, ?, ?)", row)
        return code

    def redeem(self, code: str, now: datetime) -> Principal:
        """The principal that the code was made for. One delete takes it, so of several callers one succeeds.

        Raises Unauthenticated (unknown, used, expired) or Unavailable.
        """
        taken = "delete from login_codes where hash = ? returning account, role, unit, expires_at"
        with self._open() as database:
            rows = database.execute(taken, (_hash(code),)).fetchall()
        if not rows or now.timestamp() >= rows[0][3]:
            raise Unauthenticated("登录码无效、已使用或已过期", "the login code is unknown, used or expired")
        account, role, unit, _ = rows[0]
        return Principal(account=account, role=Role(role), unit=unit)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
                database.execute(_SCHEMA)
                yield database
        except (OSError, sqlite3.Error) as error:
            raise Unavailable("登录码暂时无法使用", f"login codes are not available: {error}") from error


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
