"""The books: settle them, check them, take them elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from bot.commands.common import AsJson, At, Config, amounts, emit, open_desk, parse_day, refuse, say, table

if TYPE_CHECKING:
    from core.earnings.facts import LateChange, MonthPosted
    from core.earnings.settlement import RunResult
    from core.payouts.processing import Processed

Format = Literal["hledger", "beancount", "csv"]
What = Literal["journal", "transactions", "payouts", "audit"]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("settle")(settle)
    app.command("export")(export)
    app.command("verify")(verify)


def settle(
    program: Annotated[str | None, typer.Option(help="Only this program.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be posted; post nothing.")] = False,
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Settle every day that is due, then pay out closed months whose payout day has come. Running it again posts
    nothing new."""
    from core.payouts.processing import foresee_due, run_due

    app = open_desk(config, at)
    due = (foresee_due if dry_run else run_due)(app.database, app.config, app.clock(), program)
    results = due.settled
    if as_json:
        emit({"programs": [_run(result) for result in results], "payouts": [_paid(one) for one in due.processed]})
        return
    if results:
        table(
            ("PROGRAM", "DAYS", "PROJECTS", "CREATORS", "INCENTIVES", "COSTS", "MARGIN", "ENTRY"),
            [_row(result) for result in results],
        )
        for result in results:
            for month in result.months:
                say(_month_words(result.program, month))
    else:
        say("Nothing to settle: no usage has arrived yet.")
    for one in due.processed:
        if one.moved or one.payouts or one.skipped:
            say(_paid_words(one))
    if results and dry_run:
        say("Dry run: nothing was posted.")


def _run(result: RunResult) -> dict[str, object]:
    return {
        "program": result.program,
        "from": result.start.isoformat() if result.start else None,
        "through": result.through.isoformat(),
        "dry_run": result.dry_run,
        "projects": result.projects,
        "creators": result.creators,
        **amounts(amount=result.amount, spent=result.spent, costs=result.costs, margin=result.margin),
        "entry": result.entry_id,
        "late_days": [day.isoformat() for day in result.late_days],
        "months": [_month(one) for one in result.months],
        "touched_late": [_touched(one) for one in result.touched_late],
        "head": result.head,
    }


def _month(one: MonthPosted) -> dict[str, object]:
    return {
        "month": f"{one.month:%Y-%m}",
        "first_close": one.first_close,
        "projects": one.projects,
        "referrers": one.referrers,
        **amounts(payments=one.payments, gross=one.gross, share=one.share, referral=one.referral, margin=one.margin),
    }


def _touched(one: LateChange) -> dict[str, object]:
    return {
        "creator_id": one.creator_id,
        "month": f"{one.month:%Y-%m}",
        "paid_with": f"{one.bucket:%Y-%m}",
        **amounts(embed=one.embed, marketplace=one.marketplace, referral=one.referral),
    }


def _month_words(program: str, one: MonthPosted) -> str:
    from core.earnings.periods import month_name
    from core.ledger.money import format_money

    month = f"{program}: {month_name(one.month)}"
    share, referral, payments = (format_money(amount) for amount in (one.share, one.referral, one.payments))
    if not one.first_close:
        return f"{month} changed after its close: subscriptions {payments}, creators {share}, referrers {referral}."
    return f"{month} closed: of {payments} from subscribers, creators get {share} and those who referred {referral}."


def _paid(one: Processed) -> dict[str, object]:
    return {
        "program": one.program,
        "month": f"{one.month:%Y-%m}",
        "withdrawals": one.payouts,
        "two_people": one.two_people,
        "passed_over": one.skipped,
        **amounts(moved=one.moved, total=one.total),
        "entry": one.entry_id,
    }


def _paid_words(one: Processed) -> str:
    from core.earnings.periods import month_name
    from core.ledger.money import format_money

    passed = f"; {one.skipped} passed over and told why" if one.skipped else ""
    made = "1 withdrawal" if one.payouts == 1 else f"{one.payouts:,} withdrawals"
    return (
        f"{one.program}: {format_money(one.moved)} of {month_name(one.month)} and before is available; "
        f"{made}, {format_money(one.total)}, {'waits' if one.payouts == 1 else 'wait'} for approval{passed}."
    )


def _row(result: RunResult) -> tuple[str, ...]:
    from core.ledger.money import format_money

    if result.start is None:
        late = "late payments" if result.months else ""
        late = "late usage" if result.late_days else late
        days = f"{late} only" if late else f"nothing new (through {result.through})"
    else:
        days = f"{result.start} to {result.through}"
    money = (format_money(amount) for amount in (result.amount, result.costs, result.margin))
    entry = f"L-{result.entry_id}" if result.entry_id else "-"
    return (result.program, days, str(result.projects), str(result.creators), *money, entry)


def verify(
    head: Annotated[
        str | None, typer.Option(metavar="HEX", help="A seal from a digest: notices that the newest rows are gone.")
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Check the books, and say what is wrong where."""
    from core.verify import verify as look

    app = open_desk(config, need_config=False, sync=False, create=False)
    with app.database.reading() as session:
        checks = look(session, head)
    ok = all(check.ok for check in checks)
    if as_json:
        emit({"ok": ok, "checks": [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in checks]})
    else:
        for one in checks:
            say(f"{'✓' if one.ok else '✗'} {one.name}: {one.detail}")
    if not ok:
        wrong = "; ".join(f"{one.name}: {one.detail}" for one in checks if not one.ok)
        refuse(f"The books are not as they should be: {wrong}")


def export(
    what: Annotated[What, typer.Argument(help="What to export.")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="hledger or beancount for the journal; csv for the others.")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First UTC day.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Instead of stdout.")] = None,
    config: Config = None,
) -> None:
    """Write the journal, transactions, payouts or the audit trail for other programs."""
    formats = ("hledger", "beancount") if what == "journal" else ("csv",)
    chosen = format_ or formats[0]
    if chosen not in formats:
        raise typer.BadParameter(f"{what} is exported as {' or '.join(formats)}", param_hint="--format")
    start, end = parse_day(from_, "--from"), parse_day(to, "--to")
    if start and end and start > end:
        raise typer.BadParameter(f"the range ends on {end}, before it begins on {start}", param_hint="--to")
    app = open_desk(config, need_config=False, sync=False, create=False)
    write = _writer(what, chosen)
    with app.database.reading() as session, _out(output) as out:
        write(session, out, start, end)


def _writer(what: What, chosen: str) -> Callable[..., object]:
    """The function that writes (session, out, start, end)."""
    if what == "journal":
        from core.ledger import export as journal

        return journal.hledger if chosen == "hledger" else journal.beancount
    if what == "audit":
        from core.audit import export_csv

        return export_csv
    from core.payouts import export as payouts

    return payouts.transactions_csv if what == "transactions" else payouts.payouts_csv


@contextlib.contextmanager
def _out(path: Path | None) -> Iterator[TextIO]:
    """The file, whole or not at all: an export that fails leaves what was there before."""
    if path is None:
        yield sys.stdout
        return
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            yield out
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
