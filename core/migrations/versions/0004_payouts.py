"""Withdrawals, decisions, attempts, freezes, adjustments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.migrations.columns import ID, MOMENT, key_text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    _payout_choice()
    _adjustment()
    _freeze()
    _withdrawal()
    _attempt()
    _decision()
    _draft()


def _payout_choice() -> None:
    op.create_table(
        "payout_choice",
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("method", key_text(64), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("chosen_at", MOMENT, nullable=False),
        sa.Column("wait_from", MOMENT),
        sa.PrimaryKeyConstraint("creator_id", "program", name="pk_payout_choice"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_payout_choice_creator_id_creator"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_payout_choice_program_program"),
    )


def _adjustment() -> None:
    op.create_table(
        "adjustment",
        sa.Column("id", ID, nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_adjustment"),
        sa.CheckConstraint("amount <> 0", name="ck_adjustment_nonzero"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_adjustment_creator_id_creator"),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], name="fk_adjustment_decided_by_person"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_adjustment_program_program"),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name="fk_adjustment_proposed_by_person"),
        sa.UniqueConstraint("program", "creator_id", "number", name="uq_adjustment_program_creator_id_number"),
    )
    op.create_index("ix_adjustment_creator_id", "adjustment", ["creator_id"])


def _freeze() -> None:
    op.create_table(
        "freeze",
        sa.Column("id", ID, nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("frozen_by", sa.BigInteger(), nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=False),
        sa.Column("lifted_by", sa.BigInteger()),
        sa.Column("lifted_at", MOMENT),
        sa.Column("lift_reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_freeze"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_freeze_creator_id_creator"),
        sa.ForeignKeyConstraint(["frozen_by"], ["person.id"], name="fk_freeze_frozen_by_person"),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"], name="fk_freeze_lifted_by_person"),
    )
    op.create_index(
        "uq_freeze_active",
        "freeze",
        ["creator_id"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _withdrawal() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("id", ID, nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("method", key_text(64), nullable=False),
        sa.Column("rail", key_text(56), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("approvals_needed", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("approved_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.String(200), nullable=False),
        sa.Column("arrives_from", sa.Date()),
        sa.Column("arrives_by", sa.Date()),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawal"),
        sa.CheckConstraint("amount > 0 AND amount % 10000 = 0", name="ck_withdrawal_whole_cents"),
        sa.CheckConstraint("fee >= 0 AND fee < amount", name="ck_withdrawal_fee_below_amount"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_withdrawal_creator_id_creator"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_withdrawal_program_program"),
        sa.ForeignKeyConstraint(["requested_by"], ["person.id"], name="fk_withdrawal_requested_by_person"),
        sa.UniqueConstraint("program", "creator_id", "number", name="uq_withdrawal_program_creator_id_number"),
    )
    op.create_index("ix_withdrawal_creator_id", "withdrawal", ["creator_id"])
    op.create_index("ix_withdrawal_state", "withdrawal", ["state"])


def _attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", key_text(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("not_before", MOMENT, nullable=False),
        sa.Column("claimed_until", MOMENT),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawal.id"], name="fk_attempt_withdrawal_id_withdrawal"),
        sa.UniqueConstraint("key", name="uq_attempt_key"),
        sa.UniqueConstraint("withdrawal_id", "number", name="uq_attempt_withdrawal_id_number"),
    )
    op.create_index(
        "uq_attempt_open",
        "attempt",
        ["withdrawal_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('ready', 'calling')"),
        postgresql_where=sa.text("state IN ('ready', 'calling')"),
    )


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("id", ID, nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("surface", sa.String(20), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_decision_person_id_person"),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawal.id"], name="fk_decision_withdrawal_id_withdrawal"),
        sa.UniqueConstraint("withdrawal_id", "person_id", name="uq_decision_withdrawal_id_person_id"),
    )


def _draft() -> None:
    op.create_table(
        "draft",
        sa.Column("token", key_text(64), nullable=False),
        sa.Column("creator_id", key_text(200), nullable=False),
        sa.Column("program", key_text(64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("method", key_text(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token", name="pk_draft"),
        sa.ForeignKeyConstraint(["creator_id"], ["creator.creator_id"], name="fk_draft_creator_id_creator"),
        sa.ForeignKeyConstraint(["program"], ["program.slug"], name="fk_draft_program_program"),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawal.id"], name="fk_draft_withdrawal_id_withdrawal"),
    )
    op.create_index("ix_draft_creator_id", "draft", ["creator_id"])
