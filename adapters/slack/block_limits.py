"""Block Kit's documented limits, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

BUTTON_VALUE = 2_000
OPTION_VALUE = 150

Surface = Literal["message", "modal", "home"]


def problems(surface: Surface, payload: Mapping[str, object]) -> list[str]:
    """Every limit that a payload breaks, in words."""
    raise NotImplementedError
