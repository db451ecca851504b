"""Who may be seen in a figure: the one place that decides what analytics show (domain.md, "Privacy").

Money, tokens and prices are not its business. Everything else that creators read of how people use an assistant passes
here, below every surface.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LEAST = 5  # distinct users; a figure that concerns one to four of them is never shown


@dataclass(frozen=True, slots=True)
class Span:
    """What a figure is about: from `begin` until just before `end`, both full hours UTC."""

    begin: dt.datetime
    end: dt.datetime
