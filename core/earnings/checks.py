"""Checks of what was earned: from the events to the roll-up, from there to the settled lines, from there to the ledger.

Each is its own function, set-based, and names what is wrong by project and day (domain.md, "Ledger", `verify`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Row,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)
from sqlmodel import Session

from core.clock import DAY, start_of
from core.config import Program
from core.earnings.checks_months import CHECKS as MONTH_CHECKS
from core.earnings.checks_visits import CHECKS as VISIT_CHECKS
from core.earnings.daily import DIRTY, SETTLED
from core.earnings.differences import LINE, PROJECT, USAGE, On, both_sides
from core.earnings.months.closing import TOTAL
from core.earnings.programs import KINDS, kind_of
from core.earnings.programs.dated import whole
from core.earnings.tables import ProgramState, UsageEvent, UsageVoid
from core.earnings.terms import from_json
from core.ledger.money import decimal_text, format_quantity
from core.ledger.tables import Account, Entry, Transfer
from core.ledger.verify import MOST_SHOWN, Check, Finding, run
from core.storage import is_postgres, table_of

_EVENT = table_of(UsageEvent)
_VOID = table_of(UsageVoid)
_PROGRAM = table_of(ProgramState)
_ENTRY = table_of(Entry)
_TRANSFER = table_of(Transfer)
_ACCOUNT = table_of(Account)

_COUNTS = ("uses", "remixes", "views", "saves", "messages", "ratings")
_TOKENS = ("tokens", "embed_tokens", "own_tokens")
_QUANTITIES = ("credits", "cost", "own_credits")
_SUMMED = (*_QUANTITIES, *_COUNTS, *_TOKENS)


def earnings_checks(session: Session) -> list[Check]:
    """Every check of usage and settlement."""
    return [run(session, name, find) for name, find in (*CHECKS, *MONTH_CHECKS, *VISIT_CHECKS)]


def _roll_up(session: Session) -> tuple[list[str], str]:
    """Each project-day's roll-up is what its events come to: net of voids, own use apart."""
    both = union_all(_from_events(session), _rolled_up()).subquery()
    sums = {name: cast(func.sum(both.c[name]), BigInteger) for name in _SUMMED}
    statement = (
        select(both.c.day, both.c.project_id, *[amount.label(name) for name, amount in sums.items()])
        .group_by(both.c.day, both.c.project_id)
        .having(or_(*[amount != 0 for amount in sums.values()]))
        .order_by(both.c.day, both.c.project_id)
    )
    wrong = [
        f"{_where(row)}: {', '.join(_off(name, getattr(row, name)) for name in sums if getattr(row, name))}"
        for row in _some(session, statement)
    ]
    return wrong, f"{_count(session, select(func.count()).select_from(USAGE))} project-days equal their events"


def _off(name: str, difference: int) -> str:
    amount = format_quantity(abs(difference)) if name in _QUANTITIES else str(abs(difference))
    return f"{name} too {'low' if difference > 0 else 'high'} by {amount}"


def _from_events(session: Session) -> Select[Any]:
    """What events say, one row each. An event that a void names doesn't count."""
    own = _EVENT.c.user_id == PROJECT.c.creator_id
    spends = _of_kinds([(kind.name, sorted(kind.spending)) for kind in KINDS.values()])
    columns: dict[str, ColumnElement[int]] = {
        "credits": case((and_(spends, ~own), _EVENT.c.credits), else_=0),
        "cost": case((and_(spends, ~own), _EVENT.c.cost), else_=0),
        "own_credits": case((and_(spends, own), _EVENT.c.credits), else_=0),
    }
    for name in _COUNTS:
        adding = [
            (kind.name, sorted(usage for usage, names in kind.counters.items() if name in names))
            for kind in KINDS.values()
        ]
        columns[name] = case((and_(_of_kinds(adding), ~own), 1), else_=0)
    said = and_(_EVENT.c.kind == "message", _EVENT.c.tokens.is_not(None))
    columns["tokens"] = case((and_(said, ~own), _EVENT.c.tokens), else_=0)
    columns["embed_tokens"] = case((and_(said, ~own, _EVENT.c.channel == "embed"), _EVENT.c.tokens), else_=0)
    columns["own_tokens"] = case((and_(said, own), _EVENT.c.tokens), else_=0)
    voided = select(_VOID.c.voids).where(_VOID.c.source == _EVENT.c.source, _VOID.c.voids == _EVENT.c.event_id)
    return (
        select(_day_of_event(session), _EVENT.c.project_id, *[value.label(name) for name, value in columns.items()])
        .join(PROJECT, PROJECT.c.project_id == _EVENT.c.project_id)
        .join(_PROGRAM, _PROGRAM.c.slug == PROJECT.c.program)
        .where(_EVENT.c.voids.is_(None), ~voided.exists())
    )


def _of_kinds(kinds: Sequence[tuple[str, Sequence[str]]]) -> ColumnElement[bool]:
    return or_(*[and_(_PROGRAM.c.kind == program, _EVENT.c.kind.in_(usage)) for program, usage in kinds])


def _day_of_event(session: Session) -> ColumnElement[dt.date]:
    """The event's UTC day; a SQL expression of type Date on both databases."""
    if is_postgres(session):
        return cast(func.timezone("UTC", _EVENT.c.occurred_at), Date).label("day")
    return func.substr(_EVENT.c.occurred_at, 1, 10, type_=Date).label("day")


def _rolled_up() -> Select[Any]:
    return select(USAGE.c.day, USAGE.c.project_id, *[-USAGE.c[name] for name in _SUMMED])


def _voids(session: Session) -> tuple[list[str], str]:
    """Each void is indexed by the event it takes out, and is in effect exactly when that event is here."""
    same = and_(_EVENT.c.source == _VOID.c.source, _EVENT.c.event_id == _VOID.c.event_id)
    indexed = select(_VOID.c.voids).where(same, _VOID.c.voids == _EVENT.c.voids).exists()
    lost = select(_EVENT.c.source, _EVENT.c.event_id, _EVENT.c.voids).where(_EVENT.c.voids.is_not(None), ~indexed)
    wrong = [f"void {row.source}/{row.event_id} of {row.voids} is not indexed" for row in _some(session, lost)]
    known = select(_EVENT.c.event_id).where(same, _EVENT.c.voids == _VOID.c.voids).exists()
    target = select(_EVENT.c.event_id).where(
        _EVENT.c.source == _VOID.c.source, _EVENT.c.event_id == _VOID.c.voids, _EVENT.c.voids.is_(None)
    )
    columns = (_VOID.c.source, _VOID.c.event_id, _VOID.c.voids)
    invented = select(*columns).where(~known)
    wrong += [
        f"{row.source}/{row.voids} is voided by {row.event_id}, which is not here" for row in _some(session, invented)
    ]
    misled = select(*columns).where(_VOID.c.applied != target.exists())
    wrong += [f"void {row.source}/{row.event_id} of {row.voids} is marked wrongly" for row in _some(session, misled)]
    return wrong, f"{_count(session, select(func.count()).select_from(_VOID))} voids"


def _settled(session: Session) -> tuple[list[str], str]:
    """Each settled day that no usage waits for is settled for exactly what its roll-up earns under its terms."""
    wrong: list[str] = []
    for state in _states(session):
        if state.settled_through is None:
            continue
        program = _program(state)
        both, amounts = both_sides(program, _closed(state.slug, state.settled_through))
        statement = (
            select(both.c.day, both.c.project_id, *[amount.label(name) for name, amount in amounts.items()])
            .join(PROJECT, PROJECT.c.project_id == both.c.project_id)
            .where(PROJECT.c.program == state.slug)
            .group_by(both.c.day, both.c.project_id)
            .having(or_(*[amount != 0 for amount in amounts.values()]))
            .order_by(both.c.day, both.c.project_id)
        )
        wrong += [_not_settled(row) for row in _some(session, statement)]
    return wrong, f"{_count(session, select(func.count()).select_from(SETTLED))} settled days equal their roll-ups"


def _closed(slug: str, through: dt.date) -> On:
    """Days at or before the last settled one that no usage waits for."""
    waiting = select(DIRTY.c.day).where(DIRTY.c.program == slug)
    return lambda day: and_(day <= through, day.not_in(waiting))


def _not_settled(row: Row[Any]) -> str:
    parts = [(name, getattr(row, name)) for name in ("share", "spent", "costs")]
    words = [
        f"{name} settled too {'low' if off > 0 else 'high'} by {decimal_text(abs(off))}" for name, off in parts if off
    ]
    return f"{_where(row)}: {', '.join(words)}"


def _waiting(session: Session) -> tuple[list[str], str]:
    """Each day with usage after the last settled one is marked as waiting, so that settlement will come to it."""
    known = select(DIRTY.c.day).where(DIRTY.c.program == PROJECT.c.program, DIRTY.c.day == USAGE.c.day).exists()
    statement = (
        select(USAGE.c.day, USAGE.c.project_id)
        .join(PROJECT, PROJECT.c.project_id == USAGE.c.project_id)
        .join(_PROGRAM, _PROGRAM.c.slug == PROJECT.c.program)
        .where(or_(_PROGRAM.c.settled_through.is_(None), USAGE.c.day > _PROGRAM.c.settled_through), ~known)
        .order_by(USAGE.c.day, USAGE.c.project_id)
    )
    wrong = [f"{_where(row)}: not marked as waiting for settlement" for row in _some(session, statement)]
    return wrong, f"{_count(session, select(func.count()).select_from(DIRTY))} days wait for settlement"


def _lines(session: Session) -> tuple[list[str], str]:
    """Each project-day's lines add up to what the newest one explains, under the terms of the day."""
    wrong: list[str] = []
    for state in _states(session):
        program = _program(state)
        sums = _line_sums()
        kind = kind_of(program)
        terms = kind.terms_sql(program, LINE.c.day, LINE.c.project_id)
        earned = kind.earns({name: LINE.c[name] for name in (*kind.used, *terms)})
        statement = (
            select(LINE.c.day, LINE.c.project_id, LINE.c.entry_id)
            .join(
                sums,
                and_(
                    sums.c.day == LINE.c.day,
                    sums.c.project_id == LINE.c.project_id,
                    sums.c.newest == LINE.c.entry_id,
                ),
            )
            .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
            .where(
                PROJECT.c.program == state.slug,
                or_(
                    sums.c.share != earned.share,
                    sums.c.spent != earned.spent,
                    sums.c.costs != earned.costs,
                    *[LINE.c[name] != value for name, value in terms.items()],
                    sums.c.firsts > 1,
                ),
            )
            .order_by(LINE.c.day, LINE.c.project_id)
        )
        wrong += [
            f"{_where(row)}: the explanation kept with entry {row.entry_id} doesn't give what was settled"
            for row in _some(session, statement)
        ]
    orphans = select(LINE.c.day, LINE.c.project_id).where(
        ~select(PROJECT.c.project_id).where(PROJECT.c.project_id == LINE.c.project_id).exists()
    )
    wrong += [f"{_where(row)}: settled for a project that is not here" for row in _some(session, orphans)]
    return wrong, f"{_count(session, select(func.count()).select_from(LINE))} lines explain themselves"


def _line_sums() -> Subquery:
    """What is settled per project-day, the newest entry, and how many lines call themselves the first settlement."""
    amounts = [cast(func.sum(LINE.c[name]), BigInteger).label(name) for name in ("share", "spent", "costs")]
    newest = func.max(LINE.c.entry_id).label("newest")
    firsts = func.sum(case((LINE.c.late, 0), else_=1)).label("firsts")
    return (
        select(LINE.c.day, LINE.c.project_id, *amounts, newest, firsts)
        .group_by(LINE.c.day, LINE.c.project_id)
        .subquery()
    )


def _transfers(session: Session) -> tuple[list[str], str]:
    """Each line with a share is one transfer of its entry, between the program's usage and the creator's wallet."""
    usage, wallet = _ACCOUNT.alias("usage"), _ACCOUNT.alias("wallet")
    wallets = or_(*[and_(_PROGRAM.c.kind == kind.name, wallet.c.role == kind.wallet) for kind in KINDS.values()])
    usage_id, wallet_id = usage.c.id, wallet.c.id
    debit = case((LINE.c.share > 0, usage_id), else_=wallet_id)
    credit = case((LINE.c.share > 0, wallet_id), else_=usage_id)
    statement = (
        select(LINE.c.day, LINE.c.project_id, LINE.c.entry_id, LINE.c.seq)
        .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .join(_PROGRAM, _PROGRAM.c.slug == PROJECT.c.program)
        .outerjoin(usage, and_(usage.c.program == PROJECT.c.program, usage.c.role == "usage", usage.c.creator == ""))
        .outerjoin(
            wallet, and_(wallet.c.program == PROJECT.c.program, wallets, wallet.c.creator == PROJECT.c.creator_id)
        )
        .outerjoin(_TRANSFER, and_(_TRANSFER.c.entry_id == LINE.c.entry_id, _TRANSFER.c.seq == LINE.c.seq))
        .where(
            or_(
                and_(LINE.c.share == 0, LINE.c.seq != 0),
                and_(
                    LINE.c.share != 0,
                    func.coalesce(_TRANSFER.c.amount == func.abs(LINE.c.share), False).is_(False)
                    | func.coalesce(and_(_TRANSFER.c.debit_id == debit, _TRANSFER.c.credit_id == credit), False).is_(
                        False
                    ),
                ),
            )
        )
        .order_by(LINE.c.day, LINE.c.project_id)
    )
    wrong = [
        f"{_where(row)}: transfer {row.entry_id}/{row.seq} is not this line's" for row in _some(session, statement)
    ]
    return wrong, "every line is its transfer"


def _entries(session: Session) -> tuple[list[str], str]:
    """Each settlement's entry moves what its lines come to: share, costs, margin, and nothing else."""
    settlements = select(_ENTRY.c.id).where(_ENTRY.c.kind == "settlement")
    moved = union_all(
        select(_TRANSFER.c.entry_id, _TRANSFER.c.credit_id.label("account_id"), _TRANSFER.c.amount),
        select(_TRANSFER.c.entry_id, _TRANSFER.c.debit_id, -_TRANSFER.c.amount),
    ).subquery()
    nothing = whole(0)
    ledger = select(
        moved.c.entry_id,
        *[case((_ACCOUNT.c.role == role, moved.c.amount), else_=nothing) for role in _SIDES[1:-1]],
        case((_ACCOUNT.c.role.in_(sorted({kind.wallet for kind in KINDS.values()})), moved.c.amount), else_=nothing),
    ).join(_ACCOUNT, _ACCOUNT.c.id == moved.c.account_id)
    margin = LINE.c.spent - LINE.c.costs - LINE.c.share
    lines = select(LINE.c.entry_id, LINE.c.spent, -LINE.c.costs, -margin, nothing, -LINE.c.share)
    earned = TOTAL.c.share + TOTAL.c.referral
    months = select(TOTAL.c.entry_id, nothing, nothing, earned - TOTAL.c.payments, TOTAL.c.payments, -earned)
    named = [part.label(name) for part, name in zip(ledger.selected_columns, _SIDES, strict=True)]
    both = union_all(
        ledger.with_only_columns(*named).where(moved.c.entry_id.in_(settlements)), lines, months
    ).subquery()
    sums = {name: cast(func.sum(both.c[name]), BigInteger) for name in _SIDES[1:]}
    statement = (
        select(both.c.entry_id, *[amount.label(name) for name, amount in sums.items()])
        .group_by(both.c.entry_id)
        .having(or_(*[amount != 0 for amount in sums.values()]))
        .order_by(both.c.entry_id)
    )
    wrong = []
    for row in _some(session, statement):
        off = [f"{name} by {decimal_text(getattr(row, name))}" for name in sums if getattr(row, name)]
        wrong.append(f"entry {row.entry_id} differs from its lines: {', '.join(off)}")
    return wrong, f"{_count(session, select(func.count()).select_from(settlements.subquery()))} settlements"


_SIDES = ("entry_id", "usage", "costs", "margin", "subscriptions", "creators")


def _sums(session: Session) -> tuple[list[str], str]:
    """Each settled day's sums are those of its lines."""
    amounts = ("share", "spent", "costs")
    lines = select(PROJECT.c.program, LINE.c.day, *[LINE.c[name] for name in amounts])
    lines = lines.join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
    kept = select(SETTLED.c.program, SETTLED.c.day, *[-SETTLED.c[name] for name in amounts])
    both = union_all(lines, kept).subquery()
    statement = (
        select(both.c.program, both.c.day)
        .group_by(both.c.program, both.c.day)
        .having(or_(*[func.sum(both.c[name]) != 0 for name in amounts]))
        .order_by(both.c.program, both.c.day)
    )
    wrong = [
        f"{row.program} on {row.day}: the day's sums are not those of its lines" for row in _some(session, statement)
    ]
    return wrong, "every day's sums are those of its lines"


def _runs(session: Session) -> tuple[list[str], str]:
    """Each program's settlements are numbered 1, 2, … up to its count of runs, and it is settled through a day that
    they can have reached."""
    wrong, count = [], 0
    newest = dict(session.execute(select(SETTLED.c.program, func.max(SETTLED.c.day)).group_by(SETTLED.c.program)).all())
    for state in _states(session):
        last, through, at = newest.get(state.slug), state.settled_through, state.settled_at
        if last is not None and (through is None or through < last):
            wrong.append(f"{state.slug} is settled through {through or 'no day'}, but {last} is settled")
        if through is not None and (at is None or at < start_of(through) + DAY):
            wrong.append(f"{state.slug} is settled through {through}, but its last run was at {at}")
        prefix = f"settlement:{state.slug}:"
        keys = set(
            session.execute(select(_ENTRY.c.key).where(_ENTRY.c.key.startswith(prefix, autoescape=True))).scalars()
        )
        count += len(keys)
        wanted = {f"{prefix}{number}" for number in range(1, state.runs + 1)}
        wrong += [f"{key} is missing" for key in sorted(wanted - keys)]
        wrong += [f"{key} is beyond the program's {state.runs} runs" for key in sorted(keys - wanted)]
    return wrong, f"{count} runs"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("roll-ups and events", _roll_up),
    ("voids", _voids),
    ("settled days and roll-ups", _settled),
    ("days waiting", _waiting),
    ("settled lines", _lines),
    ("lines and transfers", _transfers),
    ("settlements and lines", _entries),
    ("sums of settled days", _sums),
    ("runs", _runs),
)


def _states(session: Session) -> Sequence[ProgramState]:
    """Programs of kinds that this version runs; the books of others can't be recomputed."""
    statement = select(ProgramState).where(_PROGRAM.c.kind.in_(sorted(KINDS))).order_by(_PROGRAM.c.slug)
    return session.execute(statement).scalars().all()


def _program(state: ProgramState) -> Program:
    """The program under the terms that its settled days were settled with."""
    try:
        return Program(state.slug, state.kind, from_json(state.terms))
    except KeyError as error:
        raise ValueError(f"the terms kept for program {state.slug} lack {error}") from None


def _where(row: Row[Any]) -> str:
    return f"project {row.project_id} on {row.day}"


def _some(session: Session, statement: Select[Any]) -> Sequence[Row[Any]]:
    """As many findings as are shown, and one more to tell that there are more."""
    return session.execute(statement.limit(MOST_SHOWN + 1)).all()


def _count(session: Session, statement: Select[Any]) -> int:
    return int(session.execute(statement).scalar_one())
