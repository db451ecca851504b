"""What is said unasked of withdrawals, adjustments, holds, accounts and channels, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from core import people
from core.chat import announcements, outbox, settings, subscriptions
from core.chat.cards import Card
from core.chat.outbox import Destination
from core.chat.text import as_text
from core.payouts import adjustments, approvals, freezes, withdrawals
from core.storage import Database
from tests.chat_world import APPROVALS, EARNINGS, World
from tests.payouts_world import CONFIG, DOLLAR


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def said(world: World) -> list[str]:
    """What was delivered: to whom, and each card as text."""
    return [f"{m.to.channel or m.to.user_id}: {as_text(card)}" for m, card in world.deliver()]


def labels(card: Card) -> list[str]:
    return [button.label for button in card.buttons]


def request(world: World, dollars: int = 600) -> int:
    world.fund(1_000 * DOLLAR)
    return world.request(dollars * DOLLAR).id or 0


def test_approval_card(world: World) -> None:
    """A request becomes a card in the approvals channel, with everything an approver needs and every button."""
    world.approvals_channel()
    number = request(world)
    ((message, card),) = world.deliver()
    assert message.to == APPROVALS
    assert as_text(card) == "\n".join(
        [
            f"WD-{number} · $600.00 · 0 of 2 approvals",
            "Ada, US, By hand, 1st payout",
            "Checks passed: balance covers it, not frozen",
            "[Approve] [Reject…] [Ledger] [Freeze…]",
        ]
    )
    assert [(button.action, button.value) for button in card.buttons] == [
        ("payout.approve", str(number)),
        ("payout.reject", str(number)),
        ("payout.ledger", str(number)),
        ("creator.freeze", "ada"),
    ]
    assert card.buttons[1].form is not None


def test_every_copy_is_repainted(world: World) -> None:
    """After each decision all copies, on both platforms, say who decided, when and where."""
    other = Destination("discord", "G1", "finance")
    world.approvals_channel()
    world.approvals_channel(other)
    number = request(world)
    assert len(world.deliver()) == 2
    world.approve(number, world.mira)
    repainted = world.deliver()
    assert sorted(m.to.channel for m, _ in repainted) == ["finance", "payout-approvals"]
    assert all(m.kind == "repaint" and m.message_id for m, _ in repainted)
    assert "1/2 Mira 09:14 UTC (test)" in as_text(repainted[0][1])
    assert "1 of 2 approvals" in repainted[0][1].title
    world.approve(number, world.tom)
    ((_, card), _other) = world.deliver()
    assert as_text(card) == "\n".join(
        [
            f"WD-{number} · $600.00 · Approved, not sent yet",
            "Ada, US, By hand, 1st payout",
            "1/2 Mira 09:14 UTC (test) · 2/2 Tom 09:14 UTC (test)",
            "[Ledger] [Freeze…]",
        ]
    )


def test_a_late_card_shows_the_truth(world: World) -> None:
    """A card that is delivered after the decision doesn't ask for it any more."""
    world.approvals_channel()
    number = request(world, 60)
    world.approve(number)
    (_, first), _repaint = world.deliver()
    assert "Approved, not sent yet" in first.title
    assert "Approve" not in labels(first)


def test_the_creator_follows_it(world: World) -> None:
    """Approved, sent and paid are three messages to the creator, and admins get a card to pay by hand."""
    world.approvals_channel()
    world.link(world.ada, "u-ada")
    number = request(world, 60)
    world.deliver()
    world.approve(number)
    world.send()
    texts = said(world)
    assert any(text.startswith(f"u-ada: WD-{number} · $60.00 · Approved, not sent yet") for text in texts)
    assert any("Handed over, not paid yet" in text and "Expected 15–20 Jan" in text for text in texts)
    assert any("Handed to the people who pay by hand; it counts as paid when they confirm." in text for text in texts)
    assert not any("on its way" in text for text in texts)
    (to_pay,) = [text for text in texts if "To be paid by hand" in text]
    assert to_pay.startswith("payout-approvals:")
    assert "[Mark paid…] [Mark failed…] [Ledger]" in to_pay
    with world.session() as session:
        withdrawals.mark_paid(session, world.config, world.now, world.ann, number, "T-1")
    texts = said(world)
    assert any(text.startswith(f"u-ada: WD-{number} · $60.00 · Paid") and "T-1" in text for text in texts)
    repainted = [text for text in texts if text.startswith("payout-approvals")]
    assert len(repainted) == 2
    assert all("Paid by Ann 09:14 UTC · T-1" in text for text in repainted)


@pytest.mark.parametrize("alerts", [True, False])
def test_alerts_off(world: World, alerts: bool) -> None:
    """Who switched alerts off still hears when money comes back, and nothing else."""
    world.link(world.ada, "u-ada")
    with world.session() as session:
        settings.change(session, world.ada.person_id, alerts=alerts)
    number = request(world, 60)
    world.approve(number)
    world.send()
    with world.session() as session:
        withdrawals.mark_failed(session, world.config, world.now, world.ann, number, "no such account")
    told = [text.split(" · ")[2].split("\n")[0] for text in said(world) if text.startswith("u-ada")]
    assert told == (["Approved, not sent yet", "Handed over, not paid yet", "Failed"] if alerts else ["Failed"])


def test_rejected(world: World) -> None:
    """The creator reads the reason, and where the money is."""
    world.approvals_channel()
    world.link(world.ada, "u-ada")
    number = request(world)
    with world.session() as session:
        approvals.reject(session, world.config, world.now, world.tom, number, "slack", "the account is in doubt")
    card, told, repaint = said(world)
    assert "Rejected by Tom 09:14 UTC (Slack): the account is in doubt" in card
    assert repaint == card
    assert "rejected: the account is in doubt" in told
    assert "$600.00 is back in your balance, which is now $1,000.00." in told


def test_returned_and_cancelled(world: World) -> None:
    """Money that came back after it was paid is told; who cancels knows already."""
    world.approvals_channel()
    world.link(world.ada, "u-ada")
    world.fund(200 * DOLLAR)
    number = world.sent(60 * DOLLAR).id or 0
    with world.session() as session:
        withdrawals.mark_paid(session, world.config, world.now, world.ann, number)
        withdrawals.mark_returned(session, world.config, world.now, world.ann, number, "account closed")
    assert any("The money came back after it was paid: account closed" in text for text in said(world))
    second = world.request(50 * DOLLAR).id or 0
    with world.session() as session:
        withdrawals.cancel(session, world.config, world.now, world.ada, second)
    texts = said(world)
    assert all(text.startswith("payout-approvals") for text in texts)
    assert any("Cancelled by Ada 09:14 UTC" in text for text in texts)


def test_without_a_channel(world: World) -> None:
    """A desk without an approvals channel asks its people directly, but nobody about their own."""
    world.link(world.mira, "u-mira")
    world.link(world.olga, "u-olga")
    with world.session() as session:
        adjustments.propose(session, world.config, world.now, world.olga, "ada", None, DOLLAR, "goodwill")
    request(world)
    texts = said(world)
    assert sorted(text.split(" ")[0] for text in texts) == ["u-mira:", "u-olga:"]
    assert all("0 of 2 approvals" in text for text in texts)


def test_direct_copies_are_repainted(world: World) -> None:
    """A card that its people got directly is drawn anew in each of their direct messages when it is decided."""
    world.link(world.mira, "u-mira")
    world.link(world.tom, "u-tom", "slack", "T1")
    number = request(world, 60)
    posted = {message.to.user_id: message for message, _ in world.deliver()}
    assert {"u-mira", "u-tom"} <= set(posted)
    world.link(world.mira, "m-new", "discord", "")  # her newest account is another one by now
    world.approve(number, world.tom)
    repainted = [(m, card) for m, card in world.deliver() if m.kind == "repaint" and m.template == "unasked/approval"]
    assert sorted((m.to.user_id, m.message_id) for m, _ in repainted) == sorted(
        (user_id, f"m{message.id}") for user_id, message in posted.items()
    )
    assert all("Approved, not sent yet" in card.title for _, card in repainted)
    assert not any("Approve" in labels(card) for _, card in repainted)


def test_direct_copies_to_pay_and_to_adjust(world: World) -> None:
    """So are the cards that admins get directly: money to be paid by hand, and adjustments."""
    world.link(world.ann, "u-ann")
    world.fund(1_000 * DOLLAR)
    world.sent(60 * DOLLAR)
    with world.session() as session:
        proposed = adjustments.propose(session, CONFIG, world.now, world.olga, "ada", None, -5 * DOLLAR, "booked twice")
    world.deliver()
    with world.session() as session:
        withdrawals.mark_paid(session, CONFIG, world.now, world.ann, 1, "TR-1")
        adjustments.decline(session, CONFIG, world.now, world.ann, proposed.id or 0)
    titles = [card.title for m, card in world.deliver() if m.kind == "repaint" and m.to.user_id == "u-ann"]
    assert [title for title in titles if "Paid" in title or "paid" in title], titles
    assert [title for title in titles if "Declined" in title], titles


def test_decided_while_a_direct_copy_is_on_its_way(world: World) -> None:
    """A card that was drawn before the decision, and is delivered after it, is drawn anew once it stands there."""
    world.link(world.mira, "u-mira")
    number = request(world, 60)
    with world.session() as session:
        (message,) = [one for one in outbox.claim(session, world.now, "slow") if one.to.user_id == "u-mira"]
    world.approve(number, world.tom)
    assert not [one for one, _ in world.deliver() if one.to.user_id == "u-mira"], "it waits for its post"
    with world.session() as session:
        outbox.delivered(session, world.now, message.id, "D7:1", message.to)
    ((repaint, card),) = [found for found in world.deliver() if found[0].to.user_id == "u-mira"]
    assert (repaint.kind, repaint.message_id) == ("repaint", "D7:1")
    assert "Approved, not sent yet" in card.title


def test_a_direct_copy_out_of_reach(world: World) -> None:
    """A repaint that a person's direct messages don't take is no late message to them."""
    world.link(world.mira, "u-mira")
    number = request(world, 60)
    world.deliver()
    world.approve(number, world.tom)
    with world.session() as session:
        (repaint,) = [one for one in outbox.claim(session, world.now, "test") if one.to.user_id == "u-mira"]
    with world.session() as session:
        outbox.undeliverable(session, world.now, repaint.id, "closed")
        assert outbox.notices(session, world.mira.person_id) == []


def test_a_lost_workspace(world: World) -> None:
    """When the desk is removed from a workspace its subscriptions pause, links stay, and whoever runs the desk is told
    where they can still be reached."""
    gone = Destination("slack", "T1", "C1")
    world.approvals_channel(gone)
    world.approvals_channel()
    world.link(world.olga, "u-olga")
    world.link(world.olga, "U1", "slack", "T1")
    world.link(world.mira, "U2", "slack", "T1")
    world.deliver()
    with world.session() as session:
        paused = subscriptions.workspace_gone(session, world.now, "slack", "T1", "uninstalled")
        assert [one.channel for one in paused] == ["C1"]
        assert [one.channel for one in subscriptions.active(session, "approvals")] == [APPROVALS.channel]
        assert len(people.identities_of(session, "slack", "T1")) == 2
    told = {m.to.user_id: as_text(card) for m, card in world.deliver()}
    assert "The desk was removed from the Slack workspace T1 (uninstalled)." in told["u-olga"]
    assert "Paused there: 1 subscribed channel." in told["u-olga"]
    assert set(told) == {"u-olga", "U2"}, "Mira, who subscribed it, has no other account"
    with world.session() as session:
        assert subscriptions.workspace_gone(session, world.now, "slack", "T1", "uninstalled") == []
    assert world.deliver() == [], "said twice, told once"


def test_flags(world: World) -> None:
    """A card warns when the creator is on hold or the balance fell below zero since."""
    world.approvals_channel()
    world.link(world.ada, "u-ada")
    number = request(world)
    with world.session() as session:
        freezes.freeze(session, world.now, world.ann, "ada", "a stolen card")
    world.fund(-900 * DOLLAR)
    texts = said(world)
    frozen = [text for text in texts if text.startswith("payout-approvals")][-1]
    assert "Frozen: a stolen card" in frozen
    assert "Check: the balance is −$500.00 since it was requested; future earnings repay this first." in frozen
    assert "Freeze…" not in frozen
    assert any("Your account is on hold\na stolen card" in text for text in texts)
    with world.session() as session:
        freezes.unfreeze(session, world.now, world.ann, "ada", "all is well")
    assert any("no longer on hold" in text for text in said(world))
    assert number


def test_adjustments(world: World) -> None:
    """A proposal is a card for a second person; once it takes effect, the creator reads why."""
    world.approvals_channel()
    world.link(world.ada, "u-ada")
    with world.session() as session:
        one = adjustments.propose(
            session, world.config, world.now, world.ann, "ada", None, -5 * DOLLAR, "counted twice"
        )
        two = adjustments.propose(session, world.config, world.now, world.ann, "ada", None, 7 * DOLLAR, "goodwill")
    cards = world.deliver()
    assert "proposed by Ann 09:14 UTC: counted twice" in as_text(cards[0][1])
    assert "Balance after  −$5.00" in as_text(cards[0][1])
    assert [(b.action, b.value) for b in cards[0][1].buttons] == [
        ("adjust.approve", str(one.id)),
        ("adjust.decline", str(one.id)),
    ]
    with world.session() as session:
        adjustments.approve(session, world.config, world.now, world.amos, one.id or 0)
        adjustments.decline(session, world.config, world.now, world.amos, two.id or 0)
    texts = said(world)
    assert any("Approved by Amos 09:14 UTC." in text for text in texts)
    assert any("Declined by Amos 09:14 UTC. Nothing moved." in text for text in texts)
    (told,) = [text for text in texts if text.startswith("u-ada")]
    assert told.startswith("u-ada: Your balance was corrected by −$5.00\ncounted twice\nbalance is now −$5.00; future")


def test_a_further_account(world: World) -> None:
    """Every earlier account is told that another one speaks for the person now."""
    world.link(world.ada, "u-ada")
    assert said(world) == []
    world.link(world.ada, "U7", "slack", "T1")
    (text,) = said(world)
    assert text.startswith("u-ada: Another chat account now speaks for you")
    assert "U7 on Slack" in text


def test_a_lost_channel(world: World) -> None:
    """Its subscriptions pause until made anew; who made them and the owners are told, once."""
    world.approvals_channel(EARNINGS)
    world.link(world.olga, "u-olga")
    world.link(world.mira, "u-mira")
    request(world)
    with world.session() as session:
        (message,) = outbox.claim(session, world.now, "test")
        outbox.undeliverable(session, world.now, message.id, "archived")
        announcements.announce(session, outbox.ChannelLost(EARNINGS, "archived", world.now))
        assert subscriptions.active(session, "approvals") == []
    texts = said(world)
    assert sorted(text.split(":")[0] for text in texts) == ["u-mira", "u-mira", "u-olga", "u-olga"]
    said_of_it = "earnings on Playground is gone or closed to the desk (archived). Paused there: approvals"
    assert sum(said_of_it in text for text in texts) == 2
    assert sum("0 of 2 approvals" in text for text in texts) == 2  # the card that nobody saw
    world.approvals_channel(EARNINGS)
    with world.session() as session:
        assert len(subscriptions.active(session, "approvals")) == 1


def test_nobody_to_tell(world: World) -> None:
    """A creator whom no person stands for, and a fact that needs no words, are passed over."""
    with world.session() as session:
        announcements.announce(session, "something else")
        assert announcements._listener(session, "nobody", always=True) is None
        assert not outbox.wrote(session)


def test_by_the_persons_own_clock(world: World) -> None:
    """Times in a direct message are also said by the person's own timezone."""
    world.link(world.ada, "u-ada")
    with world.session() as session:
        settings.change(session, world.ada.person_id, timezone="berlin")
    world.link(world.ada, "U7", "slack", "T1")
    ((_, card),) = world.deliver(dt.timedelta(hours=1))
    assert "14 Jan 09:14 UTC (10:14 in Berlin)" in as_text(card)
