"""Tips of /review: each follows from a figure, and names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.chat.commands.tips import MOST_TIPS, Review, Seen, tips

DOLLAR = 1_000_000
TAX = Seen("Tax Buddy", 60 * DOLLAR, 5, 20, 50, 470, 12_500_000)
TRIP = Seen("Trip Planner", 40 * DOLLAR, 5, 20, 50, 450, 5_000_000)
FINE = Review(
    gross=100 * DOLLAR,
    before=100 * DOLLAR,
    change=0,
    span="the week before",
    embed=30 * DOLLAR,
    after=50 * DOLLAR,
    minimum=10 * DOLLAR,
    short=0,
    missing="",
    seen=(TAX, TRIP),
    count=2,
)


def test_nothing_stands_out() -> None:
    """Steady figures give no tip; neither do hidden ones."""
    assert tips(FINE) == []
    hidden = replace(TAX, messages_change=None, one_message=None, return_rate=None, rating=None)
    assert tips(replace(FINE, seen=(hidden, TRIP))) == []
    assert tips(replace(FINE, before=None, change=None, gross=0, embed=0, seen=(), count=0)) == []


@pytest.mark.parametrize(
    ("review", "said"),
    [
        (replace(FINE, missing="Bank transfer isn't set up yet."), "The next payout of $50.00 can't be sent. Bank"),
        (replace(FINE, gross=112 * DOLLAR, change=12), "Revenue rose 12% on the week before ($100.00 → $112.00)"),
        (
            replace(FINE, change=-12, gross=88 * DOLLAR, seen=(replace(TAX, messages_change=-20), TRIP)),
            "Revenue fell 12% on the week before ($100.00 → $88.00), and messages to Tax Buddy fell 20%",
        ),
        (replace(FINE, change=-12), "though messages didn't"),
        (
            replace(FINE, change=-12, seen=(replace(TAX, messages_change=None),), count=2, gross=88 * DOLLAR),
            "see in /analytics growth when it began",
        ),
        (replace(FINE, seen=(replace(TAX, one_message=41), TRIP)), "41% of conversations with Tax Buddy end after one"),
        (replace(FINE, seen=(TAX, replace(TRIP, rating=360))), "Trip Planner is rated 3.60 of 5"),
        (replace(FINE, embed=0), "Embed/API brought $0.00 of $100.00"),
        (replace(FINE, seen=(TAX, replace(TRIP, return_rate=12))), "12% of the users of Trip Planner came back"),
        (replace(FINE, after=7_200_000, short=2_800_000), "you would have $7.20, $2.80 short"),
        (replace(FINE, seen=(replace(TAX, price=3_750_000, at_floor=True), TRIP)), "Tax Buddy costs $3.75 a million"),
        (replace(FINE, seen=(replace(TAX, gross=92 * DOLLAR), TRIP)), "Tax Buddy brings 92% of the revenue"),
        (replace(FINE, seen=(TAX,), count=1), "All $100.00 come from 1 assistant"),
    ],
)
def test_each_tip_names_its_number(review: Review, said: str) -> None:
    """One figure out of the ordinary gives the one tip that it calls for."""
    (tip,) = tips(review)
    assert said in tip


def test_never_too_many() -> None:
    """Everything at once is cut to the weightiest."""
    bad = Seen("Bad", 95 * DOLLAR, -50, 90, 1, 100, 3_750_000, at_floor=True)
    found = tips(replace(FINE, change=-50, short=1, missing="No method.", seen=(bad, bad, bad)))
    assert len(found) == MOST_TIPS
    assert "can't be sent" in found[0]
