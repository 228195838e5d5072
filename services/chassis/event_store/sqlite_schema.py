"""Whether a SQLite store holds the tables and indexes that the migrations make, and nothing else.

SQLite keeps the text of every definition, and the text says all: columns, keys, what happens on a conflict. A test
holds what is due here and what the migrations make together.
"""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, create_engine
from sqlalchemy.engine import Connection

from services.chassis.event_store import schema
from services.chassis.event_store.model import Alteration, Change

_OWN_OF_SQLITE = frozenset({("table", "sqlite_stat1"), ("table", "sqlite_stat4"), ("table", "sqlite_sequence")})
"""Kept by SQLite itself for its planner and for counters; what they hold alters no row. (Its indexes for keys come with
their tables, so they are due.)"""

_LISTED = "SELECT type, name, tbl_name, sql FROM sqlite_master"

Definitions = dict[tuple[str, str], tuple[str, str]]
"""(kind, name) → (table, text)."""


def alterations(connection: Connection) -> list[Alteration]:
    """What differs from a database that was just migrated, in the order of kind and name."""
    due, found = _due(), _definitions(connection)
    changes = {
        **dict.fromkeys(found.keys() - due.keys(), Change.ADDED),
        **dict.fromkeys(due.keys() - found.keys(), Change.REMOVED),
        **{place: Change.ALTERED for place in due.keys() & found.keys() if due[place] != found[place]},
    }
    return [Alteration(kind, name, changes[kind, name]) for kind, name in sorted(changes)]


@cache
def _due() -> Definitions:
    versions = MetaData()
    version = Column("version_num", String(32), nullable=False)
    Table("alembic_version", versions, version, PrimaryKeyConstraint("version_num", name="alembic_version_pkc"))
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        schema.metadata.create_all(connection)
        versions.create_all(connection)
        made = _definitions(connection)
    engine.dispose()
    return made


def _definitions(connection: Connection) -> Definitions:
    rows = connection.exec_driver_sql(_LISTED).fetchall()
    return {
        (kind, name): (table, _plain(text)) for kind, name, table, text in rows if (kind, name) not in _OWN_OF_SQLITE
    }


def _plain(text: str | None) -> str:
    """The text without what another version of the library may write otherwise: white space and quotes of names."""
    spaced = re.sub(r"\s+", " ", (text or "").replace('"', ""))
    return re.sub(r" ?([(),]) ?", r"\1", spaced).strip()
