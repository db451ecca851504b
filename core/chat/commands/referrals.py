"""/referrals: the subscribers someone brought, and the commission on their payments (domain.md, "Referral")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.chat.commands.csvfiles import amount, csv_of, csv_reply, table_csv
from core.chat.commands.own import narrowed, own_programs, title_of
from core.chat.commands.paging import MOST_PAGES, Pages
from core.chat.registry import Arg, Call, Reply, command
from core.chat.words import command_line, month_text
from core.clock import utc_day
from core.config import Program
from core.earnings import referrals as referred
from core.earnings.periods import closes_at
from core.earnings.programs import ASSISTANTS
from core.earnings.referrals import ReferralMonth, ReferralSummary
from core.errors import DeskError


class NoReferrals(DeskError):
    """Nothing to show: no program of yours pays for referrals. Nothing changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A month in one program. state: settled, an estimate, or both."""

    program: str
    month: str
    found: ReferralMonth
    state: str


@command("referrals", "The subscribers you brought, and your commission", topic="earnings", kind=ASSISTANTS)
def referrals_command(
    call: Call,
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
    page: Annotated[int, Arg("Page", minimum=1, maximum=MOST_PAGES)] = 1,
) -> Reply:
    """Referred subscribers, commission settled and to come, a line per month."""
    found = _read(call, program)
    lines = [
        Line(title_of(call.config, one), month_text(month.month), month, _state(month))
        for one, summary in found
        for month in summary.by_month
    ]
    pages = Pages(page, len(lines), "referrals", {"program": program})
    return call.reply(
        "referrals",
        programs=[
            {
                "title": title_of(call.config, one),
                "summary": summary,
                "total": summary.settled + summary.pending_estimate,
                "closes_at": closes_at(one, utc_day(call.now)),
            }
            for one, summary in found
        ],
        lines=lines[pages.first : pages.end],
        pages=pages,
        csv=command_line("referrals", program=program),
    )


def _read(call: Call, wanted: str | None) -> list[tuple[Program, ReferralSummary]]:
    programs = [one for one in narrowed(call, wanted) if one.kind == ASSISTANTS]
    if not programs:
        raise NoReferrals
    return [(one, referred.summary(call.session, call.config, call.creator_id, one.slug, call.now)) for one in programs]


def _state(month: ReferralMonth) -> str:
    if month.commission == month.settled:
        return "settled" if month.closed else "estimate"
    return "settled in part" if month.settled else "estimate"


@csv_of("referrals")
def export(call: Call, program: str | None = None) -> Reply:
    """Every month as a file."""
    rows = [
        (
            one.slug,
            month.month.strftime("%Y-%m"),
            amount(month.paid),
            amount(month.commission),
            amount(month.settled),
            "yes" if month.closed else "no",
        )
        for one, summary in _read(call, program)
        for month in summary.by_month
    ]
    text, count = table_csv(("program", "month", "paid_usd", "commission_usd", "settled_usd", "closed"), rows)
    return csv_reply(call, "referrals", text, count)
