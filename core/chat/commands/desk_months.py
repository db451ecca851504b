"""A monthly payout under an approver's hands: approve it in one press, look through its rows, decide one alone.

Its card comes unasked (templates/unasked/batch.card); /desk batch leads to it as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.chat.cards import shown_name
from core.chat.commands.desk_queue import Waiting, people_needed, waiting_line
from core.chat.commands.own import title_of
from core.chat.registry import Call, Reply, action
from core.earnings.periods import month_name
from core.errors import DeskError
from core.payouts import approvals, batch_approvals, batches, guard
from core.payouts.tables import PayoutBatch, Withdrawal
from core.payouts.words import desk_words

APPROVER = ("approver",)
ROWS = 5  # two buttons each, and a card holds fifteen
MONTHS_SHOWN = 4


class BadPage(DeskError):
    """Nothing changed. That is no page of a monthly payout. Type /desk batch for those that wait."""


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """A monthly payout of which something waits for a decision. words: what its button says."""

    id: int
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A withdrawal of a batch. words: where it is; said: who decided it, in words, empty while it waits."""

    line: Waiting
    waits: bool
    words: str
    said: str


def open_months(call: Call) -> list[OpenMonth]:
    """The newest monthly payouts that wait for a decision."""
    found = []
    for one in batches.undecided(call.session)[-MONTHS_SHOWN:]:
        waiting = batches.standing(call.session, one.id or 0).waiting
        name = f"{_title(call, one)} {month_name(one.month)}".strip()
        found.append(OpenMonth(one.id or 0, f"Monthly payouts {name}: {waiting:,} wait"[:75]))
    return found


def _title(call: Call, batch: PayoutBatch) -> str:
    """The program's name, where there are several."""
    program = call.config.programs.get(batch.program)
    several = program is not None and len(call.config.programs) > 1
    return title_of(call.config, program) if program is not None and several else ""


@action("batch.approve", roles=APPROVER)
def press_approve(call: Call, value: int) -> Reply:
    """Approve every row that one approver decides and nothing speaks against; what was not approved is listed."""
    surface = call.surface.platform or "cli"
    outcome = batch_approvals.approve(call.session, call.config, call.now, call.actor, value, surface)
    return call.reply(
        "desk_month_approved",
        id=value,
        title=_title(call, outcome.batch),
        month=month_name(outcome.batch.month),
        count=outcome.approved,
        total=outcome.total,
        left=[(guard.shown_id(one.withdrawal_id), one.why) for one in outcome.left],
        more=outcome.more - outcome.ready,
        ready=outcome.ready,
    )


@action("batch.list", roles=APPROVER, writes=False)
def press_list(call: Call, value: str) -> Reply:
    """The batch's rows, those that wait first, the largest first; each can be approved or rejected alone."""
    batch_id, page = _page_of(value)
    batch = batches.find(call.session, batch_id)
    standing = batches.standing(call.session, batch_id)
    pages = max(1, -(-standing.count // ROWS))
    page = min(page, pages)
    rows = [_row(call, one) for one in batches.rows(call.session, batch_id, (page - 1) * ROWS, ROWS)]
    return call.reply(
        "desk_month_list",
        replaces=True,
        id=batch_id,
        title=_title(call, batch),
        month=month_name(batch.month),
        standing=standing,
        rows=rows,
        page=page,
        pages=pages,
        first=(page - 1) * ROWS + 1,
    )


def _page_of(value: str) -> tuple[int, int]:
    """`12` or `12:3`: a batch, and which page of it."""
    parts = value.split(":")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise BadPage
    return int(parts[0]), max(1, int(parts[1])) if len(parts) == 2 else 1


def _row(call: Call, one: Withdrawal) -> Row:
    line, waits = waiting_line(call, one), one.state == "requested"
    said = approvals.decisions(call.session, guard.id_of(one))
    words = (
        people_needed(one.approvals_needed, line.approvals) + " needed" if waits else desk_words(one.state, one.rail)
    )
    return Row(line, waits, words, "; ".join(_said(call, word) for word in said))


def _said(call: Call, word: approvals.Said) -> str:
    at = guard.clock_time(word.at, call.now)
    if word.verdict == "approve":
        return f"Approved by {shown_name(word.name)} at {at}"
    return f"Rejected by {shown_name(word.name)} at {at}: {word.reason}"
