"""How programs of kind `assistants` are shown: the face of `core.earnings.programs.assistants`."""

from __future__ import annotations

from dataclasses import dataclass

from core.chat.kinds import FACES, Words
from core.earnings.programs import ASSISTANTS

_WORDS = Words(
    noun="assistant",
    part="Creators' part",
    spent="Embed/API and subscriptions",
    by_day="Creators' part of Embed/API by day",
    chart="embed-by-day",
    through=" through Embed/API",
    waits="What assistants earned waits in Pending until its monthly payout.",
)


@dataclass(frozen=True, slots=True)
class AssistantsFace:
    """Assistants, the revenue of their tokens, and the creator's part of it, paid by months."""

    words: Words = _WORDS


FACES[ASSISTANTS] = AssistantsFace()
