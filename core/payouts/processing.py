"""Monthly payout processing: `pending` of closed months becomes `available`, and whoever can be paid gets a withdrawal.

The rule book is domain.md, "Program kind `assistants`", Monthly payout processing. Amounts are micro-dollars; a month
is its first UTC day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, cast, delete, func, select
from sqlmodel import Session

from core import audit
from core.clock import DAY, utc_day
from core.config import DeskConfig, Program
from core.earnings import settlement
from core.earnings.month_tables import PendingMonth
from core.earnings.periods import month_before, next_month
from core.earnings.programs import kind_of
from core.earnings.settlement import RunResult
from core.earnings.tables import Creator, ProgramState
from core.ledger import accounts, journal
from core.ledger.money import format_money
from core.ledger.tables import Account as LedgerAccount
from core.payouts import batches, limits
from core.payouts.calendar import after_business_days
from core.payouts.facts import PayoutsProcessed
from core.payouts.payees import Account, Payee, judge
from core.payouts.tables import PayoutBatch, Withdrawal
from core.payouts.words import plural
from core.people_many import chunks
from core.storage import Database, publish, table_of

PROCESSING = "processing"  # kind of the ledger entries

_PENDING, _CREATOR, _WITHDRAWAL = table_of(PendingMonth), table_of(Creator), table_of(Withdrawal)
_ACCOUNT = table_of(LedgerAccount)


@dataclass(frozen=True, slots=True)
class Processed:
    """What one processing did. month: the last month that it paid out; moved: what became available, negative nets
    included; payouts and total: the withdrawals it made; two_people: how many of them need two approvers; skipped:
    creators whom it could not pay though money was there. entry_id: None when nothing moved.
    """

    program: str
    month: dt.date
    batch_id: int
    entry_id: int | None
    creators: int
    moved: int
    payouts: int
    total: int
    two_people: int
    skipped: int


def payout_day(program: Program, month: dt.date) -> dt.datetime:
    """When what was earned in a month (any day of it) is paid out: `settle_at` of the payout day of the month after.

    The payout day is the program's own, else the first business day by the bank holidays of its `holidays` country.
    """
    first = next_month(month)
    day = (
        first.replace(day=program.payout_day)
        if program.payout_day is not None
        else after_business_days(first, 0, program.holidays)
    )
    return dt.datetime.combine(day, program.settle_at, dt.UTC)


def next_payout(program: Program, now: dt.datetime) -> dt.datetime:
    """The next moment of a payout processing, after `now`."""
    return payout_day(program, next_month(last_payable(program, now)))


def last_payable(program: Program, now: dt.datetime) -> dt.date:
    """The last month whose payout moment has come."""
    month = month_before(utc_day(now))
    return month if payout_day(program, month) <= now else month_before(month)


@dataclass(frozen=True, slots=True)
class Due:
    """What `run_due` did."""

    settled: list[RunResult]
    processed: list[Processed]


def run_due(database: Database, config: DeskConfig, now: dt.datetime, only: str | None = None) -> Due:
    """Settle what is due, then pay out what is due: what every night, and whoever catches up, has to do.

    Raises what `settle_due` raises, once programs that can be paid out are.
    """
    try:
        settled = settlement.settle_due(database, config, now, only)
    except settlement.StaleTerms:
        process_due(database, config, now, only)
        raise
    return Due(settled, process_due(database, config, now, only))


def foresee_due(database: Database, config: DeskConfig, now: dt.datetime, only: str | None = None) -> Due:
    """What `run_due` would do now; nothing stays. Raises what `settle_due` raises."""
    settled = settlement.settle_due(database, config, now, only, dry_run=True)
    found = []
    for slug in sorted(config.programs) if only is None else [only]:
        with Database(database.engine).transaction() as session:  # nobody hears of it
            savepoint = session.begin_nested()
            _, paid = rehearse(session, config, config.programs[slug], now)
            savepoint.rollback()
        if paid is not None:
            found.append(paid)
    return Due(settled, found)


def rehearse(
    session: Session, config: DeskConfig, program: Program, now: dt.datetime
) -> tuple[RunResult | None, Processed | None]:
    """Settle a program and pay its closed months out as a run now would; the caller rolls it back.

    None for what isn't due. Raises StaleTerms.
    """
    result = settlement.settle(session, program, now, dry_run=True)
    paid = process(session, config, program, now) if kind_of(program).monthly else None
    return result, None if paid is None else replace(paid, entry_id=None)


def process_due(database: Database, config: DeskConfig, now: dt.datetime, only: str | None = None) -> list[Processed]:
    """Process every program that pays out by months (or `only` one) and whose moment has come, each in one transaction.

    A program waits while the settlement of that morning is not done. Months that were missed are paid out together.
    Killed at any moment, a processing leaves either nothing or all of it.
    """
    done = []
    for slug in sorted(config.programs) if only is None else [only]:
        program = config.programs[slug]
        if not kind_of(program).monthly:
            continue
        with database.reading() as session:  # most of the time there is nothing to do, and nobody has to wait for it
            due = _due(program, session.get(ProgramState, slug), now)
        if due is None:
            continue
        with database.transaction() as session:
            result = process(session, config, program, now)
        if result is not None:
            done.append(result)
    return done


def process(session: Session, config: DeskConfig, program: Program, now: dt.datetime) -> Processed | None:
    """Process one program in the session's transaction; None while nothing is due.

    Locks are taken in this order: the program's row (no settlement and no other processing meanwhile), its creators
    (no request, freeze or choice of theirs), the journal.
    """
    state = settlement.claim(session, program.slug)
    month = _due(program, state, now)
    if state is None or month is None:
        return None
    _lock_creators(session, program.slug)
    nets = _nets(session, program.slug, month)
    payees, passed = judge(session, config, now, program.slug, _accounts(session, program.slug, nets))
    persons = batches.persons_of(session, payees)
    entry_id, moved = _move(session, program, month, nets), sum(nets.values())
    batch = PayoutBatch(program=program.slug, month=month, processed_at=now, entry_id=entry_id, moved=moved)
    session.add(batch)
    session.flush()
    if batch.id is None:
        raise ValueError("the batch is not stored")
    batches.write(session, now, batch, payees, persons)
    batches.write_skips(session, batch.id, passed)
    state.processed_month = month
    session.add(state)
    total = sum(one.amount for one in payees)
    paid, left = plural(len(payees), "withdrawal"), plural(len(passed), "creator")
    detail = f"{paid}, {format_money(total)}; {left} passed over"
    audit.record(session, now, "desk", "payout.month", f"{program.slug} {month:%Y-%m}", detail)
    session.flush()
    publish(session, PayoutsProcessed(batch.id, program.slug, month, len(payees), len(passed), now))
    _reconsider(session, config, now, payees)
    return Processed(
        program=program.slug,
        month=month,
        batch_id=batch.id,
        entry_id=entry_id,
        creators=sum(net != 0 for net in nets.values()),
        moved=moved,
        payouts=len(payees),
        total=total,
        two_people=sum(one.approvals_needed > 1 for one in payees),
        skipped=len(passed),
    )


def _due(program: Program, state: ProgramState | None, now: dt.datetime) -> dt.date | None:
    """The month to process now; None when it was, or while the settlement of the payout day's morning is not done."""
    month = last_payable(program, now)
    if state is None or state.settled_through is None:
        return None
    if state.processed_month is not None and state.processed_month >= month:
        return None
    return month if state.settled_through >= utc_day(payout_day(program, month)) - DAY else None


def _lock_creators(session: Session, slug: str) -> None:
    """Everyone who may have money here, in the order in which all who lock several creators do."""
    wallets = select(_ACCOUNT.c.creator).where(_ACCOUNT.c.program == slug, _ACCOUNT.c.role == "available")
    mine = select(_CREATOR.c.creator_id).where(_CREATOR.c.creator_id.in_(wallets)).order_by(_CREATOR.c.creator_id)
    session.execute(mine.with_for_update(key_share=True)).all()


def _nets(session: Session, slug: str, month: dt.date) -> dict[str, int]:
    """What waits for the processing of these months, by creator, in byte order."""
    amount = cast(func.sum(_PENDING.c.amount), BigInteger)
    statement = (
        select(_PENDING.c.creator_id, amount)
        .where(_PENDING.c.program == slug, _PENDING.c.month <= month)
        .group_by(_PENDING.c.creator_id)
        .order_by(_PENDING.c.creator_id)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def _accounts(session: Session, slug: str, nets: Mapping[str, int]) -> list[Account]:
    """Every creator who will have money available here.

    Three plain readings: joined in SQL, PostgreSQL without statistics would compare everybody with everybody.
    """
    mine = _ACCOUNT.c.program == slug, _ACCOUNT.c.role == "available"
    after = {row[0]: row[1] for row in session.execute(select(_ACCOUNT.c.creator, _ACCOUNT.c.balance).where(*mine))}
    for creator_id, net in nets.items():
        after[creator_id] = after.get(creator_id, 0) + net
    rich = sorted(creator_id for creator_id, amount in after.items() if amount > 0)
    found = []
    for part in chunks(rich):
        columns = select(_CREATOR.c.creator_id, _CREATOR.c.name, _CREATOR.c.country)
        rows = session.execute(columns.where(_CREATOR.c.creator_id.in_(part)).order_by(_CREATOR.c.creator_id))
        found += [Account(row[0], row[1], row[2], after[row[0]]) for row in rows]
    return found


def _move(session: Session, program: Program, month: dt.date, nets: Mapping[str, int]) -> int | None:
    """Each creator's net of the closed months: pending → available, a negative one the other way; what waited goes.

    The entry; None when every net is zero.
    """
    moves = []
    for creator_id, net in nets.items():
        pending, available = (accounts.account_id(program.slug, role, creator_id) for role in ("pending", "available"))
        if net:
            moves.append(journal.Move(*((pending, available) if net > 0 else (available, pending)), abs(net)))
    entry_id = None
    if moves:
        at, memo = payout_day(program, month), f"payout of {month:%Y-%m}"
        entry_id = journal.open_entry(session, entry_key(program.slug, month), PROCESSING, at, memo)
        journal.post_moves(session, entry_id, moves)
    session.execute(delete(_PENDING).where(_PENDING.c.program == program.slug, _PENDING.c.month <= month))
    return entry_id


def entry_key(slug: str, month: dt.date) -> str:
    """The idempotency key of a processing's ledger entry."""
    return f"{PROCESSING}:{slug}:{month:%Y-%m}"


def _reconsider(session: Session, config: DeskConfig, now: dt.datetime, payees: Sequence[Payee]) -> None:
    """Requests that these creators made before, and that wait, may need a second person now."""
    paid = {one.creator_id for one in payees}
    lately = _WITHDRAWAL.c.requested_at > now - limits.WINDOW
    asked = select(_WITHDRAWAL.c.creator_id).where(_WITHDRAWAL.c.state == "requested", lately)
    several = asked.group_by(_WITHDRAWAL.c.creator_id).having(func.count() > 1)
    for creator_id in sorted(paid.intersection(session.execute(several).scalars())):
        limits.reconsider(session, config, now, creator_id)
