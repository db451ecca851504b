"""Settlement: bring the ledger to what the usage says, whatever has happened since (domain.md, "Settlement").

For each project-day with usage not seen yet, what everything known now earns, minus what is settled already, is posted
as a difference. Set-based: the number of statements does not depend on the number of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, delete, func, select, union_all, update
from sqlmodel import Session

from core.clock import DAY
from core.config import DeskConfig, Program
from core.earnings.differences import LINE, PROJECT, differences
from core.earnings.facts import SettlementPosted
from core.earnings.periods import day_name, last_due, settles_at
from core.earnings.programs import kind_of
from core.earnings.programs.dated import whole
from core.earnings.tables import DirtyDay, ProgramState, SettledDay
from core.earnings.terms import as_json
from core.errors import DeskError
from core.ledger import accounts, journal
from core.ledger import seal as seals
from core.ledger.tables import Account
from core.storage import Database, publish, table_of, upsert

_DIRTY = table_of(DirtyDay)
_PROGRAM = table_of(ProgramState)
_SETTLED = table_of(SettledDay)
_ACCOUNT = table_of(Account)

_NAMED_LATE_DAYS = 12


class UnknownProgram(DeskError):
    """No program called '{program}'; there is {programs}. Nothing was settled."""


class StaleTerms(DeskError):
    """Nothing was settled. Program '{program}' has other terms in the database than in the configuration that this
    process started with. Restart it; the day is settled then.
    """


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run posted, or, with `dry_run`, would post. Amounts in micro-dollars; projects and creators are those
    whose share changed; start and late_days as in `SettlementPosted`. A run that found nothing to do has neither.
    """

    program: str
    start: dt.date | None
    through: dt.date
    dry_run: bool
    projects: int = 0
    creators: int = 0
    amount: int = 0
    spent: int = 0
    costs: int = 0
    margin: int = 0
    entry_id: int | None = None
    head: str | None = None
    late_days: tuple[dt.date, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run's orders: settle `due` days of a program through a day; `start` is the first that is new, if any is."""

    program: Program
    number: int
    due: Sequence[dt.date]
    settled_before: dt.date | None
    start: dt.date | None
    through: dt.date


@dataclass(frozen=True, slots=True)
class _DayTotal:
    """A run's lines of one day summed. plus and minus: what rises and what falls, apart, both ≥ 0."""

    day: dt.date
    transfers: int
    share: int
    spent: int
    costs_plus: int
    costs_minus: int
    margin_plus: int
    margin_minus: int


@dataclass(frozen=True, slots=True)
class _Books:
    """The program's own accounts that a run moves money through, by id."""

    usage: int
    costs: int
    margin: int

    @classmethod
    def open(cls, session: Session, slug: str) -> _Books:
        """Before the entry: opening an account inside one could wait for somebody who waits for us."""
        return cls(*[accounts.open_account(session, slug, role) for role in ("usage", "costs", "margin")])


class _RollBack(Exception):
    """Carries a dry run's result out of the transaction that must not commit."""

    def __init__(self, result: RunResult | None) -> None:
        self.result = result


def settle_due(
    database: Database, config: DeskConfig, now: dt.datetime, only: str | None = None, dry_run: bool = False
) -> list[RunResult]:
    """Settle every program (or `only` one) through its last due day, each in one transaction of its own.

    A program that no usage ever reached is left alone and not listed. Killed at any moment, a program's run leaves
    either nothing or all of it. Raises UnknownProgram for an `only` that is not configured, StaleTerms when another
    process has brought newer terms.
    """
    if only is not None and only not in config.programs:
        raise UnknownProgram(program=only, programs=", ".join(sorted(config.programs)) or "none")
    slugs = sorted(config.programs) if only is None else [only]
    results, refusals = [], []
    for slug in slugs:
        try:
            results.append(_settle_alone(database, config.programs[slug], now, dry_run))
        except StaleTerms as refusal:  # no reason for the others to wait
            refusals.append(refusal)
    if refusals:
        raise refusals[0]
    return [result for result in results if result is not None]


def _settle_alone(database: Database, program: Program, now: dt.datetime, dry_run: bool) -> RunResult | None:
    try:
        with database.transaction() as session:
            result = settle(session, program, now, dry_run)
            if dry_run:
                raise _RollBack(result)
    except _RollBack as rolled_back:
        return rolled_back.result
    return result


def settle(session: Session, program: Program, now: dt.datetime, dry_run: bool = False) -> RunResult | None:
    """Settle one program in the session's transaction; None before its first usage. A dry run neither seals nor
    publishes, and its caller rolls back."""
    through = last_due(program, now)
    state = _claim(session, program.slug)
    due = _due_days(session, program.slug, through)
    if state is None or (state.settled_through is None and not due):
        return None
    if state.terms != as_json(program.terms):
        raise StaleTerms(program=program.slug)
    start = state.settled_through + DAY if state.settled_through is not None else due[0]
    run = _Run(program, state.runs + 1, due, state.settled_through, start if start <= through else None, through)
    totals: list[_DayTotal] = []
    result = RunResult(program.slug, run.start, through, dry_run)
    books = _Books.open(session, program.slug)
    entry_id = _write_lines(session, run) if due else None
    if entry_id is not None:
        totals = _day_totals(session, due, entry_id)
        journal.post_select(session, entry_id, _transfers(run, books, entry_id, totals))
        result = _result(session, run, entry_id, totals, dry_run)
    _close(session, run, totals, now, posted=entry_id is not None)
    if dry_run or (run.start is None and entry_id is None):
        return result
    return _announce(session, result, run.number, now)


def _claim(session: Session, slug: str) -> ProgramState | None:
    """The program's row, held until commit: no other run, and no intake, for this program meanwhile.

    NO KEY UPDATE, so that a withdrawal's foreign key to it need not wait: its poster may hold what `open_entry` needs.
    """
    statement = select(ProgramState).where(_PROGRAM.c.slug == slug).with_for_update(key_share=True)
    return session.execute(statement.execution_options(populate_existing=True)).scalars().one_or_none()


def _due_days(session: Session, slug: str, through: dt.date) -> list[dt.date]:
    statement = select(_DIRTY.c.day).where(_DIRTY.c.program == slug, _DIRTY.c.day <= through)
    return list(session.execute(statement.order_by(_DIRTY.c.day)).scalars())


def _write_lines(session: Session, run: _Run) -> int | None:
    """Open the run's entry and write its lines; None, and nothing written, where the days hold no difference."""
    savepoint = session.begin_nested()
    key, due_at = f"settlement:{run.program.slug}:{run.number}", settles_at(run.program, run.through)
    entry_id = journal.open_entry(session, key, "settlement", due_at, _memo(run))
    found = differences(run.program, lambda day: day.in_(run.due), run.settled_before, entry_id)
    insert = LINE.insert().from_select([column.name for column in found.selected_columns], found)
    written = session.connection().execute(insert, execution_options={"preserve_rowcount": True})
    if written.rowcount == 0:
        savepoint.rollback()
        return None
    savepoint.commit()
    return entry_id


def _memo(run: _Run) -> str:
    """The days in words. Part of the seal, so only what every copy of the same history says alike."""
    words = []
    if run.start is not None:
        words.append(f"usage of {_range(run.start, run.through)}")
    late = [day_name(day) for day in run.due if run.settled_before is not None and day <= run.settled_before]
    if late:
        named, more = late[:_NAMED_LATE_DAYS], len(late) - _NAMED_LATE_DAYS
        tail = f" and {more} more {'day' if more == 1 else 'days'}" if more > 0 else ""
        words.append(f"late usage for {', '.join(named)}{tail}")
    return "; ".join(words)


def _range(first: dt.date, last: dt.date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _day_totals(session: Session, days: Sequence[dt.date], entry_id: int) -> list[_DayTotal]:
    """The run's lines, summed by day, oldest first."""
    margin = LINE.c.spent - LINE.c.costs - LINE.c.share
    statement = (
        select(
            LINE.c.day,
            _total(case((LINE.c.seq > 0, 1), else_=0)),
            *[_total(part) for part in (LINE.c.share, LINE.c.spent)],
            *[_total(part) for part in (*_apart(LINE.c.costs), *_apart(margin))],
        )
        .where(LINE.c.day.in_(days), LINE.c.entry_id == entry_id)
        .group_by(LINE.c.day)
        .order_by(LINE.c.day)
    )
    return [_DayTotal(*row) for row in session.execute(statement)]


def _total(part: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(part), BigInteger)


def _apart(amount: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return case((amount > 0, amount), else_=0), case((amount < 0, -amount), else_=0)


def _transfers(run: _Run, books: _Books, entry_id: int, totals: Sequence[_DayTotal]) -> Select[tuple[int, ...]]:
    """(seq, debit, credit, amount) of the run: its lines with a share, then costs and margin (domain.md, "Settlement").

    A wallet that does not exist would make an account id NULL, which the ledger refuses: no line is lost silently.
    """
    usage = whole(books.usage)
    earned = LINE.c.share > 0
    wallet = (_ACCOUNT.c.program == run.program.slug) & (_ACCOUNT.c.role == kind_of(run.program).wallet)
    lines = (
        select(
            LINE.c.seq.label("seq"),
            case((earned, usage), else_=_ACCOUNT.c.id).label("debit_id"),
            case((earned, _ACCOUNT.c.id), else_=usage).label("credit_id"),
            func.abs(LINE.c.share).label("amount"),
        )
        .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .outerjoin(_ACCOUNT, wallet & (_ACCOUNT.c.creator == PROJECT.c.creator_id))
        .where(LINE.c.day.in_(run.due), LINE.c.entry_id == entry_id, LINE.c.seq > 0)
    )
    moves = [
        *_net_moves(books.usage, books.costs, sum(t.costs_plus for t in totals), sum(t.costs_minus for t in totals)),
        *_net_moves(books.usage, books.margin, sum(t.margin_plus for t in totals), sum(t.margin_minus for t in totals)),
    ]
    last = sum(total.transfers for total in totals)
    own = [select(*[whole(part) for part in (last + place, *move)]) for place, move in enumerate(moves, start=1)]
    return select(*union_all(lines, *own).subquery("moves").columns)


def _net_moves(usage: int, account: int, plus: int, minus: int) -> list[tuple[int, int, int]]:
    """(debit, credit, amount) that bring an account what rose minus what fell. Where both are equal, both are written,
    so that lines never stand in an entry without a transfer."""
    moves = [(usage, account, plus), (account, usage, minus)]
    if plus != minus:
        moves = [(usage, account, plus - minus), (account, usage, minus - plus)]
    return [move for move in moves if move[2] > 0]


def _result(session: Session, run: _Run, entry_id: int, totals: Iterable[_DayTotal], dry_run: bool) -> RunResult:
    earners = (
        select(func.count(LINE.c.project_id.distinct()), func.count(PROJECT.c.creator_id.distinct()))
        .join(PROJECT, PROJECT.c.project_id == LINE.c.project_id)
        .where(LINE.c.day.in_(run.due), LINE.c.entry_id == entry_id, LINE.c.seq > 0)
    )
    projects, creators = session.execute(earners).one()
    share = spent = costs = 0
    late = []
    for total in totals:
        share, spent, costs = share + total.share, spent + total.spent, costs + total.costs_plus - total.costs_minus
        if run.settled_before is not None and total.day <= run.settled_before:
            late.append(total.day)
    return RunResult(
        program=run.program.slug,
        start=run.start,
        through=run.through,
        dry_run=dry_run,
        projects=projects,
        creators=creators,
        amount=share,
        spent=spent,
        costs=costs,
        margin=spent - costs - share,
        entry_id=None if dry_run else entry_id,
        late_days=tuple(late),
    )


def _close(session: Session, run: _Run, totals: Iterable[_DayTotal], now: dt.datetime, posted: bool) -> None:
    """Remember what is settled now: the days' sums, the usage seen, the program's own row."""
    slug = run.program.slug
    if run.due:
        sums = {day: {"program": slug, "day": day, "share": 0, "spent": 0, "costs": 0} for day in run.due}
        for total in totals:
            sums[total.day] |= {
                "share": total.share,
                "spent": total.spent,
                "costs": total.costs_plus - total.costs_minus,
            }
        row = upsert(session, SettledDay)
        added = {name: _SETTLED.c[name] + row.excluded[name] for name in ("share", "spent", "costs")}
        statement = row.on_conflict_do_update(index_elements=["program", "day"], set_=added)
        session.connection().execute(statement, list(sums.values()))
        session.execute(delete(_DIRTY).where(_DIRTY.c.program == slug, _DIRTY.c.day <= run.through))
    changes: dict[str, object] = {"runs": run.number} if posted else {}
    if run.start is not None:
        changes["settled_through"] = run.through
    if changes:
        session.execute(update(_PROGRAM).where(_PROGRAM.c.slug == slug).values(settled_at=now, **changes))


def _announce(session: Session, result: RunResult, number: int, now: dt.datetime) -> RunResult:
    """Seal the books and tell of the run."""
    head = seals.seal(session) or seals.head(session)
    publish(
        session,
        SettlementPosted(
            program=result.program,
            run=number if result.entry_id is not None else None,
            start=result.start,
            through=result.through,
            entry_id=result.entry_id,
            head=head,
            projects=result.projects,
            creators=result.creators,
            amount=result.amount,
            spent=result.spent,
            costs=result.costs,
            margin=result.margin,
            late_days=result.late_days,
            settled_at=now,
        ),
    )
    return replace(result, head=head)
