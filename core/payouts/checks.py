"""Checks of payouts: wallets against withdrawals, withdrawals against the ledger, states against what was decided.

Each is its own function, set-based, and names what is wrong where (domain.md, "Ledger", `verify`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from core.ledger.accounts import RAIL
from core.ledger.money import decimal_text
from core.ledger.tables import Account, Entry, Transfer
from core.ledger.verify import MOST_SHOWN, Check, Finding, run
from core.payouts import checks_batches
from core.payouts.adjustments import KIND as ADJUSTED
from core.payouts.tables import OPEN_STATES, Adjustment, Attempt, Decision, Draft, Withdrawal
from core.payouts.transitions import PAID, REQUEST
from core.people import Person
from core.storage import table_of

_WITHDRAWAL = table_of(Withdrawal)
_ADJUSTMENT = table_of(Adjustment)
_DECISION = table_of(Decision)
_ATTEMPT = table_of(Attempt)
_ACCOUNT = table_of(Account)
_ENTRY = table_of(Entry)
_TRANSFER = table_of(Transfer)
_PERSON = table_of(Person)
_DRAFT = table_of(Draft)

BACK = ("rejected", "cancelled", "failed", "returned")  # the whole amount is available again
_APPROVED = ("approved", "sending", "sent", "paid", "returned")


def payout_checks(session: Session) -> list[Check]:
    """Every check of payouts."""
    return [run(session, name, find) for name, find in CHECKS]


def _reserved(session: Session) -> tuple[list[str], str]:
    """Each wallet's reserved balance is the sum of its open withdrawals."""
    reserved = select(_ACCOUNT.c.program, _ACCOUNT.c.creator, _ACCOUNT.c.balance.label("amount"))
    open_ones = select(_WITHDRAWAL.c.program, _WITHDRAWAL.c.creator_id, -_WITHDRAWAL.c.amount)
    wrong = [
        f"{row.program}:reserved:{row.creator} holds {_signed(row.off)} than its open withdrawals"
        for row in _differences(
            session,
            reserved.where(_ACCOUNT.c.role == "reserved"),
            open_ones.where(_WITHDRAWAL.c.state.in_(OPEN_STATES)),
        )
    ]
    return wrong, f"{_count(session, _WITHDRAWAL.c.state.in_(OPEN_STATES))} open withdrawals are reserved"


def _paid(session: Session) -> tuple[list[str], str]:
    """Each rail's account holds the net of what was paid through it, and each program's fees the fees."""
    held = select(_ACCOUNT.c.program, _ACCOUNT.c.role, _ACCOUNT.c.balance.label("amount"))
    paid = _WITHDRAWAL.c.state == "paid"
    rail = literal(RAIL, String).concat(_WITHDRAWAL.c.rail)
    nets = select(_WITHDRAWAL.c.program, rail, _WITHDRAWAL.c.fee - _WITHDRAWAL.c.amount).where(paid)
    fees = select(_WITHDRAWAL.c.program, literal("fees", String), -_WITHDRAWAL.c.fee).where(paid)
    ours = or_(_ACCOUNT.c.role == "fees", _ACCOUNT.c.role.startswith(RAIL, autoescape=True))
    wrong = [
        f"{row.program}:{row.role} holds {_signed(row.off)} than the paid withdrawals say"
        for row in _differences(session, held.where(ours), nets, fees)
    ]
    return wrong, f"{_count(session, paid)} paid withdrawals are with their rails"


def _adjusted(session: Session) -> tuple[list[str], str]:
    """Each program's adjustments account mirrors its approved adjustments."""
    held = select(_ACCOUNT.c.program, _ACCOUNT.c.role, _ACCOUNT.c.balance.label("amount"))
    approved = _ADJUSTMENT.c.state == "approved"
    sums = select(_ADJUSTMENT.c.program, literal("adjustments", String), _ADJUSTMENT.c.amount).where(approved)
    wrong = [
        f"{row.program}:adjustments holds {_signed(row.off)} than the approved adjustments say"
        for row in _differences(session, held.where(_ACCOUNT.c.role == "adjustments"), sums)
    ]
    count = session.execute(select(func.count()).select_from(_ADJUSTMENT).where(approved)).scalar_one()
    return wrong, f"{count} adjustments are in the books"


def _differences(session: Session, held: Select[Any], *told: Select[Any]) -> Sequence[Row[Any]]:
    """Where what accounts hold, less what the rows tell, is not zero; the columns are named as `held` names them."""
    both = union_all(held, *told).subquery()
    first, second, amount = both.c
    off = func.sum(amount)
    statement = select(first, second, off.label("off")).group_by(first, second).having(off != 0)
    return session.execute(statement.order_by(first, second).limit(MOST_SHOWN + 1)).all()


def _key(kind: str, table: Table, step: str = "") -> ColumnElement[str]:
    """A ledger entry's key as `entry_key` writes it."""
    start = literal(f"{kind}:", String).concat(table.c.program).concat(":").concat(table.c.creator_id)
    return start.concat(":").concat(cast(table.c.number, String)).concat(step)


def _step(step: str) -> ColumnElement[str]:
    return _key("withdrawal", _WITHDRAWAL, f":{step}")


def _entries(session: Session) -> tuple[list[str], str]:
    """Each withdrawal has exactly the ledger entries of its life, with its amount; and there are no others."""
    request, paid = _ENTRY.alias("request"), _ENTRY.alias("paid")
    back, unpaid = _ENTRY.alias("back"), _ENTRY.alias("unpaid")
    moved = (
        select(func.coalesce(func.sum(_TRANSFER.c.amount), 0))
        .where(_TRANSFER.c.entry_id == request.c.id)
        .scalar_subquery()
    )
    state = _WITHDRAWAL.c.state
    wanted = (
        request.c.id.is_not(None),
        moved == _WITHDRAWAL.c.amount,
        _same(back.c.id.is_not(None), state.in_(BACK)),
        _same(paid.c.id.is_not(None), state.in_(("paid", "returned"))),
        _same(unpaid.c.id.is_not(None), state == "returned"),
    )
    statement = (
        select(_WITHDRAWAL.c.id, state)
        .outerjoin(request, and_(request.c.key == _step("request"), request.c.kind == REQUEST))
        .outerjoin(back, back.c.reverses == request.c.id)
        .outerjoin(paid, and_(paid.c.key == _step("paid"), paid.c.kind == PAID))
        .outerjoin(unpaid, unpaid.c.reverses == paid.c.id)
        .where(not_(and_(*wanted)))
        .order_by(_WITHDRAWAL.c.id)
    )
    wrong = [f"WD-{row.id} is {row.state}, but its ledger entries say otherwise" for row in _some(session, statement)]
    wrong += [f"entry {row.id} ({row.key}) belongs to no withdrawal" for row in _strays(session)]
    count = select(func.count()).select_from(_ENTRY).where(_ENTRY.c.kind.in_((REQUEST, PAID)))
    return wrong, f"{session.execute(count).scalar_one()} entries tell the lives of {_count(session)} withdrawals"


def _strays(session: Session) -> Sequence[Row[Any]]:
    # Not a subquery for each entry: months of payouts have tens of thousands of both.
    known = union_all(*(select(_step(step)) for step in ("request", "paid")))
    first = and_(_ENTRY.c.kind.in_((REQUEST, PAID)), _ENTRY.c.reverses.is_(None))
    strays = select(_ENTRY.c.id, _ENTRY.c.key).where(first, _ENTRY.c.key.not_in(known))
    return _some(session, strays.order_by(_ENTRY.c.id))


def _adjustment_entries(session: Session) -> tuple[list[str], str]:
    """Each approved adjustment has its ledger entry with its amount and reason, no other has one, and there are no
    others."""
    key = _key("adjustment", _ADJUSTMENT)
    moved = (
        select(func.coalesce(func.sum(_TRANSFER.c.amount), 0))
        .where(_TRANSFER.c.entry_id == _ENTRY.c.id)
        .correlate(_ENTRY)
        .scalar_subquery()
    )
    approved = _ADJUSTMENT.c.state == "approved"
    said = and_(moved == func.abs(_ADJUSTMENT.c.amount), _ENTRY.c.memo == _ADJUSTMENT.c.reason)
    fits = _same(and_(_ENTRY.c.id.is_not(None), said), approved)
    people = _same(approved, and_(_ADJUSTMENT.c.decided_by != _ADJUSTMENT.c.proposed_by, approved))
    statement = (
        select(_ADJUSTMENT.c.id, _ADJUSTMENT.c.state)
        .outerjoin(_ENTRY, and_(_ENTRY.c.key == key, _ENTRY.c.kind == ADJUSTED))
        .where(not_(and_(fits, func.coalesce(people, False))))
        .order_by(_ADJUSTMENT.c.id)
    )
    wrong = [f"adjustment {row.id} is {row.state}, but the ledger says otherwise" for row in _some(session, statement)]
    known = select(_ADJUSTMENT.c.id).where(key == _ENTRY.c.key).exists()
    strays = select(_ENTRY.c.id, _ENTRY.c.key).where(_ENTRY.c.kind == ADJUSTED, ~known).order_by(_ENTRY.c.id)
    wrong += [f"entry {row.id} ({row.key}) belongs to no adjustment" for row in _some(session, strays)]
    return wrong, "two people stand behind each adjustment"


def _said(verdict: str) -> ColumnElement[int]:
    said = and_(_DECISION.c.withdrawal_id == _WITHDRAWAL.c.id, _DECISION.c.verdict == verdict)
    return select(func.count()).select_from(_DECISION).where(said).correlate(_WITHDRAWAL).scalar_subquery()


def _decided(session: Session) -> tuple[list[str], str]:
    """Each withdrawal beyond `requested` has the approvals it needs, each rejected one its rejection; nobody decided
    their own."""
    state, approvals, rejections = _WITHDRAWAL.c.state, _said("approve"), _said("reject")
    wanted = (
        or_(state.not_in(_APPROVED), approvals >= _WITHDRAWAL.c.approvals_needed),
        rejections == case((state == "rejected", 1), else_=0),
        _same(_WITHDRAWAL.c.approved_at.is_not(None), or_(state.in_(_APPROVED), _sent_once())),
    )
    statement = select(_WITHDRAWAL.c.id, state).where(not_(and_(*wanted))).order_by(_WITHDRAWAL.c.id)
    wrong = [f"WD-{row.id} is {row.state}, but that was not decided so" for row in _some(session, statement)]
    own = (
        select(_WITHDRAWAL.c.id, _PERSON.c.name)
        .join(_DECISION, _DECISION.c.withdrawal_id == _WITHDRAWAL.c.id)
        .join(_PERSON, _PERSON.c.id == _DECISION.c.person_id)
        .where(or_(_PERSON.c.id == _WITHDRAWAL.c.requested_by, _PERSON.c.creator_id == _WITHDRAWAL.c.creator_id))
        .order_by(_WITHDRAWAL.c.id)
    )
    wrong += [f"WD-{row.id} was decided by {row.name}, whose own it is" for row in _some(session, own)]
    return wrong, "every decision was made by those who may"


def _sent_once() -> ColumnElement[bool]:
    """A failed or cancelled one may have been approved before; its attempt says so."""
    tried = select(_ATTEMPT.c.id).where(_ATTEMPT.c.withdrawal_id == _WITHDRAWAL.c.id).correlate(_WITHDRAWAL).exists()
    return and_(_WITHDRAWAL.c.state.in_(("failed", "cancelled")), tried)


_ATTEMPT_OF = {
    "requested": (),
    "approved": ("ready",),
    "sending": ("ready", "calling"),
    "sent": ("sent",),
    "paid": ("sent",),
    "returned": ("sent",),
    "rejected": (),
    "cancelled": ("failed",),
    "failed": ("sent", "failed"),
}


def _attempted(session: Session) -> tuple[list[str], str]:
    """Each withdrawal's last attempt is in the state that the withdrawal's own state implies."""
    last = select(_ATTEMPT.c.withdrawal_id, func.max(_ATTEMPT.c.number).label("number")).group_by(
        _ATTEMPT.c.withdrawal_id
    )
    newest = last.subquery()
    statement = (
        select(_WITHDRAWAL.c.id, _WITHDRAWAL.c.state, _ATTEMPT.c.state.label("attempt"))
        .outerjoin(newest, newest.c.withdrawal_id == _WITHDRAWAL.c.id)
        .outerjoin(
            _ATTEMPT,
            and_(_ATTEMPT.c.withdrawal_id == newest.c.withdrawal_id, _ATTEMPT.c.number == newest.c.number),
        )
        .where(not_(or_(*(_fits(state, attempts) for state, attempts in _ATTEMPT_OF.items()))))
        .order_by(_WITHDRAWAL.c.id)
    )
    wrong = [
        f"WD-{row.id} is {row.state}, but its last attempt is {row.attempt or 'missing'}"
        for row in _some(session, statement)
    ]
    count = session.execute(select(func.count()).select_from(_ATTEMPT)).scalar_one()
    return wrong, f"{count} attempts"


def _fits(state: str, attempts: tuple[str, ...]) -> ColumnElement[bool]:
    """A withdrawal in a state whose last attempt may be in these; none given, or cancelled early: no attempt at all."""
    found = func.coalesce(_ATTEMPT.c.state, "")
    allowed = attempts if attempts and state != "cancelled" else (*attempts, "")
    return and_(_WITHDRAWAL.c.state == state, found.in_(allowed))


def _confirmed(session: Session) -> tuple[list[str], str]:
    """No draft was confirmed into somebody else's withdrawal or one of another amount."""
    differs = or_(
        _DRAFT.c.creator_id != _WITHDRAWAL.c.creator_id,
        _DRAFT.c.program != _WITHDRAWAL.c.program,
        _DRAFT.c.amount != _WITHDRAWAL.c.amount,
        _DRAFT.c.fee != _WITHDRAWAL.c.fee,
        _DRAFT.c.method != _WITHDRAWAL.c.method,
    )
    statement = (
        select(_WITHDRAWAL.c.id).join(_DRAFT, _DRAFT.c.withdrawal_id == _WITHDRAWAL.c.id).where(differs).distinct()
    )
    wrong = [f"WD-{row.id} is not what its preview said" for row in _some(session, statement.order_by("id"))]
    return wrong, "every request is what its preview said"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("reserved and open withdrawals", _reserved),
    ("rails, fees and paid withdrawals", _paid),
    ("adjustments", _adjusted),
    ("withdrawals and entries", _entries),
    ("adjustments and entries", _adjustment_entries),
    ("withdrawals and decisions", _decided),
    ("withdrawals and attempts", _attempted),
    ("withdrawals and previews", _confirmed),
    *checks_batches.CHECKS,
)


def _same(one: ColumnElement[bool], other: ColumnElement[bool]) -> ColumnElement[bool]:
    """Both true or both false; written so that both databases read it."""
    return or_(and_(one, other), and_(not_(one), not_(other)))


def _some(session: Session, statement: Select[Any]) -> Sequence[Row[Any]]:
    """As many findings as are shown, and one more to tell that there are more."""
    return session.execute(statement.limit(MOST_SHOWN + 1)).all()


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return int(session.execute(select(func.count()).select_from(_WITHDRAWAL).where(*conditions)).scalar_one())


def _signed(off: object) -> str:
    amount = int(str(off))
    return f"{decimal_text(abs(amount))} {'more' if amount > 0 else 'less'}"
