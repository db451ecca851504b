"""Accounts, entries, transfers, seals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import ID, MOMENT, append_only, key_text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _account()
    _entry()
    _seal()
    _transfer()


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False, autoincrement=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("role", key_text(80), nullable=False),
        sa.Column("creator", key_text(200), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.CheckConstraint(
            "balance BETWEEN -9000000000000000000 AND 9000000000000000000", name="ck_account_balance_bounded"
        ),
        sa.UniqueConstraint("program", "role", "creator", name="uq_account_program_role_creator"),
    )
    op.create_index("ix_account_creator", "account", ["creator"])


def _entry() -> None:
    op.create_table(
        "entry",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", key_text(400), nullable=False),
        sa.Column("kind", key_text(40), nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
        sa.Column("memo", sa.String(600), nullable=False),
        sa.Column("reverses", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.ForeignKeyConstraint(["reverses"], ["entry.id"], name="fk_entry_reverses_entry"),
        sa.UniqueConstraint("key", name="uq_entry_key"),
    )
    op.create_index(
        "uq_entry_reverses",
        "entry",
        ["reverses"],
        unique=True,
        sqlite_where=sa.text("reverses IS NOT NULL"),
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )
    append_only("entry", [["id"], ["key"], ["reverses"]])


def _seal() -> None:
    op.create_table(
        "seal",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("last_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_seal"),
        sa.ForeignKeyConstraint(["last_entry_id"], ["entry.id"], name="fk_seal_last_entry_id_entry"),
        sa.UniqueConstraint("last_entry_id", name="uq_seal_last_entry_id"),
    )
    append_only("seal", [["number"], ["last_entry_id"]])


def _transfer() -> None:
    op.create_table(
        "transfer",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("debit_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "seq", name="pk_transfer"),
        sa.CheckConstraint("amount > 0 AND amount <= 9000000000000000000", name="ck_transfer_positive"),
        sa.CheckConstraint("debit_id <> credit_id", name="ck_transfer_two_accounts"),
        sa.ForeignKeyConstraint(["credit_id"], ["account.id"], name="fk_transfer_credit_id_account"),
        sa.ForeignKeyConstraint(["debit_id"], ["account.id"], name="fk_transfer_debit_id_account"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_transfer_entry_id_entry"),
        sqlite_with_rowid=False,
    )
    append_only("transfer", [["entry_id", "seq"]])
