"""How programs of kind `credits` are shown: the face of `core.earnings.programs.credits`."""

from __future__ import annotations

from dataclasses import dataclass

from core.chat.kinds import FACES, Words
from core.earnings.programs.credits import Credits

_WORDS = Words(
    noun="project",
    part="Incentives",
    spent="Credits spent",
    by_day="Daily incentives",
    chart="incentives-by-day",
)


@dataclass(frozen=True, slots=True)
class CreditsFace:
    """Projects, the credits that others spend on them, and the daily incentive."""

    words: Words = _WORDS


FACES[Credits().name] = CreditsFace()
