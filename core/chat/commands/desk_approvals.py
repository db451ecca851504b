"""/desk approvals, approve, reject, batch: deciding withdrawals (domain.md, "Withdrawals", Approval, and "Roles")."""

from __future__ import annotations

from typing import Annotated

from core.chat import approval_cards
from core.chat.commands.desk_months import open_months
from core.chat.commands.desk_queue import people_needed, waiting, waiting_line
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.digest import shown as with_title
from core.chat.registry import Arg, Call, Reply, action, command
from core.errors import DeskError
from core.payouts import approvals, guard
from core.payouts.words import desk_words

APPROVER = ("approver",)
QUEUE_ROWS = 5  # two buttons each, and a card holds fifteen
BATCH_MOST = 25
Reason = Annotated[
    str,
    Arg("Why; the creator reads it", min_length=10, max_length=500, example="the account name does not match"),
]
WithdrawalId = Annotated[int, Arg("Which withdrawal, such as WD-12", prefix="WD-", suggest=waiting, example="WD-12")]


class BadBatch(DeskError):
    """Nothing changed. That is no list of withdrawals. Type /desk batch for a new one."""


@command("desk approvals", "What waits for a decision", roles=APPROVER, topic="desk")
def queue(
    call: Call,
    id: Annotated[  # noqa: A002 - people type `id`
        int | None, Arg("One of them, such as WD-12", prefix="WD-", suggest=waiting, example="WD-12")
    ] = None,
    *,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """The queue, the oldest first; or one withdrawal's card."""
    if id is not None:
        return _card(call, id)
    found = approvals.queue(call.session)
    pages = Pages(page, len(found), "desk approvals", {}, QUEUE_ROWS)
    return call.reply(
        "desk_approvals",
        lines=[waiting_line(call, one) for one in found[pages.first : pages.end]],
        pages=pages,
        count=len(found),
        total=sum(one.amount for one in found),
        batch=len(approvals.batch(call.session)),
    )


def _card(call: Call, withdrawal_id: int) -> Reply:
    """The same card that approvers get in their channel."""
    facts = approval_cards.approval(call.session, call.config, call.now, {"withdrawal": withdrawal_id})
    return Reply(call.card("unasked/approval", **with_title(call.config, dict(facts))))


@command("desk approve", "Approve a withdrawal", roles=APPROVER, writes=True, topic="desk")
def approve(call: Call, id: WithdrawalId) -> Reply:  # noqa: A002 - people type `id`
    """One person's approval; enough of them make it approved, and it is sent next."""
    return _approve(call, id)


@action("payout.approve", roles=APPROVER)
def press_approve(call: Call, value: int) -> Reply:
    """The same as a button."""
    return _approve(call, value)


def _approve(call: Call, withdrawal_id: int) -> Reply:
    decided = approvals.approve(
        call.session, call.config, call.now, call.actor, withdrawal_id, call.surface.platform or "cli"
    )
    return call.reply(
        "desk_decided",
        shown=guard.shown_id(decided.withdrawal.id),
        id=withdrawal_id,
        amount=decided.withdrawal.amount,
        verdict="approve",
        final=decided.final,
        words=desk_words(decided.withdrawal.state),
        approvals=decided.approvals,
        needed=decided.needed,
        left=people_needed(decided.needed, decided.approvals),
        reason="",
    )


@command("desk reject", "Turn a withdrawal down", roles=APPROVER, writes=True, topic="desk")
def reject(call: Call, id: WithdrawalId, reason: Reason) -> Reply:  # noqa: A002 - people type `id`
    """One approver's word suffices; the money is back in the balance, and the creator reads why."""
    return _reject(call, id, reason)


@action("payout.reject", roles=APPROVER)
def press_reject(call: Call, value: int, reason: Reason) -> Reply:
    """The same as a button with a form."""
    return _reject(call, value, reason)


def _reject(call: Call, withdrawal_id: int, reason: str) -> Reply:
    decided = approvals.reject(
        call.session, call.config, call.now, call.actor, withdrawal_id, call.surface.platform or "cli", reason
    )
    return call.reply(
        "desk_decided",
        shown=guard.shown_id(decided.withdrawal.id),
        id=withdrawal_id,
        amount=decided.withdrawal.amount,
        verdict="reject",
        final=True,
        words=desk_words(decided.withdrawal.state),
        approvals=decided.approvals,
        needed=decided.needed,
        left="",
        reason=decided.withdrawal.reason,
    )


@command("desk batch", "Approve all that need one approver, together", roles=APPROVER, topic="desk")
def batch(call: Call) -> Reply:
    """A list with a total; flagged ones and one's own are left out and named."""
    lines = [waiting_line(call, one) for one in approvals.batch(call.session)]
    clean = [line for line in lines if not line.flags and not line.mine]
    left_out = [
        (line.shown, "; ".join((*line.flags, *filter(None, [line.mine])))) for line in lines if line.flags or line.mine
    ]
    listed = clean[:BATCH_MOST]
    return call.reply(
        "desk_batch",
        lines=listed,
        total=sum(line.amount for line in listed),
        more=len(clean) - len(listed),
        left_out=left_out[:QUEUE_ROWS],
        left_out_more=max(0, len(left_out) - QUEUE_ROWS),
        value=",".join(str(line.id) for line in listed),
        months=open_months(call),
    )


@action("payout.batch", roles=APPROVER)
def press_batch(call: Call, value: str) -> Reply:
    """Approve exactly what was listed; each is checked again, and what was not approved is reported with its reason."""
    ids = [int(text) for text in value.split(",") if text.isascii() and text.isdigit() and len(text) < 19]
    if not ids or len(ids) != value.count(",") + 1 or len(ids) > BATCH_MOST:
        raise BadBatch
    approved, refused = approvals.approve_batch(
        call.session, call.config, call.now, call.actor, ids, call.surface.platform or "cli"
    )
    final = [one for one in approved if one.final]
    return call.reply(
        "desk_batch_done",
        count=len(final),
        total=sum(one.withdrawal.amount for one in final),
        waiting=[guard.shown_id(one.withdrawal.id) for one in approved if not one.final],
        refused=[(guard.shown_id(one), refusal.text) for one, refusal in refused],
    )
