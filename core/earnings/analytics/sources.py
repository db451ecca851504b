"""Where an assistant's revenue comes from: marketplace or embed ("Source Distribution")."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, select
from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.blocks import visit_block
from core.earnings.analytics.figures import period_for
from core.earnings.analytics.privacy import Span, suppressed
from core.earnings.analytics.visits import VISIT, bounds, within
from core.earnings.periods import Days, Period, whole_percent
from core.earnings.revenue_days import Money, RevenueDay, revenue_days
from core.earnings.tables import Project

_FULL = 100


@dataclass(frozen=True, slots=True)
class Source:
    """One channel. tokens and money (gross, share, gross_before in micro-dollars) are of the period; messages and users
    of `SourceSplit.counted`, None where hidden. percent: whole percent of the gross, None where there is none.
    estimate: part of the money is not settled yet."""

    tokens: int
    gross: int
    share: int
    gross_before: int | None
    percent: int | None
    messages: int | None
    users: int | None
    estimate: bool


@dataclass(frozen=True, slots=True)
class SourceSplit:
    """Both channels over a named period. counted: the days that messages and users are of, as in `PeakHours.span`."""

    period: str
    days: Days | None
    marketplace: Source
    embed: Source
    counted: Span | None


def source_split(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> SourceSplit:
    """Tokens, money, messages and users by channel."""
    asked = period_for(session, config, project, period, now)
    found = money_of(session, config, project, asked, now)
    inside = [one for one in found if asked.days is not None and one.day in asked.days]
    before = None if asked.before is None else [one for one in found if one.day in asked.before]
    span = visit_block(session, project.project_id, now)
    messages, users = _counted(session, project.project_id, span) if span is not None else ({}, {})
    embed_tokens = sum(one.embed_tokens for one in inside)
    market_tokens = sum(one.tokens for one in inside) - embed_tokens
    market, embed = _gross([one.marketplace for one in inside]), _gross([one.embed for one in inside])
    percent = whole_percent(embed.gross, market.gross + embed.gross)
    return SourceSplit(
        period=period,
        days=asked.days,
        marketplace=Source(
            tokens=market_tokens,
            gross=market.gross,
            share=market.share,
            gross_before=None if before is None else _gross([one.marketplace for one in before]).gross,
            percent=None if percent is None else _FULL - percent,
            messages=messages.get(False),
            users=users.get(False),
            estimate=market.estimate != 0,
        ),
        embed=Source(
            tokens=embed_tokens,
            gross=embed.gross,
            share=embed.share,
            gross_before=None if before is None else _gross([one.embed for one in before]).gross,
            percent=percent,
            messages=messages.get(True),
            users=users.get(True),
            estimate=embed.estimate != 0,
        ),
        counted=span,
    )


def money_of(
    session: Session, config: DeskConfig, project: Project, asked: Period, now: dt.datetime
) -> list[RevenueDay]:
    """An assistant's money of a period and the one before it, by day."""
    if asked.days is None:
        return []
    first = asked.days.first if asked.before is None else asked.before.first
    program = config.programs[project.program]
    return revenue_days(session, config, program, [project.project_id], Days(first, asked.days.last), now)


def _gross(amounts: Sequence[Money]) -> Money:
    return sum(amounts, Money())


def _counted(session: Session, project_id: str, span: Span) -> tuple[dict[bool, int], dict[bool, int]]:
    """Messages and users by channel, `embed` or not, as far as they are shown."""
    users: dict[bool, set[str]] = {False: set(), True: set()}
    messages = {False: 0, True: 0}
    for embed, user_id, sent in session.execute(_by_channel(), bounds(project_id, span)):
        users[bool(embed)].add(user_id)
        messages[bool(embed)] += sent
    told = [channel for channel in users if channel not in suppressed(users)]
    return {channel: messages[channel] for channel in told}, {channel: len(users[channel]) for channel in told}


@cache
def _by_channel() -> Select[Any]:
    return (
        select(VISIT.c.embed, VISIT.c.user_id, cast(func.sum(VISIT.c.messages), BigInteger))
        .where(within())
        .group_by(VISIT.c.embed, VISIT.c.user_id)
    )
