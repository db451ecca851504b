"""What a creator earns by bringing subscribers: commission by month, settled or estimated (`/referrals`)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlmodel import Session

from core.config import DeskConfig


@dataclass(frozen=True, slots=True)
class ReferralMonth:
    """A month's commission in micro-dollars. paid: what the referred subscribers' payments come to, voids left out;
    commission: what that earns; settled: the part in the ledger. closed: the month was closed; a difference that is
    left then comes with the next settlement."""

    month: dt.date
    paid: int
    commission: int
    settled: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ReferralSummary:
    """subscribers: how many distinct users have a payment that counts, None where they are fewer than five.

    pending_estimate: commission known but not in the ledger yet; settled: all that ever was posted; micro-dollars.
    referral_bp: the commission in force today. by_month: newest first, months with payments or lines only.
    """

    subscribers: int | None
    pending_estimate: int
    settled: int
    referral_bp: int
    by_month: tuple[ReferralMonth, ...]


def summary(
    session: Session, config: DeskConfig, creator_id: str, program_slug: str, now: dt.datetime
) -> ReferralSummary:
    """A creator's referrals in a program of kind `assistants`."""
    raise NotImplementedError
