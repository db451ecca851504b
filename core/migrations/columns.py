"""What steps are written with. Frozen: a step must do the same for ever, so nothing here may change, only be added."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

# SQLite numbers only "INTEGER PRIMARY KEY" by itself.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def key_text(length: int) -> sa.String:
    """Text compared byte by byte on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def on_postgres() -> bool:
    """Whether the step runs on PostgreSQL."""
    return op.get_bind().dialect.name == "postgresql"


def append_only(table: str, keys: Sequence[Sequence[str]]) -> None:
    """Have the database refuse every change of a table's rows. keys: every set of columns that is unique in it."""
    says = f"'{table} is append-only'"
    if on_postgres():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION {says} USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        for name, when, each in (("append_only", "UPDATE OR DELETE", "ROW"), ("no_truncate", "TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_{name} BEFORE {when} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION {table}_append_only()"
            )
        return
    same_key = " OR ".join(" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)
    for name, when in (
        ("no_update", f"UPDATE ON {table}"),
        ("no_delete", f"DELETE ON {table}"),
        ("no_replace", f"INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same_key})"),
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, {says}); END")
