"""Payouts for operators: what waits, what was sent, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import AsJson, At, Config, amounts, emit, open_desk, refuse, say, table

if TYPE_CHECKING:
    from core.payouts.tables import Withdrawal

payouts = typer.Typer(name="payouts", help="Withdrawals: list, send, mark paid or failed.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The withdrawal, such as 12 or WD-12.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(payouts)


@payouts.command("list")
def list_(
    state: Annotated[
        list[str] | None, typer.Option(help="Only in this state (requested, approved, sent, …); may be repeated.")
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Every withdrawal, newest first."""
    from sqlmodel import col, select

    from core.clock import iso
    from core.ledger.money import format_money
    from core.payouts.tables import END_STATES, OPEN_STATES, Withdrawal

    for name in state or ():
        if name not in (*OPEN_STATES, *END_STATES):
            known = ", ".join((*OPEN_STATES, *END_STATES))
            raise typer.BadParameter(f"there is no state {name!r}; there are {known}", param_hint="--state")
    app = open_desk(config, sync=False, create=False)
    wanted = select(Withdrawal).order_by(col(Withdrawal.id).desc())
    if state:
        wanted = wanted.where(col(Withdrawal.state).in_(state))
    with app.database.reading() as session:
        found = list(session.exec(wanted).all())
    if as_json:
        emit([_document(one) for one in found])
        return
    rows = [
        (
            f"WD-{one.id}",
            one.creator_id,
            one.program,
            one.state,
            format_money(one.amount),
            one.method,
            iso(one.requested_at),
        )
        for one in found
    ]
    if rows:
        table(("ID", "CREATOR", "PROGRAM", "STATE", "AMOUNT", "METHOD", "REQUESTED"), rows)
    else:
        say("No withdrawals.")


@payouts.command("send")
def send(as_json: AsJson = False, at: At = None, config: Config = None) -> None:
    """Send what is approved and due, now, without waiting for `up`."""
    from core.payouts import attempts, withdrawals
    from core.payouts.rail import Sent

    app = open_desk(config, at)
    tried = attempts.send_due(app.database, app.config, app.rails, app.clock(), "operator")
    with app.database.reading() as session:
        documents = [
            {**_document(withdrawals.find(session, one.withdrawal_id)), "outcome": type(one.outcome).__name__.lower()}
            for one in tried
        ]
    if as_json:
        emit(documents)
    for document in () if as_json else documents:
        say(f"WD-{document['id']} {document['outcome']}")
    if not tried and not as_json:
        say("Nothing is due to be sent.")
    failed = [f"WD-{one.withdrawal_id}" for one in tried if not isinstance(one.outcome, Sent)]
    if failed:
        refuse(f"Not sent: {', '.join(failed)}.")


@payouts.command("mark-paid")
def mark_paid(
    withdrawal: Id,
    reference: Annotated[str, typer.Option(help="The bank's or service's trace.")] = "",
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """The money arrived."""
    from core.payouts import withdrawals

    app = open_desk(config, at)
    with app.database.transaction() as session:
        done = withdrawals.mark_paid(session, app.config, app.clock(), None, _number(withdrawal), reference)
    _report(done, as_json)


@payouts.command("mark-failed")
def mark_failed(
    withdrawal: Id,
    reason: Annotated[str, typer.Option(help="Why; the creator reads it (10 to 500 characters).")],
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """It could not be paid: the whole amount goes back to the creator's balance."""
    from core.payouts import withdrawals

    app = open_desk(config, at)
    with app.database.transaction() as session:
        done = withdrawals.mark_failed(session, app.config, app.clock(), None, _number(withdrawal), reason)
    _report(done, as_json)


@payouts.command("mark-returned")
def mark_returned(
    withdrawal: Id,
    reason: Annotated[str, typer.Option(help="Why; the creator reads it (10 to 500 characters).")],
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Paid money came back: the whole amount goes back to the creator's balance."""
    from core.payouts import withdrawals

    app = open_desk(config, at)
    with app.database.transaction() as session:
        done = withdrawals.mark_returned(session, app.config, app.clock(), None, _number(withdrawal), reason)
    _report(done, as_json)


def _number(text: str) -> int:
    digits = text.upper().removeprefix("WD-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise typer.BadParameter(f"{text!r} is no withdrawal; write 12 or WD-12", param_hint="ID")
    return int(digits)


def _report(done: Withdrawal, as_json: bool) -> None:
    if as_json:
        emit(_document(done))
    else:
        say(f"WD-{done.id} is marked {done.state}.")


def _document(one: Withdrawal) -> dict[str, object]:
    from core.clock import iso

    return {
        "id": one.id,
        "creator_id": one.creator_id,
        "program": one.program,
        "state": one.state,
        **amounts(amount=one.amount, fee=one.fee),
        "method": one.method,
        "requested_at": iso(one.requested_at),
        "reference": one.reference,
        "reason": one.reason,
    }
