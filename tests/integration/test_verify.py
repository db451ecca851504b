"""`verify`: all checks of all rooms together."""

from __future__ import annotations

from sqlalchemy import text

from core.ledger import seal
from core.storage import Database
from core.verify import verify
from tests.ledger_world import fill
from tests.tamper import unprotected


def test_an_empty_desk_is_well(database: Database) -> None:
    """A desk without history passes the checks of the ledger, of earnings and of payouts."""
    with database.reading() as session:
        checks = verify(session)
    assert [check.name for check in checks if not check.ok] == []
    names = [check.name for check in checks]
    assert names[:8] == ["accounts", "references", "entries", "amounts", "reversals", "balances", "zero sum", "seals"]
    assert len(names) > 10
    assert len(set(names)) == len(names)


def test_looks_for_a_head(database: Database) -> None:
    """A head is looked for when one is given, and only then."""
    with database.transaction() as session:
        fill(session, 4)
        head = seal.head(session)
    with database.reading() as session:
        found = {check.name: check.ok for check in verify(session, head)}
        assert found["head in the chain of seals"]
        assert "head in the chain of seals" not in {check.name for check in verify(session)}
        assert not {check.name: check.ok for check in verify(session, "0" * 64)}["head in the chain of seals"]


def test_finds_what_is_wrong(database: Database) -> None:
    """A balance that was tampered with is found through the whole."""
    with database.transaction() as session:
        fill(session, 4)
    with unprotected(database) as session:
        session.connection().execute(text("UPDATE account SET balance = balance + 1 WHERE role = 'usage'"))
        wrong = {check.name for check in verify(session) if not check.ok}
        assert {"balances", "zero sum"} <= wrong
