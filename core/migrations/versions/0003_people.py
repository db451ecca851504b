"""Persons, their roles and chat identities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import ID, MOMENT, key_text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    _link_failure()
    _person()
    _chat_identity()
    _link_code()
    _person_role()


def _link_failure() -> None:
    op.create_table(
        "link_failure",
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("workspace", key_text(100), nullable=False),
        sa.Column("user_id", key_text(100), nullable=False),
        sa.Column("wrong", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", MOMENT),
        sa.PrimaryKeyConstraint("platform", "workspace", "user_id", name="pk_link_failure"),
    )


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", key_text(200), nullable=False),
        sa.Column("creator_id", key_text(200)),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_person_creator_id_creator"),
        sa.UniqueConstraint("creator_id", name="uq_person_creator_id"),
        sa.UniqueConstraint("name", name="uq_person_name"),
    )


def _chat_identity() -> None:
    op.create_table(
        "chat_identity",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("workspace", key_text(100), nullable=False),
        sa.Column("user_id", key_text(100), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("linked_at", MOMENT, nullable=False),
        sa.Column("unlinked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_chat_identity"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_chat_identity_person_id_person"),
    )
    op.create_index("ix_chat_identity_person_id", "chat_identity", ["person_id"])
    op.create_index(
        "uq_chat_identity_active",
        "chat_identity",
        ["platform", "workspace", "user_id"],
        unique=True,
        sqlite_where=sa.text("unlinked_at IS NULL"),
        postgresql_where=sa.text("unlinked_at IS NULL"),
    )


def _link_code() -> None:
    op.create_table(
        "link_code",
        sa.Column("code_hash", key_text(64), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("code_hash", name="pk_link_code"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_link_code_person_id_person"),
    )


def _person_role() -> None:
    op.create_table(
        "person_role",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "role", name="pk_person_role"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_person_role_person_id_person"),
    )
