"""Where somebody's direct messages go, when they have accounts on several platforms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import on_postgres

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the choice; nobody has made it yet."""
    # SQLite makes the table anew, so that it reads as the models say.
    with op.batch_alter_table("person_settings", recreate="never" if on_postgres() else "always") as table:
        table.add_column(sa.Column("notices", sa.String(20)))
