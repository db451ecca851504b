"""What is said of monthly payouts: the card of a batch, each creator's own message, and of months that changed later.

Set-based: a payout of thousands of creators is told with a few statements, in the processing's own transaction.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Select, and_, case, exists, func, or_, select
from sqlmodel import Session

from core import people
from core.chat import copies, home, outbox
from core.chat.outbox import Draft, Facts
from core.chat.posting import card, repaint
from core.chat.tables import PersonSettings
from core.earnings.facts import SettlementPosted
from core.earnings.periods import month_name
from core.ledger.tables import Account, Transfer
from core.payouts import batches
from core.payouts.facts import BatchApproved, PayoutsProcessed
from core.payouts.tables import BatchSkip, PayoutBatch, Withdrawal
from core.payouts.words import BY_HAND
from core.people import ChatIdentity, Person
from core.storage import table_of

CARDS_OF_TWO = 20  # rows that need two people and get a card of their own; the list has the others
CARDS_TO_PAY = 20  # a batch with more payments by hand has one card for all of them
MONTHS_NAMED = 6

_WITHDRAWAL, _BATCH, _SKIP = table_of(Withdrawal), table_of(PayoutBatch), table_of(BatchSkip)
_PERSON, _IDENTITY, _SETTINGS = table_of(Person), table_of(ChatIdentity), table_of(PersonSettings)
_ACCOUNT, _TRANSFER = table_of(Account), table_of(Transfer)


def payouts_processed(session: Session, fact: PayoutsProcessed) -> None:
    """A card for the batch, and for the largest of those that need two people; a message to every creator concerned."""
    batch = batches.find(session, fact.batch_id)
    if fact.payouts:
        card(session, fact.at, "unasked/batch", f"batch:{fact.batch_id}", {"batch": fact.batch_id}, "approver")
        for one in batches.two_people(session, fact.batch_id, CARDS_OF_TWO):
            about: Facts = {"withdrawal": one.id}
            card(session, fact.at, "unasked/approval", f"withdrawal:{one.id}", about, "approver", {one.requested_by})
    outbox.put_all(session, fact.at, [_coming(fact, row) for row in _to_be_paid(session, fact.batch_id)])
    outbox.put_all(session, fact.at, [_skipped(fact, row) for row in _passed_over(session, fact.batch_id)])
    _reflag(session, fact, batch)
    home.of_program(session, fact.at, fact.program, _staff(session))


def _staff(session: Session) -> set[int]:
    return {one for role in ("approver", "admin") for one in people.with_role(session, role)}


def _told() -> Select[Any]:
    """Persons of creators whom a message can reach, now or at their next command: they had a chat account once."""
    reachable = exists().where(_IDENTITY.c.person_id == _PERSON.c.id)
    return select(_PERSON.c.id.label("person_id")).where(reachable)


def _to_be_paid(session: Session, batch_id: int) -> Iterable[Row[Any]]:
    wants = or_(_SETTINGS.c.alerts.is_(None), _SETTINGS.c.alerts.is_(True))
    statement = (
        _told()
        .add_columns(*_WITHDRAWAL.c)
        .join(_WITHDRAWAL, _WITHDRAWAL.c.creator_id == _PERSON.c.creator_id)
        .outerjoin(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
        .where(_WITHDRAWAL.c.batch_id == batch_id, wants)
        .order_by(_WITHDRAWAL.c.id)
    )
    return session.execute(statement)


def _coming(fact: PayoutsProcessed, row: Row[Any]) -> Draft:
    facts = {
        "program": fact.program,
        "month": month_name(fact.month),
        "withdrawal": row.id,
        "amount": row.amount,
        "fee": row.fee,
        "net": row.amount - row.fee,
        "method": row.method,
        "arrives_from": row.arrives_from.isoformat(),
        "arrives_by": row.arrives_by.isoformat(),
    }
    return Draft(f"withdrawal:{row.id}:coming", "unasked/payout_coming", facts, person_id=row.person_id)


def _passed_over(session: Session, batch_id: int) -> Iterable[Row[Any]]:
    statement = (
        _told()
        .add_columns(_SKIP.c.creator_id, _SKIP.c.available, _SKIP.c.why, _SKIP.c.reason)
        .join(_SKIP, _SKIP.c.creator_id == _PERSON.c.creator_id)
        .where(_SKIP.c.batch_id == batch_id)
        .order_by(_SKIP.c.creator_id)
    )
    return session.execute(statement)


def _skipped(fact: PayoutsProcessed, row: Row[Any]) -> Draft:
    """Told even to those who switched alerts off: they may have to do something."""
    facts = {
        "program": fact.program,
        "month": month_name(fact.month),
        "available": row.available,
        "why": row.why,
        "reason": row.reason,
    }
    key = f"payout-skipped:{fact.batch_id}:{row.person_id}"
    return Draft(key, "unasked/payout_skipped", facts, person_id=row.person_id)


def _reflag(session: Session, fact: PayoutsProcessed, batch: PayoutBatch) -> None:
    """Repaint the cards of requests made before whose creators' balance fell below zero with this, or rose above it."""
    if batch.entry_id is not None:
        change = case((_TRANSFER.c.credit_id == _ACCOUNT.c.id, _TRANSFER.c.amount), else_=-_TRANSFER.c.amount)
        before = _ACCOUNT.c.balance - change
        touched = or_(_TRANSFER.c.credit_id == _ACCOUNT.c.id, _TRANSFER.c.debit_id == _ACCOUNT.c.id)
        other = or_(_WITHDRAWAL.c.batch_id.is_(None), _WITHDRAWAL.c.batch_id != fact.batch_id)
        waiting = and_(_WITHDRAWAL.c.program == fact.program, _WITHDRAWAL.c.state == "requested", other)
        mine = and_(
            _ACCOUNT.c.program == _WITHDRAWAL.c.program,
            _ACCOUNT.c.role == "available",
            _ACCOUNT.c.creator == _WITHDRAWAL.c.creator_id,
        )
        statement = (
            select(_WITHDRAWAL.c.id)
            .join(_ACCOUNT, mine)
            .join(_TRANSFER, and_(_TRANSFER.c.entry_id == batch.entry_id, touched))
            .where(waiting, or_(and_(_ACCOUNT.c.balance < 0, before >= 0), and_(_ACCOUNT.c.balance >= 0, before < 0)))
            .order_by(_WITHDRAWAL.c.id)
        )
        for number in session.execute(statement).scalars().all():
            repaint(session, fact.at, f"withdrawal:{number}", "unasked/approval", {"withdrawal": number})
    for older in batches.undecided(session):
        if older.id is not None and older.id != fact.batch_id and older.program == fact.program:
            repaint_batch(session, fact.at, older.id)


def repaint_batch(session: Session, now: dt.datetime, batch_id: int) -> None:
    """Have every copy of a batch's card drawn anew."""
    repaint(session, now, f"batch:{batch_id}", "unasked/batch", {"batch": batch_id}, often=True)


def batch_approved(session: Session, fact: BatchApproved) -> None:
    """Every copy of the batch's card says how far it is; so does the card of a row that had needed two people."""
    repaint_batch(session, fact.at, fact.batch_id)
    own = {f"withdrawal:{number}": number for number in fact.withdrawal_ids}
    for subject in copies.known(session, own):
        repaint(session, fact.at, subject, "unasked/approval", {"withdrawal": own[subject]})
    batch = batches.find(session, fact.batch_id)
    home.of_program(session, fact.at, batch.program, _staff(session))


def to_pay_together(session: Session, now: dt.datetime, withdrawal: Withdrawal) -> bool:
    """Whether a withdrawal that is paid by hand is one of so many that they have one card for all: it is written with
    the first that is handed over, and drawn anew with every further one and every one that is marked."""
    batch_id = withdrawal.batch_id
    if batch_id is None or withdrawal.rail not in BY_HAND or batches.size(session, batch_id) <= CARDS_TO_PAY:
        return False
    subject, facts = f"batch-to-pay:{batch_id}", {"batch": batch_id}
    if withdrawal.state == "sent":
        card(session, now, "unasked/batch_to_pay", subject, facts, "admin")
    if withdrawal.sent_at is not None:
        repaint(session, now, subject, "unasked/batch_to_pay", facts, often=True)
    return True


def months_changed(session: Session, posted: SettlementPosted) -> None:
    """Tell every creator for whom a run changed what a month had come to when it was closed."""
    amounts: dict[str, Counter[dt.date]] = defaultdict(Counter)
    for change in posted.touched_late:
        amounts[change.creator_id][change.month] += change.amount
    drafts = []
    for row in _persons(session, sorted(amounts)):
        known = amounts[row.creator_id].items()
        changes = sorted(((month, amount) for month, amount in known if amount), reverse=True)
        total = sum(amount for _, amount in changes)
        if changes and (row.alerts or total < 0):  # what was taken back is told to those without alerts, too
            facts = {
                "program": posted.program,
                "changes": [{"month": month_name(month), "amount": amount} for month, amount in changes[:MONTHS_NAMED]],
                "more": max(0, len(changes) - MONTHS_NAMED),
                "total": total,
            }
            key = f"month-changed:{posted.program}:{posted.run}:{row.person_id}"
            drafts.append(Draft(key, "unasked/month_changed", facts, person_id=row.person_id))
    outbox.put_all(session, posted.settled_at, drafts)


def _persons(session: Session, creators: list[str]) -> Iterable[Row[Any]]:
    """(person, creator, alerts) of those whom a message can reach."""
    statement = (
        _told()
        .add_columns(_PERSON.c.creator_id, func.coalesce(_SETTINGS.c.alerts, True).label("alerts"))
        .outerjoin(_SETTINGS, _SETTINGS.c.person_id == _PERSON.c.id)
        .where(_PERSON.c.creator_id.in_(creators))
        .order_by(_PERSON.c.id)
    )
    return session.execute(statement) if creators else ()
