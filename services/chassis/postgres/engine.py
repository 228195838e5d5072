"""How every schema of ours on PostgreSQL is reached: link, search path, waits and the number of connections."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url

from services.chassis.postgres.processes import connection_name

LINK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "client_encoding": "utf8",
}
"""For libpq: seconds, and milliseconds for the last time. A server that vanished is noticed within 25 seconds."""

KEPT_CONNECTIONS = 5
"""So many stay open; the others end when they are not needed."""

LOCK_MILLISECONDS = 10_000
"""How long a statement waits for another one's lock before it gives up."""

IDLE_MILLISECONDS = 15_000
"""After so long between two statements of a transaction the server ends the connection: a process that stands still
would else keep others from its locks for as long as it does. Far longer than any of ours takes over its next step."""

SERVER_LINK = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""For the server's end, in seconds: a machine that vanished holds its locks for 25 seconds, not the usual two hours."""

UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
"""First in a transaction that only reads, and works through what it has read: it keeps nobody waiting."""


def schema_engine(url: str | URL, schema: str, pool: int, **settings: Any) -> Engine:
    """An engine for one schema. `url`: postgresql://user:password@host:port/database; `pool`: the most connections at
    a time; `settings`: more of SQLAlchemy's."""
    options = {
        "search_path": schema,
        "default_transaction_isolation": r"read\ committed",
        "lock_timeout": LOCK_MILLISECONDS,
        "idle_in_transaction_session_timeout": IDLE_MILLISECONDS,
        **SERVER_LINK,
        "timezone": "UTC",
    }
    link = {
        **LINK,
        "application_name": connection_name(schema),
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }
    kept = min(pool, KEPT_CONNECTIONS)
    address = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(address, pool_size=kept, max_overflow=pool - kept, connect_args=link, **settings)
