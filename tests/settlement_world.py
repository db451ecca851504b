"""What the settlement posted, as its tests read it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import text

from core.earnings.checks import earnings_checks
from core.earnings.tables import ProgramState
from core.ledger.verify import Check, ledger_checks
from tests.earnings_world import World, jan

MORNING = jan(14, 3)
D13 = dt.date(2026, 1, 13)


def balances(world: World, program: str = "studio") -> dict[str, int]:
    """Every account that is not empty, by role and creator."""
    with world.database.reading() as session:
        rows = session.connection().execute(
            text("SELECT role, creator, balance FROM account WHERE balance <> 0 AND program = :p"), {"p": program}
        )
        return {f"{role}:{creator}" if creator else role: int(balance) for role, creator, balance in rows}


def entry(world: World, entry_id: int) -> tuple[str, str, str, list[tuple[str, str, int]]]:
    """An entry's key, kind, memo and its transfers by role, in order."""
    with world.database.reading() as session:
        connection = session.connection()
        key, kind, memo = connection.execute(
            text("SELECT key, kind, memo FROM entry WHERE id = :id"), {"id": entry_id}
        ).one()
        rows = connection.execute(
            text(
                "SELECT d.role, d.creator, c.role, c.creator, t.amount FROM transfer t "
                "JOIN account d ON d.id = t.debit_id JOIN account c ON c.id = t.credit_id "
                "WHERE t.entry_id = :id ORDER BY t.seq"
            ),
            {"id": entry_id},
        )
        return key, kind, memo, [(d + (":" + x if x else ""), c + (":" + y if y else ""), a) for d, x, c, y, a in rows]


def wrong(world: World) -> list[Check]:
    """What any check of the ledger and of earnings finds wrong."""
    with world.database.reading() as session:
        return [check for check in (*ledger_checks(session), *earnings_checks(session)) if not check.ok]


def state(world: World) -> tuple[dt.date | None, dt.datetime | None, int]:
    with world.database.reading() as session:
        row = session.get(ProgramState, "studio")
        assert row is not None
        return row.settled_through, row.settled_at, row.runs
