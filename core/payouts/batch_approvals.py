"""Approving a monthly batch in one press: every row that one approver decides, judged again as it is at that moment.

The rules are those of `core.payouts.approvals`, with a few statements for thousands of rows (domain.md, "Withdrawals",
Approval). Amounts are micro-dollars.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlmodel import Session

from core.audit import AuditRecord
from core.config import DeskConfig
from core.earnings.tables import Creator
from core.errors import DeskError
from core.payouts import attempts, limits
from core.payouts.batches import clean, find, last_word
from core.payouts.facts import BatchApproved
from core.payouts.guard import clock_time, require, shown_id
from core.payouts.payees import asked_since
from core.payouts.tables import Attempt, Decision, Freeze, PayoutBatch, Withdrawal
from core.people import Actor, Person
from core.people_many import chunks
from core.storage import publish, table_of, upsert

_WITHDRAWAL, _DECISION, _FREEZE = table_of(Withdrawal), table_of(Decision), table_of(Freeze)
_ATTEMPT, _AUDIT = table_of(Attempt), table_of(AuditRecord)
_PERSON, _CREATOR = table_of(Person), table_of(Creator)

MOST_AT_ONCE = 5_000  # approved in one press, so that nobody else waits for long
_NAMED = 3
_ROWS = 500  # of a multi-row statement


class NothingToApprove(DeskError):
    """Nothing changed. {why}"""


@dataclass(frozen=True, slots=True)
class Left:
    """A withdrawal that a press left undecided, and why."""

    withdrawal_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a press on "approve all" led to, row by row. left: the first of those that still wait, each with its reason;
    more: how many others wait as well, of which `ready` could be approved by pressing again.
    """

    batch: PayoutBatch
    approved: int
    total: int
    left: tuple[Left, ...]
    more: int
    ready: int


LEFT_SHOWN = 10
OWN = "your own; someone else has to decide it"
TWO = "needs two approvers"


def approve(
    session: Session, config: DeskConfig, now: dt.datetime, actor: Actor, batch_id: int, surface: str
) -> Outcome:
    """Approve every row that one approver decides and that nothing speaks against, MOST_AT_ONCE of them at most; the
    actor's own are left to others. Each row is judged as it is at this moment, locked.

    Raises NotAllowed, NoSuchBatch, NothingToApprove (says who decided last, and when).
    """
    require(actor, "approver")
    batch = find(session, batch_id)
    locked = _lock(session, batch_id, actor)
    rows, grown = _fit(session, config, now, locked)
    if grown:  # other requests came since: these need two people now
        _set_needed(session, grown, 2)
    if not rows:
        raise NothingToApprove(why=_why_nothing(session, now, actor, batch_id))
    _approve_rows(session, now, actor, [number for number, _ in rows], surface)
    _record(session, now, actor, [number for number, _ in rows])
    publish(session, BatchApproved(batch_id, actor.person_id, tuple(number for number, _ in rows), now))
    left, more, ready = _left(session, actor, batch_id)
    return Outcome(batch, len(rows), sum(amount for _, amount in rows), left, more, ready)


def _own(actor: Actor) -> ColumnElement[bool]:
    mine = _WITHDRAWAL.c.requested_by == actor.person_id
    return mine if actor.creator_id is None else or_(mine, _WITHDRAWAL.c.creator_id == actor.creator_id)


def _ready(batch_id: int) -> ColumnElement[bool]:
    one = _WITHDRAWAL.c.batch_id == batch_id, _WITHDRAWAL.c.state == "requested", _WITHDRAWAL.c.approvals_needed == 1
    return and_(*one, clean())


def _lock(session: Session, batch_id: int, actor: Actor) -> list[_Row]:
    """The rows that may be approved now, their creators locked in the one order, then read as committed last."""
    first = (
        select(_WITHDRAWAL.c.id, _WITHDRAWAL.c.creator_id)
        .where(_ready(batch_id), ~_own(actor))
        .order_by(_WITHDRAWAL.c.creator_id)
        .limit(MOST_AT_ONCE)
    )
    candidates = session.execute(first).all()
    locked: list[_Row] = []
    for part in chunks([row.creator_id for row in candidates]):
        mine = select(_CREATOR.c.creator_id).where(_CREATOR.c.creator_id.in_(part)).order_by(_CREATOR.c.creator_id)
        session.execute(mine.with_for_update(key_share=True)).all()
    for numbers in chunks([row.id for row in candidates]):
        columns = (_WITHDRAWAL.c.id, _WITHDRAWAL.c.creator_id, _WITHDRAWAL.c.requested_at, _WITHDRAWAL.c.amount)
        still = select(*columns).where(_WITHDRAWAL.c.id.in_(numbers), _ready(batch_id)).order_by(_WITHDRAWAL.c.id)
        locked += [_Row(*row) for row in session.execute(still.with_for_update(of=_WITHDRAWAL))]
    return locked


class _Row(NamedTuple):
    """A withdrawal that is about to be approved."""

    id: int
    creator_id: str
    requested_at: dt.datetime
    amount: int


def _fit(
    session: Session, config: DeskConfig, now: dt.datetime, rows: Sequence[_Row]
) -> tuple[list[tuple[int, int]], list[int]]:
    """(id, amount) of those that still need one approval, and the ids of those that by now need two."""
    if not rows:
        return [], []
    since = min(row.requested_at for row in rows) - limits.WINDOW
    asked = asked_since(session, since, [row.creator_id for row in rows])
    fit: list[tuple[int, int]] = []
    grown: list[int] = []
    for row in rows:
        others = [request for number, request in asked.get(row.creator_id, ()) if number != row.id]
        if limits.approvals_needed(config, (row.requested_at, row.amount), others, now) == 1:
            fit.append((row.id, row.amount))
        else:
            grown.append(row.id)
    return fit, grown


def _set_needed(session: Session, numbers: Sequence[int], needed: int) -> None:
    for part in chunks(numbers):
        session.execute(update(_WITHDRAWAL).where(_WITHDRAWAL.c.id.in_(part)).values(approvals_needed=needed))


def _approve_rows(session: Session, now: dt.datetime, actor: Actor, numbers: Sequence[int], surface: str) -> None:
    """What `approvals.approve` writes for one row."""
    for part in chunks(numbers, _ROWS):
        said = {"person_id": actor.person_id, "verdict": "approve", "reason": "", "surface": surface[:20]}
        decisions = [{"withdrawal_id": number, **said, "decided_at": now} for number in part]
        # Whoever approved one while it needed two has said so already.
        session.execute(upsert(session, Decision).values(decisions).on_conflict_do_nothing())
        state = update(_WITHDRAWAL).where(_WITHDRAWAL.c.id.in_(part))
        session.execute(state.values(state="approved", approved_at=now))
    tries = [
        {
            "withdrawal_id": number,
            "number": 1,
            "key": attempts.key_of(number, 1),
            "state": "ready",
            "not_before": now,
            "calls": 0,
            "reference": "",
            "error": "",
        }
        for number in numbers
    ]
    session.connection().execute(insert(_ATTEMPT), tries)
    session.expire_all()


def _record(session: Session, now: dt.datetime, actor: Actor, numbers: Sequence[int]) -> None:
    lines = [
        {"at": now, "actor": actor.name, "action": "payout.approve", "subject": shown_id(number), "detail": "1 of 1"}
        for number in numbers
    ]
    session.connection().execute(insert(_AUDIT), lines)


def _left(session: Session, actor: Actor, batch_id: int) -> tuple[tuple[Left, ...], int, int]:
    """The first rows that still wait, each with why; how many more there are; how many can be approved together."""
    frozen = (
        select(_FREEZE.c.reason)
        .where(_FREEZE.c.creator_id == _WITHDRAWAL.c.creator_id, _FREEZE.c.lifted_at.is_(None))
        .correlate(_WITHDRAWAL)
        .scalar_subquery()
    )
    mine, two = _own(actor), _WITHDRAWAL.c.approvals_needed > 1
    ready = and_(_ready(batch_id), ~mine)
    waiting = _WITHDRAWAL.c.batch_id == batch_id, _WITHDRAWAL.c.state == "requested"
    rows = session.execute(
        select(_WITHDRAWAL.c.id, mine.label("mine"), two.label("two"), frozen.label("frozen"))
        .where(*waiting, ~ready)
        .order_by(_WITHDRAWAL.c.id)
        .limit(LEFT_SHOWN)
    ).all()
    left = tuple(Left(row.id, _why_left(row.mine, row.two, row.frozen)) for row in rows)
    total, can = (
        int(session.execute(select(func.count()).select_from(_WITHDRAWAL).where(condition)).scalar_one())
        for condition in (and_(*waiting), ready)
    )
    return left, total - len(left), can


def _why_left(mine: bool, two: bool, frozen: str | None) -> str:
    if mine:
        return OWN
    if frozen:
        return f"on hold: {frozen}"
    return TWO if two else "the balance no longer covers it"


def _why_nothing(session: Session, now: dt.datetime, actor: Actor, batch_id: int) -> str:
    """Who was quicker, or what is left and why nobody can approve it together."""
    left, more, _ = _left(session, actor, batch_id)
    if left:
        named = "; ".join(f"{shown_id(one.withdrawal_id)} ({one.why})" for one in left[:_NAMED])
        others = more + len(left) - min(len(left), _NAMED)
        return f"What still waits can't be approved together: {named}{f' and {others:,} more' if others else ''}."
    last = last_word(session, batch_id)
    if last is None:
        return "None of these payouts waits for a decision any more."
    who, at = last
    return f"All of these payouts are decided already; {who} was the last, at {clock_time(at, now)}."
