"""Settlement: bring the ledger to what the usage says, whatever has happened since (domain.md, "Settlement").

For each project-day with usage not seen yet, what everything known now earns, minus what is settled already, is posted
as a difference. Set-based: the number of statements does not depend on the number of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Select, case, delete, func, select, union_all, update
from sqlmodel import Session

from core.clock import DAY
from core.config import DeskConfig, Program
from core.earnings.day_totals import DayTotal, day_totals
from core.earnings.differences import LINE, PROJECT, differences
from core.earnings.facts import LateChange, MonthPosted, SettlementPosted
from core.earnings.months import closing
from core.earnings.months.buckets import add_pending, bucket_of
from core.earnings.months.closing import Closed, Closing, due_months
from core.earnings.months.late import late_changes
from core.earnings.months.lines import paid_lines
from core.earnings.periods import closed_through, day_name, last_due, month_name, settles_at
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
_NAMED_MONTHS = 12


class UnknownProgram(DeskError):
    """No program called '{program}'; there is {programs}. Nothing was settled."""


class StaleTerms(DeskError):
    """Nothing was settled. Program '{program}' has other terms in the database than in the configuration that this
    process started with. Restart it; the day is settled then.
    """


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run posted, or, with `dry_run`, would post. Amounts in micro-dollars; projects and creators are those
    whose share changed; start, late_days, months and touched_late as in `SettlementPosted`. A run that found nothing
    to do has none of them.
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
    months: tuple[MonthPosted, ...] = ()
    touched_late: tuple[LateChange, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run's orders: settle `due` days of a program through a day; `start` is the first that is new, if any is.
    closing: the months that are due, None for kinds without."""

    program: Program
    number: int
    due: Sequence[dt.date]
    settled_before: dt.date | None
    start: dt.date | None
    through: dt.date
    closing: Closing | None

    @property
    def months(self) -> Sequence[dt.date]:
        return self.closing.months if self.closing is not None else ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A run's entry with its lines: the sums of its days, and what it wrote for months."""

    entry_id: int
    totals: Sequence[DayTotal]
    closed: Closed

    @property
    def transfers(self) -> int:
        """How many of the lines move money."""
        return sum(total.transfers for total in self.totals) + self.closed.transfers


@dataclass(frozen=True, slots=True)
class _Books:
    """The program's own accounts that a run moves money through, by id."""

    usage: int
    costs: int
    margin: int
    subscriptions: int

    @classmethod
    def open(cls, session: Session, slug: str) -> _Books:
        """Before the entry: opening an account inside one could wait for somebody who waits for us."""
        roles = ("usage", "costs", "margin", "subscriptions")
        return cls(*[accounts.open_account(session, slug, role) for role in roles])


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
    state = claim(session, program.slug)
    due = _due_days(session, program.slug, through)
    if state is None or (state.settled_through is None and not due):
        return None
    if state.terms != as_json(program):
        raise StaleTerms(program=program.slug)
    start = state.settled_through + DAY if state.settled_through is not None else due[0]
    run = _Run(
        program=program,
        number=state.runs + 1,
        due=due,
        settled_before=state.settled_through,
        start=start if start <= through else None,
        through=through,
        closing=_closing(session, program, state, through),
    )
    result = RunResult(program.slug, run.start, through, dry_run)
    books = _Books.open(session, program.slug)
    written = _write_lines(session, run) if due or run.months else None
    if written is not None:
        journal.post_select(session, written.entry_id, _transfers(run, books, written))
        result = _result(session, run, written, dry_run)
    _close(session, run, written, now)
    if dry_run or (run.start is None and written is None):
        return result
    return _announce(session, result, run.number, now)


def _closing(session: Session, program: Program, state: ProgramState, through: dt.date) -> Closing | None:
    if not kind_of(program).monthly:
        return None
    months = due_months(session, program.slug, through)
    return Closing(program, months, state.settled_through, state.processed_month)


def claim(session: Session, slug: str) -> ProgramState | None:
    """The program's row, held until commit: no other run, no processing, and no intake, for this program meanwhile.

    NO KEY UPDATE, so that a withdrawal's foreign key to it need not wait: its poster may hold what `open_entry` needs.
    """
    statement = select(ProgramState).where(_PROGRAM.c.slug == slug).with_for_update(key_share=True)
    return session.execute(statement.execution_options(populate_existing=True)).scalars().one_or_none()


def _due_days(session: Session, slug: str, through: dt.date) -> list[dt.date]:
    statement = select(_DIRTY.c.day).where(_DIRTY.c.program == slug, _DIRTY.c.day <= through)
    return list(session.execute(statement.order_by(_DIRTY.c.day)).scalars())


def _write_lines(session: Session, run: _Run) -> _Written | None:
    """Open the run's entry and write its lines; None, and nothing written, where nothing differs."""
    savepoint = session.begin_nested()
    key, due_at = f"settlement:{run.program.slug}:{run.number}", settles_at(run.program, run.through)
    entry_id = journal.open_entry(session, key, "settlement", due_at, _memo(run))
    totals: list[DayTotal] = []
    closed = Closed()
    if run.due and _write_days(session, run, entry_id):
        totals = day_totals(session, run.due, entry_id)
    if run.closing is not None and run.months:
        closed = closing.write(session, run.closing, entry_id, sum(total.transfers for total in totals))
    if not totals and not closed.months:
        savepoint.rollback()
        return None
    savepoint.commit()
    return _Written(entry_id, totals, closed)


def _write_days(session: Session, run: _Run, entry_id: int) -> bool:
    """Write the lines of the days that differ; whether there are any."""
    bucket = None
    if run.closing is not None:
        processed = run.closing.processed
        bucket = lambda day: bucket_of(day, run.due, processed)  # noqa: E731
    found = differences(run.program, lambda day: day.in_(run.due), run.settled_before, entry_id, bucket)
    insert = LINE.insert().from_select([column.name for column in found.selected_columns], found)
    return session.connection().execute(insert, execution_options={"preserve_rowcount": True}).rowcount > 0


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
    closed = closed_through(run.settled_before)
    new = [month_name(month) for month in run.months if closed is None or month > closed]
    changed = [month_name(month) for month in run.months if closed is not None and month <= closed]
    words += [f"{what} {_some(names)}" for what, names in (("close of", new), ("changes of", changed)) if names]
    return "; ".join(words)


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED_MONTHS
    return ", ".join(names[:_NAMED_MONTHS]) + (f" and {more} more" if more > 0 else "")


def _range(first: dt.date, last: dt.date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _transfers(run: _Run, books: _Books, written: _Written) -> Select[tuple[int, ...]]:
    """(seq, debit, credit, amount) of the run: its lines with a share, those of days first, then costs and margin
    (domain.md, "Settlement").

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
        .where(LINE.c.day.in_(run.due), LINE.c.entry_id == written.entry_id, LINE.c.seq > 0)
    )
    of_months = []
    if run.closing is not None and written.closed.transfers:
        of_months = closing.transfers(run.closing, books.subscriptions, written.entry_id)
    totals, closed = written.totals, written.closed
    moves = [
        *_net_moves(books.usage, books.costs, sum(t.costs_plus for t in totals), sum(t.costs_minus for t in totals)),
        *_net_moves(books.usage, books.margin, sum(t.margin_plus for t in totals), sum(t.margin_minus for t in totals)),
        *_net_moves(books.subscriptions, books.margin, closed.plus, closed.minus),
    ]
    own = [
        select(*[whole(part) for part in (written.transfers + place, *move)])
        for place, move in enumerate(moves, start=1)
    ]
    return select(*union_all(lines, *of_months, *own).subquery("moves").columns)


def _net_moves(source: int, account: int, plus: int, minus: int) -> list[tuple[int, int, int]]:
    """(debit, credit, amount) that bring an account what rose minus what fell. Where both are equal, both are written,
    so that lines never stand in an entry without a transfer."""
    moves = [(source, account, plus), (account, source, minus)]
    if plus != minus:
        moves = [(source, account, plus - minus), (account, source, minus - plus)]
    return [move for move in moves if move[2] > 0]


def _result(session: Session, run: _Run, written: _Written, dry_run: bool) -> RunResult:
    projects, creators = session.execute(_earners(run, written.entry_id)).one()
    share = spent = costs = 0
    late = []
    for total in written.totals:
        share, spent, costs = share + total.share, spent + total.spent, costs + total.costs_plus - total.costs_minus
        if run.settled_before is not None and total.day <= run.settled_before:
            late.append(total.day)
    for month in written.closed.months:
        share, spent = share + month.share + month.referral, spent + month.payments
    touched = late_changes(session, run.closing, run.due, written.entry_id) if run.closing is not None else ()
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
        entry_id=None if dry_run else written.entry_id,
        late_days=tuple(late),
        months=written.closed.months,
        touched_late=touched,
    )


def _earners(run: _Run, entry_id: int) -> Select[int, int]:
    """How many projects, and how many creators, the entry moves money for."""
    found = paid_lines(run.program.slug, run.due, run.months, entry_id).subquery("earners")
    return select(func.count(found.c.project_id.distinct()), func.count(found.c.creator_id.distinct()))


def _close(session: Session, run: _Run, written: _Written | None, now: dt.datetime) -> None:
    """Remember what is settled now: the days' sums, the usage seen, what waits for payout, the program's own row."""
    slug = run.program.slug
    totals = written.totals if written is not None else ()
    if run.closing is not None:
        if written is not None:
            add_pending(session, slug, run.due, run.months, written.entry_id)
        closing.forget(session, run.closing)
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
    changes: dict[str, object] = {"runs": run.number} if written is not None else {}
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
            months=result.months,
            touched_late=result.touched_late,
        ),
    )
    return replace(result, head=head)
