"""The words people read for a withdrawal's state (domain.md, "Withdrawals"; commands.md: approved ≠ sent ≠ paid), and
for how many there are of something."""

from __future__ import annotations

_CREATORS = {
    "requested": "pending",
    "approved": "processing",
    "sending": "processing",
    "sent": "processing",
    "paid": "completed",
    "failed": "failed",
    "returned": "failed",
    "rejected": "rejected",
    "cancelled": "cancelled",
}
_DESK = {
    "requested": "Waiting for approval",
    "approved": "Approved, not sent yet",
    "sending": "Being sent",
    "sent": "Sent, not paid yet",
    "paid": "Paid",
    "failed": "Failed; the money is back in the balance",
    "returned": "Returned after it was paid; the money is back in the balance",
    "rejected": "Rejected; the money is back in the balance",
    "cancelled": "Cancelled; the money is back in the balance",
}
HANDED_OVER = "Handed over, not paid yet"
BY_HAND = frozenset({"manual"})  # rails on which people pay, and say so afterwards
STATUSES = ("pending", "processing", "completed", "failed", "rejected", "cancelled")


def status_word(state: str) -> str:
    """What a creator reads: the seeds' words."""
    return _CREATORS[state]


def desk_words(state: str, rail: str = "") -> str:
    """What the desk reads: the true state, and where the money is. By hand nothing is under way before it is paid."""
    return HANDED_OVER if state == "sent" and rail in BY_HAND else _DESK[state]


def states_of(status: str) -> tuple[str, ...]:
    """The true states behind a creator's word; none for an unknown one."""
    return tuple(state for state, word in _CREATORS.items() if word == status)


def plural(number: int, one: str, many: str = "") -> str:
    """1 project, 214 projects."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
