"""All checks of all rooms: are the books whole (domain.md, "Ledger")?"""

from __future__ import annotations

from sqlmodel import Session

from core.earnings.checks import earnings_checks
from core.ledger.verify import Check, ledger_checks
from core.payouts.checks import payout_checks


def verify(session: Session, head: str | None = None) -> list[Check]:
    """Look at everything and change nothing; `head` is one from a digest, in full or short. All is well when every
    check is ok; a desk without history is well."""
    return [*ledger_checks(session, head), *earnings_checks(session), *payout_checks(session)]
