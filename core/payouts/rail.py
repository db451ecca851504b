"""The seam to a way of paying: what a rail is asked, and what it may answer (domain.md, "Withdrawals", Sending).

A new rail is one file in adapters/rails and one line in bot/bootstrap.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What to pay. key is the same for every call of one attempt: a rail makes at most one transfer for it.

    amount: micro-dollars in whole cents that the creator receives (the fee is off already).
    """

    key: str
    withdrawal_id: int
    creator_id: str
    program: str
    amount: int
    currency: str
    method: str
    destination: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The rail took the order; the money is on its way. reference is its trace, empty where it has none."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The rail will not pay, and has not: the money goes back to the creator's balance. The creator reads why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """No answer that could be believed: the money may have moved or not. Looked up before any retry."""

    error: str


Outcome = Sent | Refused | Unclear


class Rail(Protocol):
    """A way to pay. Calls happen outside of any transaction and may raise: that counts as `Unclear`."""

    @property
    def name(self) -> str:
        """As config names it; the ledger account is `rail:<name>`."""
        ...

    def ready(self, creator_id: str) -> bool:
        """Whether the creator can be paid this way now (a rail without set-up: always)."""
        ...

    def send(self, order: PaymentOrder) -> Outcome:
        """Pay, at most once per `order.key`."""
        ...

    def look_up(self, key: str) -> Outcome | None:
        """What became of an order whose answer was lost; None when the rail is sure that it never saw the key."""
        ...
