"""/payouts: withdrawals and their whole lives, for the creator who asked for them (commands.md, "Creator commands")."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from core.chat.commands.csvfiles import csv_of, csv_reply
from core.chat.commands.own import own_programs, programs_of, project_label, title_of
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.registry import Arg, Call, Reply, Suggestion, action, command
from core.chat.words import command_line, day_text, days_text, full_day_text
from core.clock import utc_day
from core.config import DeskConfig
from core.earnings import catalog
from core.earnings.periods import month_name
from core.ledger.money import format_money
from core.payouts import batches, guard, views, withdrawals
from core.payouts.breakdown import Part, breakdown
from core.payouts.export import payouts_csv
from core.payouts.tables import Withdrawal
from core.payouts.words import desk_words, status_word

CANCELLABLE = ("requested", "approved")
PARTS_SHOWN = 20
REASON_SHOWN = 500


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One withdrawal in the list. date: processed, or requested while it is open. month: of a monthly payout."""

    id: int
    shown: str
    date: str
    amount: int
    status: str
    method: str
    expected: str
    cancellable: bool
    line: str
    month: str = ""


def own_payouts(call: Call, text: str) -> Iterator[Suggestion]:
    """The person's own withdrawals, newest first."""
    if call.who is None or call.who.creator_id is None:
        return
    for one in views.history(call.session, call.who.creator_id, limit=25):
        shown = guard.shown_id(one.id)
        if text.casefold().lstrip() in shown.casefold():
            yield Suggestion(shown, shown, f"{format_money(one.amount)}, {status_word(one.state)}")


@command("payouts", "Your withdrawals and what became of them", topic="payouts")
def payouts(
    call: Call,
    id: Annotated[  # noqa: A002 - people type `id`
        int | None, Arg("One of them, such as WD-12", prefix="WD-", suggest=own_payouts, example="WD-12")
    ] = None,
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Date processed, amount, status, expected dates; with an id also the breakdown by project and the rail's trace."""
    if id is not None:
        return _one(call, withdrawals.find_own(call.session, call.actor, id))
    slug = guard.pick_program(call.session, call.config, call.creator_id, program) if program is not None else None
    total = views.count_of_creator(call.session, call.creator_id, slug)
    pages = Pages(page, total, "payouts", {"program": program})
    found = views.history(call.session, call.creator_id, slug, pages.first, pages.rows)
    return call.reply(
        "payouts",
        lines=[_line(call, one) for one in found],
        pages=pages,
        csv=command_line("payouts", program=program),
    )


def method_title(config: DeskConfig, name: str) -> str:
    """How people call a method, also one that is no longer offered."""
    return next((one.title or one.name for one in config.methods if one.name == name), name)


def expected_text(withdrawal: Withdrawal) -> str:
    """When the money should arrive: `16–20 Jan`; empty once it has ended."""
    if withdrawal.ended_at is not None or withdrawal.arrives_from is None or withdrawal.arrives_by is None:
        return ""
    return days_text(withdrawal.arrives_from, withdrawal.arrives_by)


def _line(call: Call, one: Withdrawal) -> PayoutLine:
    day = utc_day(one.ended_at or one.requested_at)
    shown = guard.shown_id(one.id)
    return PayoutLine(
        id=guard.id_of(one),
        shown=shown,
        date=day_text(day) if day.year == utc_day(call.now).year else full_day_text(day),
        amount=one.amount,
        status=status_word(one.state),
        method=method_title(call.config, one.method),
        expected=expected_text(one) or "—",
        cancellable=one.state in CANCELLABLE,
        line=command_line("payouts", id=shown),
        month=_month(call, one),
    )


def _month(call: Call, one: Withdrawal) -> str:
    """`Jan 2026` where a monthly payout made it; empty for one that was asked for."""
    return "" if one.batch_id is None else month_name(batches.find(call.session, one.batch_id).month)


@dataclass(frozen=True, slots=True)
class Step:
    """A moment in a withdrawal's life, in the creator's words."""

    name: str
    at: dt.datetime


def _steps(one: Withdrawal) -> list[Step]:
    ended = {
        "paid": "Paid",
        "failed": "Failed",
        "returned": "Returned",
        "rejected": "Rejected",
        "cancelled": "Cancelled",
    }
    known = [
        ("Requested", one.requested_at),
        ("Approved", one.approved_at),
        ("Sent", one.sent_at),
        (ended.get(one.state, "Ended"), one.ended_at),
    ]
    return [Step(name, at) for name, at in known if at is not None]


def _one(call: Call, one: Withdrawal) -> Reply:
    names = {project.project_id: project for project in catalog.projects_of(call.session, call.creator_id)}

    def label(part: Part) -> str:
        project = names.get(part.project_id)
        return project_label(project) if project is not None else part.name

    parts = [(label(part), part.amount) for part in breakdown(call.session, one)]
    program = call.config.programs.get(one.program)
    several = program is not None and len(programs_of(call)) > 1
    return call.reply(
        "payout",
        shown=guard.shown_id(one.id),
        one=one,
        net=one.amount - one.fee,
        status=status_word(one.state),
        words=desk_words(one.state, one.rail),
        program=title_of(call.config, program) if program is not None and several else "",
        method=method_title(call.config, one.method),
        expected=expected_text(one),
        steps=_steps(one),
        parts=parts[:PARTS_SHOWN],
        others=(len(parts) - PARTS_SHOWN, sum(amount for _, amount in parts[PARTS_SHOWN:])),
        cancellable=one.state in CANCELLABLE,
        month=_month(call, one),
    )


@action("payout.cancel")
def press_cancel(call: Call, value: int) -> Reply:
    """Take a request back before it is sent; the whole amount is available again."""
    one = withdrawals.cancel(call.session, call.config, call.now, call.actor, value)
    return call.reply("payout_cancelled", replaces=True, shown=guard.shown_id(one.id), amount=one.amount)


@csv_of("payouts")
def export(call: Call, id: int | None = None, program: str | None = None) -> Reply:  # noqa: A002, ARG001 - as the command
    """All of the creator's withdrawals as a file, oldest first."""
    slug = guard.pick_program(call.session, call.config, call.creator_id, program) if program is not None else None
    out = io.StringIO()
    rows = payouts_csv(call.session, out, creator_id=call.creator_id, program=slug)
    return csv_reply(call, "payouts", out.getvalue(), rows)
