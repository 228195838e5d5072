"""Alembic's environment: runs the migrations over the engine it was handed.

On PostgreSQL all of them are one transaction, and of several processes that migrate at once one does it.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy.engine import Connection

from services.chassis.event_store import schema

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('bizenv.migrate.' || current_schema(), 0))"


def _run(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execution_options(isolation_level="READ COMMITTED")
    context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True)
    with context.begin_transaction():
        if postgresql:
            connection.exec_driver_sql(_LOCK)
        context.run_migrations()


with context.config.attributes["engine"].connect() as connected:
    _run(connected)
