"""What people ask an assistant most ("Popular Questions"): near-duplicates together, no word of fewer than five."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, Select, bindparam, cast, func, select
from sqlmodel import Session

from core.clock import DAY, utc_day
from core.config import DeskConfig
from core.earnings.analytics.blocks import Part, last_block
from core.earnings.analytics.privacy import GAP, LEAST, Crowd, Span, shown_words
from core.earnings.analytics.wording import Signature, alike, signature_of, words_of
from core.earnings.tables import Project
from core.earnings.visit_tables import Question
from core.storage import table_of

_QUESTION = table_of(Question)
_LEADING = 300  # groups of the same words that are held against each other
_LEADING_OF_BLOCK = 50  # of them, to see whether a block has something to show,
_MOST_OF_BLOCK = 2_000  # where there are no more; of so many, some question is asked by enough in the same words
_RECENT = dt.timedelta(days=35)  # a much asked assistant's last blocks are in it


@dataclass(frozen=True, slots=True)
class PopularQuestion:
    """A group of near-duplicates. text: the most common wording, "…" for words that fewer than five of them used."""

    text: str
    asked: int
    users: int


@dataclass(frozen=True, slots=True)
class PopularQuestions:
    """The most asked groups, most users first. span as in `PeakHours`: the last block of this table."""

    span: Span | None
    questions: tuple[PopularQuestion, ...]


@dataclass(slots=True)
class _Group:
    """Questions taken as one. wordings: users and times asked of each text."""

    signature: Signature
    users: set[str] = field(default_factory=set)
    asked: int = 0
    wordings: dict[str, set[str]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def add(self, text: str, user_id: str, asked: int) -> None:
        self.users.add(user_id)
        self.asked += asked
        self.wordings.setdefault(text, set()).add(user_id)
        self.times[text] += asked

    def take(self, other: _Group) -> None:
        self.users |= other.users
        self.asked += other.asked
        for text, users in other.wordings.items():
            self.wordings.setdefault(text, set()).update(users)
        self.times.update(other.times)

    @property
    def order(self) -> tuple[int, int, Signature]:
        """Of equally many users the shortest first: most resemble that."""
        return (-len(self.users), len(self.signature), self.signature)


def popular_questions(
    session: Session,
    config: DeskConfig,  # noqa: ARG001 - what every reading is given
    project: Project,
    now: dt.datetime,
    limit: int = 10,
) -> PopularQuestions:
    """What at least five people asked, at most `limit` groups."""
    span = _block(session, project.project_id, now)
    if span is None:
        return PopularQuestions(None, ())
    values = {"project": project.project_id, "first": utc_day(span.begin), "last": utc_day(span.end) - DAY}
    told = list[PopularQuestion]()
    for group in group_alike(session.execute(_asked(), values)):
        if len(group.users) < LEAST or len(told) == limit:
            break
        text = _text(group)
        if text:
            told.append(PopularQuestion(text, group.asked, len(group.users)))
    return PopularQuestions(span, tuple(told))


def group_alike(rows: Iterable[Sequence[Any]]) -> list[_Group]:
    """Groups of (text, user, times asked), most users first: the same words are one, then what resembles a larger one.

    Only the leading groups are held against each other, so that the work stays bounded.
    """
    same: dict[Signature, _Group] = {}
    for text, user_id, asked in rows:
        signature = signature_of(text)
        if signature:
            same.setdefault(signature, _Group(signature)).add(text, user_id, asked)
    ordered = sorted(same.values(), key=lambda group: group.order)
    told = _led(ordered[:_LEADING]) + ordered[_LEADING:]
    return sorted(told, key=lambda group: (-len(group.users), -group.asked, group.signature))


def _led(ordered: Sequence[_Group]) -> list[_Group]:
    """Each taken into the first before it that it resembles."""
    leaders: list[_Group] = []
    for group in ordered:
        leader = next((one for one in leaders if alike(one.signature, group.signature)), None)
        if leader is None:
            leaders.append(group)
        else:
            leader.take(group)
    return leaders


def _together(cells: Mapping[Hashable, Crowd]) -> int:
    """How many groups of near-duplicates have enough users: those that `group_alike` makes, or fewer."""
    if len(cells) > _MOST_OF_BLOCK:
        return 0
    groups = [_Group(cell, set(crowd.known)) for cell, crowd in cells.items() if isinstance(cell, tuple)]
    ordered = sorted(groups, key=lambda group: group.order)[:_LEADING_OF_BLOCK]
    return sum(len(group.users) >= LEAST for group in _led(ordered))


def _text(group: _Group) -> str:
    """The wording of most users, as far as its words may be shown; empty where none may."""
    users: dict[str, set[str]] = {}
    for text, askers in group.wordings.items():
        for word in words_of(text):
            users.setdefault(word, set()).update(askers)
    common = min(group.wordings, key=lambda text: (-len(group.wordings[text]), -group.times[text], text))
    words = shown_words(words_of(common), users)
    if all(word == GAP for word in words):
        return ""
    told = " ".join("I" if word == "i" else word for word in words)
    return unicodedata.normalize("NFC", told[:1].upper() + told[1:])


def _block(session: Session, project_id: str, now: dt.datetime) -> Span | None:
    today = utc_day(now)
    block = None
    for first in (today - _RECENT, dt.date.min):
        whole = first == dt.date.min
        days: dict[dt.date, list[Part]] = {}
        values = {"project": project_id, "first": first - DAY * first.weekday(), "last": today - DAY}
        for day, text, user_id in session.execute(_days(), values):
            signature = signature_of(text)
            if signature:
                days.setdefault(day, []).append((signature, (user_id,), 1))
        block = last_block(days, None, today, whole=whole, together=_together)
        if block is not None:
            break
    return block


def _mine() -> tuple[Any, Any]:
    days = _QUESTION.c.day.between(bindparam("first", type_=Date), bindparam("last", type_=Date))
    return (_QUESTION.c.project_id == bindparam("project"), days)


@cache
def _days() -> Select[Any]:
    return select(_QUESTION.c.day, _QUESTION.c.text, _QUESTION.c.user_id).where(*_mine())


@cache
def _asked() -> Select[Any]:
    return (
        select(_QUESTION.c.text, _QUESTION.c.user_id, cast(func.sum(_QUESTION.c.asked), BigInteger))
        .where(*_mine())
        .group_by(_QUESTION.c.text, _QUESTION.c.user_id)
    )
