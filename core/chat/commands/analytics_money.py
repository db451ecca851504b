"""Views of what an assistant earns: growth, sources, revenue a user. Each with what it means in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.chat.cards import HIDDEN, shown_name
from core.chat.charts import describe
from core.chat.commands.analytics_view import Picture, View, cell, period_text, span_text
from core.chat.commands.csvfiles import amount
from core.chat.limits import LIMITS
from core.chat.registry import Call
from core.chat.words import TOO_FEW, approx_text, cents, counted, day_text, month_text, plural
from core.earnings.analytics import growth, sources, users
from core.earnings.tables import Project
from core.ledger.money import decimal_text

ROWS_SHOWN = 12


def growing(call: Call, project: Project, period: str) -> View:
    """Is revenue increasing?"""
    found = growth.growth(call.session, call.config, project, period, call.now)
    named = [(month_text(one.first) if found.monthly else day_text(one.first), one) for one in found.cells]
    drawn = named[-LIMITS["points"] :]
    what = "Monthly revenue" if found.monthly else "Daily revenue"
    newest = named[-ROWS_SHOWN:]
    more = len(named) - len(newest)
    return View(
        meaning=_growth_meaning(found),
        about=period_text(found.days),
        picture=Picture(
            "line",
            "revenue-by-month" if found.monthly else "revenue-by-day",
            "usd",
            describe(
                what,
                [(label, cents(one.gross)) for label, one in drawn],
                at="in" if found.monthly else "on",
                total=cents(sum(one.gross for _, one in drawn)),
            ),
            tuple((label, decimal_text(one.gross)) for label, one in drawn),
        ),
        note="Total revenue before the platform's part, to the cent; “about” is an estimate. Messages and users are of "
        "whole days, from 5 users on." + (f" {plural(more, 'older line')} in the CSV file." if more else ""),
        columns=("Month" if found.monthly else "Day", "Total Revenue", "Your part", "Tokens", "Messages", "Users"),
        lines=tuple(
            (
                label,
                _about(one.gross, not one.settled),
                _about(one.share, not one.settled),
                f"{one.tokens:,}",
                _count_text(one.messages),
                _count_text(one.users),
            )
            for label, one in newest
        ),
        header=("from", "settled", "total_revenue_usd", "your_part_usd", "tokens", "messages", "users"),
        rows=tuple(
            (
                one.first.isoformat(),
                "yes" if one.settled else "no",
                amount(one.gross),
                amount(one.share),
                one.tokens,
                cell(one.messages),
                cell(one.users),
            )
            for one in found.cells
        ),
        has_period=True,
    )


def _about(micros: int, estimate: bool) -> str:
    """To the cent, and whether it can still change."""
    return ("about " if estimate else "") + approx_text(micros)


def _count_text(value: int | None) -> str:
    """A count in a narrow column; what "hidden" means stands under the table."""
    return "hidden" if value is None else f"{value:,}"


def _growth_meaning(found: growth.Growth) -> str:
    total = _about(found.gross, found.estimate)
    span = {"week": "the week before", "all": "the same days of last month"}.get(
        found.period, "the same days of last month"
    )
    if found.days is None:
        return "Nothing is settled yet, so there is no trend to see."
    if found.gross_before is None:
        return f"It brought {total} in these days; there is nothing before them to compare with."
    what = "This month's revenue" if found.period == "all" else f"Revenue of {total}"
    if found.change is None:
        tail = "starts from nothing" if found.gross else "is nothing, as it was"
        return f"{what} {tail} in {span}." if not found.gross else f"{what} {tail}: there was none in {span}."
    before = approx_text(found.gross_before)
    if found.change > 0:
        return f"{what} is {found.change:,}% more than in {span} ({before}): it is growing."
    if found.change < 0:
        return f"{what} is {-found.change:,}% less than in {span} ({before}): look at messages and users below."
    return f"{what} is the same as in {span} ({before}): it holds steady."


def source_split(call: Call, project: Project, period: str) -> View:
    """Where does revenue, and where does growth, come from?"""
    found = sources.source_split(call.session, call.config, project, period, call.now)
    both = (("Marketplace", found.marketplace), ("Embed/API", found.embed))
    listed = ", ".join(f"{name} {_about(one.gross, one.estimate)}" for name, one in both)
    alt = f"Total revenue by source: {listed}."
    counted_days = span_text(found.counted)
    return View(
        meaning=_sources_meaning(found),
        about=period_text(found.days),
        picture=Picture(
            "bar", "revenue-by-source", "usd", alt, tuple((name, decimal_text(one.gross)) for name, one in both)
        ),
        note="Marketplace revenue is an estimate until the month closes; Embed/API settles every day."
        + (f" Messages and users: {counted_days}." if counted_days else ""),
        columns=("Source", "Total Revenue", "Of all", "Your part", "Tokens", "Messages", "Users"),
        lines=tuple(
            (
                name,
                _about(one.gross, one.estimate),
                "—" if one.percent is None else f"{one.percent}%",
                _about(one.share, one.estimate),
                f"{one.tokens:,}",
                _count_text(one.messages),
                _count_text(one.users),
            )
            for name, one in both
        ),
        header=("source", "total_revenue_usd", "your_part_usd", "revenue_before_usd", "tokens", "messages", "users"),
        rows=tuple(
            (
                name,
                amount(one.gross),
                amount(one.share),
                "" if one.gross_before is None else amount(one.gross_before),
                one.tokens,
                cell(one.messages),
                cell(one.users),
            )
            for name, one in both
        ),
        has_period=True,
    )


def _sources_meaning(found: sources.SourceSplit) -> str:
    market, embed = found.marketplace, found.embed
    if not market.gross and not embed.gross:
        return "Nothing was earned in these days, from neither source."
    if not embed.gross:
        return "All of it comes from the marketplace; businesses that embed it would be a second source."
    if not market.gross:
        return "All of it comes from Embed/API; the marketplace would be a second source."
    first, name = (embed, "Embed/API") if embed.gross >= market.gross else (market, "The marketplace")
    said = f"{name} brings {first.percent}% of its revenue"
    if market.gross_before is None or embed.gross_before is None:
        return f"{said} ({_about(first.gross, first.estimate)})."
    grown = {
        "Embed/API": embed.gross - embed.gross_before,
        "the marketplace": market.gross - market.gross_before,
    }
    best = max(grown, key=lambda one: grown[one])
    if grown[best] > 0:
        return f"{said}; most of the growth comes from {best} (+{approx_text(grown[best])} on the days before)."
    return f"{said}; neither source has grown on the days before."


def per_user(call: Call, project: Project, period: str) -> View:
    """What is a user worth?"""
    found = users.revenue_per_user(call.session, call.config, project, period, call.now)
    by_month = growth.growth(call.session, call.config, project, "all", call.now).cells[-LIMITS["points"] :]
    worth = [(month_text(one.first), one.gross // one.users if one.users else None) for one in by_month if one.over]
    known = [(label, value) for label, value in worth if value is not None]
    days = span_text(found.span) or period_text(found.days)
    more = f" {plural(found.more, 'more user')}." if found.more else ""
    return View(
        meaning=_per_user_meaning(found),
        about=days,
        picture=Picture(
            "bar",
            "revenue-per-user-by-month",
            "usd",
            "Revenue a user by month: "
            + (
                ", ".join(f"{approx_text(value)} in {label}" for label, value in known[-ROWS_SHOWN:])
                if known
                else "no month with 5 users is over yet"
            )
            + ".",
            tuple((label, HIDDEN if value is None else decimal_text(value)) for label, value in worth),
        ),
        note="Total revenue of the days divided by the different users in them, rounded down. Users are named only "
        f"where their business shares who they are, through embed.{more}",
        columns=("User (shared by their business)", "Context") if found.shared else (),
        lines=tuple((shown_name(one.user_id), shown_name(one.context)) for one in found.shared),
        header=("what", "value"),
        rows=(
            ("total_revenue_usd", amount(found.gross)),
            ("unique_users", cell(found.users)),
            ("revenue_per_user_usd", TOO_FEW if found.per_user is None else amount(found.per_user)),
            *((f"shared user {one.user_id}", one.context) for one in found.shared),
        ),
        has_period=True,
    )


def _per_user_meaning(found: users.RevenuePerUser) -> str:
    if found.per_user is None or found.users is None:
        return f"It brought {_about(found.gross, found.estimate)}; a user's part can't be told of fewer than 5 users."
    return (
        f"Each of {counted(found.users)} users brought {_about(found.per_user, found.estimate)} on average "
        f"({_about(found.gross, found.estimate)} in all): more such users, or longer conversations, bring more."
    )


VIEWS: Mapping[str, Callable[[Call, Project, str], View]] = {
    "growth": growing,
    "sources": source_split,
    "per-user": per_user,
}
