"""An assistant's figures of a named period: conversations, messages, users, how long they stay, who returns, ratings."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig
from core.earnings.analytics.privacy import Span
from core.earnings.periods import Days
from core.earnings.tables import Project


@dataclass(frozen=True, slots=True)
class AssistantFigures:
    """Others' use of an assistant in a named period; None is a hidden figure ("fewer than 5 users").

    days: the days asked for, None where the period has none. span: the part of them that can be told, all but a bit at
    either end that concerns too few people; None where everything is hidden. average_length: messages a conversation,
    in tenths. return_rate: whole percent of the users who came on two UTC days or more. rating: stars in hundredths,
    and rated_by, how many users rated; they have a span of their own, `rated`.
    """

    period: str
    days: Days | None
    span: Span | None = None
    conversations: int | None = None
    messages: int | None = None
    users: int | None = None
    average_length: int | None = None
    return_rate: int | None = None
    rated: Span | None = None
    rating: int | None = None
    rated_by: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A period's figures and those of the period before; before is None where there is none to compare with."""

    now: AssistantFigures
    before: AssistantFigures | None

    def change(self, name: str) -> int | None:
        """By how many percent the figure of that name grew; None unless both are shown whole."""
        raise NotImplementedError


def figures(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> AssistantFigures:
    """An assistant's figures of `today`, `week`, `month` or `all`; UnknownPeriod for any other name."""
    raise NotImplementedError


def compared(session: Session, config: DeskConfig, project: Project, period: str, now: dt.datetime) -> Compared:
    """The same beside those of the period before."""
    raise NotImplementedError
