"""Everything that can be typed or pressed. Importing this package declares it all, in the order that /help lists it in.

Commands that belong to program kinds of a later version are not declared: nothing is listed that can't be used.
"""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "balance",
    "stats",
    "analytics",
    "explain",
    "transactions",
    "withdraw",
    "payouts",
    "methods",
    "referrals",
    "review",
    "personal",
    "linking",
    "help",
    "desk_approvals",
    "desk_months",
    "desk_payments",
    "desk_adjust",
    "desk_digest",
    "desk_settlement",
    "desk_audit",
    "csvfiles",
    # Faces of the kinds of program, in the order that cards about several show them in.
    "kind_credits",
    "kind_assistants",
)

for _name in MODULES:
    import_module(f"{__name__}.{_name}")
