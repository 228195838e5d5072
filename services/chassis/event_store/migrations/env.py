"""Alembic's environment: runs the migrations over the engine it was handed."""

from __future__ import annotations

from alembic import context

from services.chassis.event_store import schema

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=schema.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
