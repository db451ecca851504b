"""Leases: who does what only one process may do. What Discord was last told of the commands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import MOMENT, key_text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lease",
        sa.Column("name", key_text(100), nullable=False),
        sa.Column("holder", key_text(100), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "discord_state",
        sa.Column("application_id", key_text(32), nullable=False),
        sa.Column("commands", key_text(64), nullable=False),
        sa.Column("synced_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("application_id", name="pk_discord_state"),
    )
