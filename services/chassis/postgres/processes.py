"""Which processes of bizenv have connections to a schema: each connection bears the name of its process."""

from __future__ import annotations

import os
import socket

from sqlalchemy.engine import Connection

MOST = 63
"""PostgreSQL cuts an application's name off behind so many characters."""

_NAMES = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database() ORDER BY 1"


def process_name(host_characters: int | None = None) -> str:
    """This process: its host, whole or cut off behind so many characters, and its number there."""
    return f"{socket.gethostname()[:host_characters]}:{os.getpid()}"


def connection_name(schema: str) -> str:
    """What connections of this process to the schema are called, for those who look at the server."""
    return f"bizenv {process_name(24)} {schema}"[:MOST]


def other_processes(connection: Connection, schema: str) -> list[str]:
    """The names of other processes that are connected to this schema of the same database. Any role may ask. May raise
    SQLAlchemyError."""
    own = connection_name(schema)
    names = connection.exec_driver_sql(_NAMES).scalars()
    return [name.split(" ")[1] for name in names if name != own and _is_ours(name, schema)]


def _is_ours(name: str, schema: str) -> bool:
    parts = name.split(" ")
    return len(parts) == 3 and parts[0] == "bizenv" and parts[2] == schema
