"""Alembic migrations of the event store; `migrate` brings a database to this build's revision."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect

from services.chassis.event_store import schema

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent


def config(engine: Engine) -> Config:
    """An Alembic configuration without a file; the engine travels in its attributes."""
    from alembic.config import Config  # noqa: PLC0415 - slow to load, and most processes migrate nothing

    settings = Config()
    settings.set_main_option("script_location", str(HERE))
    settings.attributes["engine"] = engine
    return settings


def migrate(engine: Engine) -> tuple[str | None, str]:
    """Bring the database to `schema.REVISION`; returns the revisions before and after.

    A database of a newer build is left alone (the caller checks first: `store_info.refuse_newer`).
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    before = current(engine)
    if before != schema.REVISION:
        from alembic import command  # noqa: PLC0415

        command.upgrade(config(engine), schema.REVISION)
    return before, schema.REVISION


def current(engine: Engine) -> str | None:
    """The database's revision; None when it has none of our tables."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return None if found is None else str(found)


def newest(engine: Engine) -> str | None:
    """The newest revision that this build knows of."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return ScriptDirectory.from_config(config(engine)).get_current_head()
