"""Checks of the roll-ups that intake keeps for months and analytics, each against the events it was made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Row, Select, and_, case, cast, func, select
from sqlmodel import Session

from core.earnings.checks_months import count, differing, some
from core.earnings.differences import PROJECT
from core.earnings.months.allocation import USE
from core.earnings.periods import month_name
from core.earnings.programs.dated import whole
from core.earnings.tables import UsageEvent, UsageVoid
from core.earnings.visit_tables import SLOT_MINUTES, Question, Rating, SharedContext, Visit
from core.ledger.verify import Finding
from core.storage import is_postgres, table_of

_EVENT, _VOID = table_of(UsageEvent), table_of(UsageVoid)
_VISIT, _QUESTION, _CONTEXT, _RATING = (table_of(model) for model in (Visit, Question, SharedContext, Rating))


def _said(*columns: ColumnElement[Any], kind: str = "message") -> Select[Any]:
    """Columns of the events of a kind by somebody else that no void names."""
    voided = select(_VOID.c.voids).where(_VOID.c.source == _EVENT.c.source, _VOID.c.voids == _EVENT.c.event_id)
    return (
        select(*columns)
        .join_from(_EVENT, PROJECT, PROJECT.c.project_id == _EVENT.c.project_id)
        .where(_EVENT.c.kind == kind, _EVENT.c.user_id != PROJECT.c.creator_id, ~voided.exists())
    )


def _day(session: Session) -> ColumnElement[dt.date]:
    """The event's UTC day; a SQL expression of type Date on both databases."""
    if is_postgres(session):
        return cast(func.timezone("UTC", _EVENT.c.occurred_at), Date).label("day")
    return func.substr(_EVENT.c.occurred_at, 1, 10, type_=Date).label("day")


def _month(session: Session) -> ColumnElement[dt.date]:
    if is_postgres(session):
        return cast(func.date_trunc("month", func.timezone("UTC", _EVENT.c.occurred_at)), Date).label("month")
    return func.strftime("%Y-%m-01", func.substr(_EVENT.c.occurred_at, 1, 10), type_=Date).label("month")


def _slot(session: Session) -> ColumnElement[int]:
    """The event's quarter of its UTC day."""
    if is_postgres(session):
        at = func.timezone("UTC", _EVENT.c.occurred_at)
        hour, minute = cast(func.extract("hour", at), Integer), cast(func.extract("minute", at), Integer)
    else:
        hour, minute = (cast(func.substr(_EVENT.c.occurred_at, start, 2), Integer) for start in (12, 15))
    return ((hour * 60 + minute) // SLOT_MINUTES).label("slot")


def _month_use(session: Session) -> tuple[list[str], str]:
    """Each user's marketplace tokens on an assistant in a month are what the messages come to."""
    said = _said(_month(session), _EVENT.c.project_id, _EVENT.c.user_id, _EVENT.c.tokens.label("tokens"))
    kept = select(USE.c.month, USE.c.project_id, USE.c.user_id, -USE.c.tokens)
    found = differing(3, said.where(_EVENT.c.channel == "marketplace"), kept)
    wrong = [
        f"project {row.project_id}, {month_name(row.month)}: {_off('tokens', row)}" for row in some(session, found)
    ]
    return wrong, f"{count(session, USE)} rows of use by month equal their messages"


def _visits(session: Session) -> tuple[list[str], str]:
    """Each visit has the messages and tokens of its quarter of an hour."""
    embed = case((_EVENT.c.channel == "embed", 1), else_=0)
    said = _said(
        _EVENT.c.project_id,
        _day(session),
        _slot(session),
        embed.label("embed"),
        _EVENT.c.user_id,
        _EVENT.c.conversation_id,
        whole(1).label("messages"),
        _EVENT.c.tokens.label("tokens"),
    )
    kept = select(
        _VISIT.c.project_id,
        _VISIT.c.day,
        _VISIT.c.slot,
        case((_VISIT.c.embed, 1), else_=0),
        _VISIT.c.user_id,
        _VISIT.c.conversation_id,
        -_VISIT.c.messages,
        -_VISIT.c.tokens,
    )
    wrong = [
        f"project {row.project_id} on {row.day}: "
        + ", ".join(_off(name, row) for name in ("messages", "tokens") if getattr(row, name))
        for row in some(session, differing(6, said, kept))
    ]
    return wrong, f"{count(session, _VISIT)} visits equal their messages"


def _texts(session: Session) -> tuple[list[str], str]:
    """Each user's questions of a day, and shared contexts, are as many as the messages had."""
    who = (_EVENT.c.project_id, _day(session), _EVENT.c.user_id)
    wrong = []
    for name, table, said, number in (
        ("questions", _QUESTION, _EVENT.c.question.is_not(None), _QUESTION.c.asked),
        (
            "shared contexts",
            _CONTEXT,
            and_(_EVENT.c.shared_context.is_not(None), _EVENT.c.channel == "embed"),
            _CONTEXT.c.messages,
        ),
    ):
        told = _said(*who, whole(1).label("many")).where(said)
        kept = select(table.c.project_id, table.c.day, table.c.user_id, -number)
        wrong += [
            f"project {row.project_id} on {row.day}: {_off('many', row, name)}"
            for row in some(session, differing(3, told, kept))
        ]
    return wrong, f"{count(session, _QUESTION)} questions, {count(session, _CONTEXT)} shared contexts"


def _ratings(session: Session) -> tuple[list[str], str]:
    """Each rating is its event's: whose, how many stars, and which review."""
    review = func.coalesce(_EVENT.c.review, "")
    told = _said(
        _EVENT.c.project_id,
        _day(session),
        _EVENT.c.source,
        _EVENT.c.event_id,
        _EVENT.c.user_id,
        review.label("review"),
        _EVENT.c.stars.label("stars"),
        whole(1).label("many"),
        kind="rating",
    )
    kept = select(
        _RATING.c.project_id,
        _RATING.c.day,
        _RATING.c.source,
        _RATING.c.event_id,
        _RATING.c.user_id,
        _RATING.c.review,
        -_RATING.c.stars,
        whole(-1),
    )
    wrong = [
        f"project {row.project_id} on {row.day}: rating {row.source}/{row.event_id} is not its event's"
        for row in some(session, differing(6, told, kept))
    ]
    return wrong, f"{count(session, _RATING)} ratings"


def _off(name: str, row: Row[Any], shown: str = "") -> str:
    difference = int(getattr(row, name))
    return f"{shown or name} too {'low' if difference > 0 else 'high'} by {abs(difference)}"


CHECKS: Sequence[tuple[str, Finding]] = (
    ("use by month and messages", _month_use),
    ("visits and messages", _visits),
    ("questions and messages", _texts),
    ("ratings and events", _ratings),
)
