"""/review weekly or monthly: the second seed's checklist with the period's figures, and tips that follow from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from core.chat.cards import shown_name
from core.chat.commands.analytics import NoAssistants
from core.chat.commands.analytics_view import listed, period_text, shortened, span_text
from core.chat.commands.balance_assistants import AssistantBalance, assistants_in
from core.chat.commands.own import narrowed, own_programs, project_handle, project_label, title_of
from core.chat.commands.stats_controls import change_words
from core.chat.commands.tips import Review, Seen, tips
from core.chat.registry import Arg, Call, Reply, command
from core.chat.words import (
    TOO_FEW,
    approx_text,
    command_line,
    day_text,
    hundredths_text,
    moment_text,
    month_text,
    percent_text,
    plural,
    tenths_text,
)
from core.clock import DAY, utc_day
from core.config import Program
from core.earnings import catalog, prices, revenue
from core.earnings.analytics import dropoffs, figures, questions, ratings
from core.earnings.periods import Days, change_percent, month_of, whole_percent
from core.earnings.programs import ASSISTANTS
from core.earnings.revenue import CreatorRevenue, ProjectRevenue
from core.earnings.tables import Project
from core.ledger.money import format_money
from core.payouts import guard, views
from core.payouts.words import status_word

Cadence = Literal["weekly", "monthly"]
LOOKED_AT = 3  # assistants, by revenue, whose use is looked at
QUESTIONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist: the seed's words, and this period's figures."""

    title: str
    found: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was read of one assistant."""

    project: Project
    gross: int
    use: figures.Compared
    ends: dropoffs.DropOffs
    stars: ratings.Ratings


@command("review", "A checklist with your figures, and tips", topic="earnings", sample="weekly", kind=ASSISTANTS)
def review_command(
    call: Call,
    cadence: Annotated[Cadence, Arg("How often you look")] = "weekly",
    *,
    program: Annotated[str | None, Arg("Only in this program", suggest=own_programs)] = None,
) -> Reply:
    """Weekly: trends, conversations, reviews, embed. Monthly: growth, best content, plans, payouts."""
    mine = [one for one in narrowed(call, program) if one.kind == ASSISTANTS]
    if not mine:
        raise NoAssistants
    chosen = mine[0]
    period = "week" if cadence == "weekly" else "month"
    found = revenue.revenue_totals(call.session, call.config, call.creator_id, chosen.slug, period, call.now)
    looked = [_look(call, one, period) for one in _live(found)[:LOOKED_AT]]
    balance = assistants_in(call, chosen)
    items = _weekly(found, looked) if cadence == "weekly" else _monthly(call, chosen, found, looked, balance)
    own = catalog.projects_of(call.session, call.creator_id)
    top = command_line("analytics", project=project_handle(looked[0].project, own), view="growth") if looked else ""
    return call.reply(
        "review",
        cadence=cadence,
        title=title_of(call.config, chosen) if len(mine) > 1 or len(call.config.programs) > 1 else "",
        others=[one.slug for one in mine[1:]],
        days=period_text(found.period.days),
        items=items,
        tips=tips(_reviewed(call, chosen, found, looked, balance)),
        top=top,
        switch=command_line("review", cadence="monthly" if cadence == "weekly" else "weekly", program=program),
        estimate=found.is_estimate,
    )


def tips_for(call: Call, program: Program, period: str) -> list[str]:
    """The tips that follow from a period's figures in a program."""
    found = revenue.revenue_totals(call.session, call.config, call.creator_id, program.slug, period, call.now)
    looked = [_look(call, one, period) for one in _live(found)[:LOOKED_AT]]
    return tips(_reviewed(call, program, found, looked, assistants_in(call, program)))


def _live(found: CreatorRevenue) -> list[ProjectRevenue]:
    return [one for one in found.projects if one.project.deleted_at is None]


def _look(call: Call, one: ProjectRevenue, period: str) -> Looked:
    asked = call.session, call.config, one.project
    return Looked(
        project=one.project,
        gross=one.figures.total.gross,
        use=figures.compared(*asked, period, call.now),
        ends=dropoffs.drop_offs(*asked, call.now),
        stars=ratings.ratings(*asked, call.now),
    )


def _weekly(found: CreatorRevenue, looked: Sequence[Looked]) -> list[Item]:
    embed = found.total.embed
    part = whole_percent(embed.gross, found.total.total.gross)
    share = "" if part is None else f", {part}% of all"
    change = None if found.before is None else change_percent(embed.gross, found.before.embed.gross)
    said = change_words(found.period, change, embed.gross > 0, compared=found.before is not None)
    before = f" ({said})" if said else ""
    return [
        Item("Check earnings trends", _trend(found)),
        Item("Review conversation metrics", _each(looked, _conversations)),
        Item("Read new reviews", _each(looked, _reviews)),
        Item(
            "Monitor embed usage",
            f"{format_money(embed.gross)} through {found.total.embed_tokens:,} tokens{share}{before}.",
        ),
    ]


def _trend(found: CreatorRevenue) -> str:
    if found.period.days is None:
        return "Nothing is settled yet."
    money = found.total.total
    compared = found.before is not None
    change = change_words(found.period, found.change, money.gross > 0, compared=compared)
    change = f" ({change})" if change else ""
    return f"Total Revenue {_about(found, money.gross)}{change}, your part {_about(found, money.share)}."


def _about(found: CreatorRevenue, amount: int) -> str:
    return f"about {approx_text(amount)}" if found.is_estimate else format_money(amount)


def _each(looked: Sequence[Looked], said: Callable[[Looked], str]) -> str:
    if not looked:
        return "You have no assistant that is published now."
    return " ".join(f"{project_label(one.project)}: {said(one)}" for one in looked)


def _conversations(one: Looked) -> str:
    now = one.use.now
    if now.conversations is None:
        return f"{TOO_FEW}."
    change = one.use.change("conversations")
    grown = "" if change is None else f" ({'+' if change > 0 else '−' if change < 0 else '±'}{abs(change):,}%)"
    return (
        f"{plural(now.conversations, 'conversation')}{grown}, {tenths_text(now.average_length)} messages each, "
        f"{percent_text(now.return_rate)} of users came back."
    )


def _reviews(one: Looked) -> str:
    if one.stars.average is None:
        return "rated by fewer than 5 users."
    texts = plural(len(one.stars.reviews), "review") if one.stars.reviews else "no reviews that can be shown yet"
    return f"{hundredths_text(one.stars.average)} of 5, {texts}."


def _monthly(
    call: Call, program: Program, found: CreatorRevenue, looked: Sequence[Looked], balance: AssistantBalance
) -> list[Item]:
    return [
        Item("Analyze month-over-month growth", f"{_last_months(call, program)} This month so far: {_trend(found)}"),
        Item("Identify top-performing content", _best(call, found, looked)),
        Item("Plan content updates", _plans(looked)),
        Item("Review payout status", _payouts(call, program, balance)),
    ]


def _last_months(call: Call, program: Program) -> str:
    """The last month that is over beside the one before it."""
    last = month_of(utc_day(call.now)) - DAY
    before = month_of(last) - DAY
    ids = [one.project_id for one in catalog.projects_of(call.session, call.creator_id, program.slug)]
    sums = [
        revenue.figures_of(
            revenue.revenue_days(call.session, call.config, program, ids, Days(month_of(day), day), call.now)
        ).total.gross
        for day in (last, before)
    ]
    change = change_percent(*sums)
    said = f"{month_text(last)} {format_money(sums[0])}, {month_text(before)} {format_money(sums[1])}"
    if change is None:
        return f"{said}."
    return f"{said}: {'+' if change > 0 else '−' if change < 0 else '±'}{abs(change):,}%."


def _best(call: Call, found: CreatorRevenue, looked: Sequence[Looked]) -> str:
    if not looked or looked[0].gross <= 0:
        return "Nothing was earned this month yet."
    top = looked[0]
    said = f"{project_label(top.project)} brought {approx_text(top.gross)} of {approx_text(found.total.total.gross)}."
    asked = questions.popular_questions(call.session, call.config, top.project, call.now, QUESTIONS_SHOWN)
    if not asked.questions:
        return f"{said} No question was asked by 5 users yet."
    most = listed([f"“{shortened(one.text)}” ({one.users:,} users)" for one in asked.questions])
    return f"{said} Most asked: {most}."


def _plans(looked: Sequence[Looked]) -> str:
    known = [(one.ends.shares[0], one) for one in looked if one.ends.shares and one.ends.shares[0] is not None]
    if not known:
        return "Where conversations end can't be shown yet: fewer than 5 users."
    share, worst = max(known, key=lambda one: one[0] or 0)
    span = span_text(worst.ends.span)
    return (
        f"{project_label(worst.project)}: {share}% of conversations end after one message"
        f"{f' ({span})' if span else ''}; expand what is asked most, and what is asked first."
    )


def _payouts(call: Call, program: Program, balance: AssistantBalance) -> str:
    payout = balance.payout
    brings = f"about {approx_text(payout.brings)}" if payout.estimate else format_money(payout.brings)
    waiting = views.open_of(call.session, call.creator_id, program.slug)
    past = [one for one in views.history(call.session, call.creator_id, program.slug, limit=1) if one not in waiting]
    lines = [f"{guard.shown_id(one.id)} {format_money(one.amount)} {status_word(one.state)}" for one in waiting[:3]]
    lines += [f"Last: {guard.shown_id(one.id)} {format_money(one.amount)} {status_word(one.state)}" for one in past]
    tail = f" {'; '.join(lines)}." if lines else ""
    return (
        f"Available {format_money(balance.available)}, pending {format_money(balance.pending)}; the payout of "
        f"{moment_text(payout.at, call.zone)} brings {brings}.{tail}"
    )


def _reviewed(
    call: Call, program: Program, found: CreatorRevenue, looked: Sequence[Looked], balance: AssistantBalance
) -> Review:
    today = utc_day(call.now)
    begun = found.period.days is not None and found.period.days.first < today  # hours are no trend
    return Review(
        gross=found.total.total.gross,
        before=None if found.before is None else found.before.total.gross,
        change=found.change if begun else None,
        span="the week before" if found.period.name == "week" else _same_days(today),
        embed=found.total.embed.gross,
        after=balance.payout.after,
        minimum=balance.payout.minimum,
        short=balance.payout.short,
        missing=balance.payout.missing,
        seen=[_seen(call, program, one, today) for one in looked],
        count=len(_live(found)),
    )


def _same_days(today: dt.date) -> str:
    return f"last month's days to the {day_text(today).split()[0]}{_ending(today.day)}"


def _ending(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _seen(call: Call, program: Program, one: Looked, today: dt.date) -> Seen:
    price = prices.price_on(call.session, program, one.project.project_id, today)
    return Seen(
        name=shown_name(one.project.name),
        gross=one.gross,
        messages_change=one.use.change("messages"),
        one_message=one.ends.shares[0] if one.ends.shares else None,
        return_rate=one.use.now.return_rate,
        rating=one.stars.average,
        price=price,
        at_floor=price == program.terms_on(today).minimum_price,
    )
