"""What a monthly payout says: to approvers, to creators, and what they read in reply."""

from __future__ import annotations

from sqlmodel import Session

from core import people
from core.chat import settings
from core.chat.cards import Card
from core.payouts import freezes
from tests.desk_world import button_of
from tests.processing_world import DOLLAR, Talk
from tests.snapshots.conftest import ShownAs

EARNED = {"ada": 41_870_000, "bo": 80 * DOLLAR, "cy": 612_500_000, "dee": 12 * DOLLAR, "eve": 9 * DOLLAR}


def _begin(talk: Talk) -> dict[str, Card]:
    """Pay out January with one creator on hold; the cards by their first words."""
    talk.channel()
    for name in ("ada", "bo"):
        talk.link(name)
    with talk.database.transaction() as session:
        _freeze(talk, session)
    talk.posted()
    talk.month(EARNED)
    return {f"{where} {card.title.split()[0]}": card for where, card in talk.posted()}


def _freeze(talk: Talk, session: Session) -> None:
    freezes.freeze(session, talk.now, people.resolve(session, "Ann"), "bo", "Identity check, two days at most")
    settings.change(session, people.resolve(session, "ada").person_id, timezone="UTC")


def test_a_month_is_paid_out(talk: Talk, shown_as: ShownAs) -> None:
    """The batch's card, its list, a press and what is left; what creators read of it."""
    cards = _begin(talk)
    batch = cards["payout-approvals Monthly"]
    shown_as("batch", batch)
    shown_as("coming", cards["Uada Your"])
    shown_as("skipped", cards["Ubo No"])
    shown_as("list", talk.press("Mira", "batch.list", "1"))
    shown_as("to_batch", talk.ask("Mira", "/desk batch"))
    talk.press("Mira", "payout.reject", "3", reason="The account name does not match.")
    press = button_of(batch, "Approve 2 payouts")
    shown_as("approved", talk.press("Tom", press.action, press.value))
    (repainted,) = [card for where, card in talk.posted() if where == "payout-approvals" and "Monthly" in card.title]
    shown_as("batch_later", repainted)
    shown_as("nothing_left", talk.press("Olga", press.action, press.value))
    shown_as("list_later", talk.press("Mira", "batch.list", "1"))
    shown_as("payout", talk.ask("ada", "/payouts 1"))
    shown_as("payouts", talk.ask("ada", "/payouts"))
