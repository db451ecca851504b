"""Paying by hand: an admin moves the money outside of the desk and then says so (*Mark paid* or *Mark failed*)."""

from __future__ import annotations

from core.payouts.rail import Outcome, PaymentOrder, Sent


class Manual:
    """Takes every order at once: nothing leaves the machine, so nothing can be unclear."""

    name = "manual"

    def ready(self, creator_id: str) -> bool:  # noqa: ARG002 - every rail is asked about a creator
        """Always: there is nothing to set up."""
        return True

    def send(self, order: PaymentOrder) -> Outcome:  # noqa: ARG002 - the card for the admins says what to pay
        """Hand the order to the admins; `sent` here means that it lies before them."""
        return Sent()

    def look_up(self, key: str) -> Outcome | None:  # noqa: ARG002 - nothing is kept here
        """Nothing was ever paid by this class, so asking it again is always safe."""
        return None
