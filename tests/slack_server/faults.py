"""What goes wrong on the line, when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests import loopback

Kind = Literal["cut_before", "cut_after", "429", "500", "500_after", "outage", "slow", "error"]
"""cut_before: the connection is reset before anything happened. cut_after: it happened, no answer comes. 500_after: it
happened, the answer is a 500. outage: cut, until ended. slow: answered late. error: refused with `error`."""


@dataclass
class Fault(loopback.Fault):
    """One fault ordered by a test."""

    kind: Kind
    retry_after: int = 1
    error: str = "internal_error"
