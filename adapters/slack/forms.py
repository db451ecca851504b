"""A form of the desk as a Slack modal, and what was answered in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.slack.blocks import Json
from core.chat.cards import FormField


def modal(label: str, fields: Sequence[FormField], *, private_metadata: str, note: str = "") -> Json:
    """The view that asks the fields' questions."""
    raise NotImplementedError


def answers(view: Mapping[str, object]) -> dict[str, str]:
    """What was answered in a submitted view, by the fields' names."""
    raise NotImplementedError
