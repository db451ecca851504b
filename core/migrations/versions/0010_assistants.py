"""Program kind `assistants`: messages and their roll-ups, prices, payments, what months came to, monthly payouts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import ID, MOMENT, append_only, key_text

revision = "0010"
down_revision = "0009"

_WHOLE = ("messages", "ratings", "tokens", "embed_tokens", "own_tokens")


def upgrade() -> None:
    """Make the tables and widen those of usage and settlement."""
    _widen()
    _money_in()
    _months()
    _visits()
    _payouts()


def _widen() -> None:
    # Plain ADD COLUMN: rows stay where they are, and SQLite keeps its triggers.
    op.add_column("program", sa.Column("processed_month", sa.Date()))
    for name, kind in (
        ("tokens", sa.BigInteger()),
        ("channel", sa.String(20)),
        ("conversation_id", key_text(200)),
        ("question", sa.Text()),
        ("shared_context", sa.Text()),
        ("stars", sa.BigInteger()),
        ("review", sa.Text()),
    ):
        op.add_column("usage_event", sa.Column(name, kind))
    for name in _WHOLE:
        op.add_column("usage_day", _zero(name))
    for name in ("tokens", "own_tokens", "price"):
        op.add_column("settlement_line", _zero(name))
    op.add_column("settlement_line", sa.Column("bucket", sa.Date()))


def _zero(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _money_in() -> None:
    op.create_table(
        "project_price",
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("price_from", sa.Date(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "price_from", name="pk_project_price"),
        sa.ForeignKeyConstraint(["project_id"], ["project.project_id"], name="fk_project_price_project_id_project"),
        sa.CheckConstraint("price >= 0", name="ck_project_price_not_negative"),
    )
    op.create_table(
        "payment",
        sa.Column("source", key_text(64), nullable=False),
        sa.Column("payment_id", key_text(200), nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("paid_at", MOMENT, nullable=False),
        sa.Column("user_id", key_text(200), nullable=False),
        sa.Column("plan", sa.String(200), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date()),
        sa.Column("referrer_id", key_text(200)),
        sa.Column("voids", key_text(200)),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "payment_id", name="pk_payment"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_payment_program_program"),
    )
    op.create_index("ix_payment_month_user_id", "payment", ["month", "user_id"])
    op.create_index("ix_payment_referrer_id_month", "payment", ["referrer_id", "month"])
    op.create_table(
        "payment_void",
        sa.Column("source", key_text(64), nullable=False),
        sa.Column("voids", key_text(200), nullable=False),
        sa.Column("payment_id", key_text(200), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "voids", name="pk_payment_void"),
    )
    op.create_table(
        "month_use",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("user_id", key_text(200), nullable=False),
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("month", "user_id", "project_id", name="pk_month_use"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_month_use_project_id_month", "month_use", ["project_id", "month"])
    op.create_table(
        "dirty_month",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("program", "month", name="pk_dirty_month"),
    )


def _months() -> None:
    op.create_table(
        "month_line",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("project_id", key_text(200), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in ("seq", "share", "gross", "tokens", "share_bp")],
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("bucket", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("month", "project_id", "entry_id", name="pk_month_line"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_month_line_entry_id_entry"),
    )
    op.create_index("ix_month_line_project_id", "month_line", ["project_id"])
    append_only("month_line", [["month", "project_id", "entry_id"]])
    op.create_table(
        "referral_line",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in ("seq", "amount", "paid", "referral_bp")],
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("bucket", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("program", "month", "creator_id", "entry_id", name="pk_referral_line"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_referral_line_entry_id_entry"),
    )
    op.create_index("ix_referral_line_creator_id", "referral_line", ["creator_id"])
    append_only("referral_line", [["program", "month", "creator_id", "entry_id"]])
    op.create_table(
        "month_total",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in ("payments", "gross", "share", "referral")],
        sa.PrimaryKeyConstraint("program", "month", "entry_id", name="pk_month_total"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_month_total_program_program"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_month_total_entry_id_entry"),
    )
    append_only("month_total", [["program", "month", "entry_id"]])
    op.create_table(
        "pending_month",
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program", "creator_id", "month", name="pk_pending_month"),
        sqlite_with_rowid=False,
    )


def _visits() -> None:
    project, day, user = ("project_id", key_text(200)), ("day", sa.Date()), ("user_id", key_text(200))
    tables: dict[str, tuple[list[tuple[str, sa.types.TypeEngine[Any]]], list[str]]] = {
        "visit": (
            [
                project,
                day,
                ("slot", sa.SmallInteger()),
                ("embed", sa.Boolean()),
                user,
                ("conversation_id", key_text(200)),
                ("messages", sa.BigInteger()),
                ("tokens", sa.BigInteger()),
            ],
            ["project_id", "day", "slot", "embed", "user_id", "conversation_id"],
        ),
        "question": (
            [project, day, ("text", key_text(200)), user, ("asked", sa.BigInteger())],
            ["project_id", "day", "text", "user_id"],
        ),
        "shared_context": (
            [project, day, user, ("context", key_text(200)), ("messages", sa.BigInteger())],
            ["project_id", "day", "user_id", "context"],
        ),
        "rating": (
            [
                project,
                day,
                ("source", key_text(64)),
                ("event_id", key_text(200)),
                user,
                ("stars", sa.SmallInteger()),
                ("review", sa.Text()),
            ],
            ["project_id", "day", "source", "event_id"],
        ),
    }
    for table, (columns, key) in tables.items():
        op.create_table(
            table,
            *[sa.Column(name, kind, nullable=False) for name, kind in columns],
            sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )


def _payouts() -> None:
    op.create_table(
        "payout_batch",
        sa.Column("id", ID, nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("processed_at", MOMENT, nullable=False),
        sa.Column("entry_id", sa.BigInteger()),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payout_batch"),
        sa.UniqueConstraint("program", "month", name="uq_payout_batch_program_month"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_payout_batch_program_program"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_payout_batch_entry_id_entry"),
    )
    op.create_table(
        "batch_skip",
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "creator_id", name="pk_batch_skip"),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batch.id"], name="fk_batch_skip_batch_id_payout_batch"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_batch_skip_creator_id_creator"),
    )
    op.add_column("withdrawal", sa.Column("batch_id", sa.BigInteger()))
    op.create_index("ix_withdrawal_batch_id", "withdrawal", ["batch_id"])
