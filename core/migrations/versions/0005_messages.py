"""What is said unasked, and to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import ID, MOMENT, key_text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    _chat_handle()
    _chat_received()
    _posted_card()
    _outbox_message()
    _person_settings()
    _subscription()


def _posted_card() -> None:
    op.create_table(
        "posted_card",
        sa.Column("subject", key_text(100), nullable=False),
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("workspace", key_text(100), nullable=False),
        sa.Column("channel", key_text(100), nullable=False),
        sa.Column("user_id", key_text(100), nullable=False),
        sa.Column("message_id", key_text(100), nullable=False),
        sa.PrimaryKeyConstraint(
            "subject", "platform", "workspace", "channel", "user_id", "message_id", name="pk_posted_card"
        ),
    )


def _outbox_message() -> None:
    op.create_table(
        "outbox_message",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", key_text(300), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("workspace", key_text(100), nullable=False),
        sa.Column("channel", key_text(100), nullable=False),
        sa.Column("user_id", key_text(100), nullable=False),
        sa.Column("lane", key_text(400), nullable=False),
        sa.Column("person_id", sa.BigInteger()),
        sa.Column("template", sa.String(60), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("subject", key_text(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("not_before", MOMENT, nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(100), nullable=False),
        sa.Column("claimed_until", MOMENT),
        sa.Column("delivered_at", MOMENT),
        sa.Column("error", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_message"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_outbox_message_person_id_person"),
        sa.UniqueConstraint("key", name="uq_outbox_message_key"),
    )
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["not_before"],
        sqlite_where=sa.text("state IN ('waiting', 'claimed', 'unclear')"),
        postgresql_where=sa.text("state IN ('waiting', 'claimed', 'unclear')"),
    )
    op.create_index(
        "ix_outbox_message_lane",
        "outbox_message",
        ["lane", "id"],
        sqlite_where=sa.text("state IN ('waiting', 'claimed', 'unclear')"),
        postgresql_where=sa.text("state IN ('waiting', 'claimed', 'unclear')"),
    )
    op.create_index(
        "ix_outbox_message_late",
        "outbox_message",
        ["person_id"],
        sqlite_where=sa.text("state = 'undeliverable'"),
        postgresql_where=sa.text("state = 'undeliverable'"),
    )
    op.create_index(
        "ix_outbox_message_subject",
        "outbox_message",
        ["subject"],
        sqlite_where=sa.text("subject <> ''"),
        postgresql_where=sa.text("subject <> ''"),
    )


def _person_settings() -> None:
    op.create_table(
        "person_settings",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("digest_hour", sa.BigInteger()),
        sa.Column("alerts", sa.Boolean(), nullable=False),
        sa.Column("public_name", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_person_settings"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_person_settings_person_id_person"),
    )


def _subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("workspace", key_text(100), nullable=False),
        sa.Column("channel", key_text(100), nullable=False),
        sa.Column("topic", key_text(20), nullable=False),
        sa.Column("cadence", sa.String(10), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.String(300), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("platform", "workspace", "channel", "topic", name="pk_subscription"),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"], name="fk_subscription_created_by_person"),
    )


def _chat_handle() -> None:
    op.create_table(
        "chat_handle",
        sa.Column("id", key_text(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_chat_handle"),
    )


def _chat_received() -> None:
    op.create_table(
        "chat_received",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", key_text(20), nullable=False),
        sa.Column("key", key_text(200), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text()),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(100), nullable=False),
        sa.Column("claimed_until", MOMENT),
        sa.Column("done_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_chat_received"),
        sa.UniqueConstraint("platform", "key", name="uq_chat_received_platform_key"),
    )
    op.create_index("ix_chat_received_done_at", "chat_received", ["done_at"])
    op.create_index(
        "ix_chat_received_open",
        "chat_received",
        ["platform", "id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
