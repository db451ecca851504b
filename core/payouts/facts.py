"""What happened in payouts, past tense. Published in the transaction that made it true (`core.storage.publish`)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WithdrawalRequested:
    """A creator confirmed a request; its money moved available → reserved. Approvers want a card."""

    withdrawal_id: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class WithdrawalDecided:
    """An approver said something. `state` is the withdrawal's afterwards: still "requested" while more approvals are
    needed, else "approved" or "rejected". verdict: "approve" or "reject"."""

    withdrawal_id: int
    person_id: int
    verdict: str
    state: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class WithdrawalChanged:
    """A withdrawal's card no longer tells the truth: it is now sending, sent, paid, failed, cancelled or returned; or
    it is still requested, and how many approvals it needs has changed."""

    withdrawal_id: int
    state: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class AdjustmentProposed:
    """An admin proposed a correction by hand; another has to approve it."""

    adjustment_id: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class AdjustmentDecided:
    """The second admin spoke; state is "approved" (the money moved) or "declined"."""

    adjustment_id: int
    state: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class CreatorFrozen:
    """A creator's accounts are held: no requests, no sending."""

    creator_id: str
    reason: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class CreatorUnfrozen:
    """The hold was lifted; what waited goes on."""

    creator_id: str
    reason: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class MethodChosen:
    """A creator chose where money goes from now on."""

    creator_id: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class PayoutsProcessed:
    """A program's closed months, `month` the last of them, became available, and whoever could be paid has a
    withdrawal. payouts: how many; skipped: creators who have enough and could not be paid."""

    batch_id: int
    program: str
    month: dt.date
    payouts: int
    skipped: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class BatchApproved:
    """An approver approved many withdrawals of a batch in one press; these are final."""

    batch_id: int
    person_id: int
    withdrawal_ids: tuple[int, ...]
    at: dt.datetime
