"""Programs, creators, projects, usage and what was settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import MOMENT, append_only, key_text, on_postgres

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _creator()
    _dirty_day()
    _program()
    _usage_day()
    _usage_event()
    _usage_void()
    _project()
    _settled_day()
    _settlement_line()


def _creator() -> None:
    op.create_table(
        "creator",
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("referred_by", key_text(200)),
        sa.PrimaryKeyConstraint("creator_id", name="pk_creator"),
    )


def _dirty_day() -> None:
    op.create_table(
        "dirty_day",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("program", "day", name="pk_dirty_day"),
    )


def _program() -> None:
    op.create_table(
        "program",
        sa.Column("slug", key_text(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("first_day", sa.Date()),
        sa.Column("settled_through", sa.Date()),
        sa.Column("settled_at", MOMENT),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_program"),
    )


def _usage_day() -> None:
    op.create_table(
        "usage_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("own_credits", sa.BigInteger(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("remixes", sa.BigInteger(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("saves", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "project_id", name="pk_usage_day"),
        sa.CheckConstraint(
            "cost BETWEEN -9000000000000000000 AND 9000000000000000000", name="ck_usage_day_cost_bounded"
        ),
        sa.CheckConstraint(
            "credits BETWEEN -9000000000000000000 AND 9000000000000000000", name="ck_usage_day_credits_bounded"
        ),
        sqlite_with_rowid=False,
    )
    if on_postgres():
        op.create_index("ix_usage_day_project_id_day", "usage_day", ["project_id", "day"])


def _usage_event() -> None:
    op.create_table(
        "usage_event",
        sa.Column("source", key_text(64), nullable=False),
        sa.Column("event_id", key_text(200), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("user_id", key_text(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("voids", key_text(200)),
        sa.PrimaryKeyConstraint("source", "event_id", name="pk_usage_event"),
        sqlite_with_rowid=False,
    )


def _usage_void() -> None:
    op.create_table(
        "usage_void",
        sa.Column("source", key_text(64), nullable=False),
        sa.Column("voids", key_text(200), nullable=False),
        sa.Column("event_id", key_text(200), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "voids", name="pk_usage_void"),
        sqlite_with_rowid=False,
    )


def _project() -> None:
    op.create_table(
        "project",
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("deleted_at", MOMENT),
        sa.PrimaryKeyConstraint("project_id", name="pk_project"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_project_creator_id_creator"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_project_program_program"),
    )
    op.create_index("ix_project_creator_id", "project", ["creator_id"])


def _settled_day() -> None:
    op.create_table(
        "settled_day",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("share", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("costs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program", "day", name="pk_settled_day"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_settled_day_program_program"),
    )


def _settlement_line() -> None:
    op.create_table(
        "settlement_line",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("costs", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("own_credits", sa.BigInteger(), nullable=False),
        sa.Column("share_bp", sa.BigInteger(), nullable=False),
        sa.Column("credits_per_usd", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", "project_id", "entry_id", name="pk_settlement_line"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_settlement_line_entry_id_entry"),
        sqlite_with_rowid=False,
    )
    if on_postgres():
        op.create_index("ix_settlement_line_project_id_day", "settlement_line", ["project_id", "day"])
    append_only("settlement_line", [["day", "project_id", "entry_id"]])
