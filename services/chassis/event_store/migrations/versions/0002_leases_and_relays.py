"""Leases and relays; on PostgreSQL the function that appends a batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.event_store import postgresql_function as function

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("owner_epoch", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "relays",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("owner_epoch", sa.BigInteger, nullable=False),
        sa.Column("topic_id", sa.Text),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE streams SET (fillfactor = 80)")  # room for a head's next version on its own page
        op.execute(sa.text(function.CREATE.replace(":", "\\:")))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(function.DROP)
        op.execute("ALTER TABLE streams RESET (fillfactor)")
    for table in ("relays", "leases"):
        op.drop_table(table)
