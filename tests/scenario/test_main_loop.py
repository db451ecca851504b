"""From usage to paid-out money, as people type and press it."""

from __future__ import annotations

import csv
import io

from tests.desk_world import CHANNEL, World, button_of, jan, labels, options_of, said

SEED = ("10000", "8000")


def rows_of(data: bytes) -> list[dict[str, str]]:
    """A CSV file's rows."""
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_the_seeds_example_is_explained_to_the_letter(world: World) -> None:
    """10,000 credits − 8,000 costs are explained as 2,000, 1,000 credits, $10.00, with own use left out."""
    world.now = jan(13, 12)
    world.usage("logo", jan(13, 9), *SEED)
    world.usage("logo", jan(13, 9), "320", user="ada")
    world.settle(jan(14, 3))
    text = said(world.ask("ada", '/explain "Logo Lab" 13 Jan'))
    assert "Operating costs come off first; you get 50% of what remains." in text
    assert "10,000 credits" in text
    assert "2,000" in text
    assert "1,000 credits = $10.00 (100 credits = $1)" in text
    assert "Your own use (320 credits) isn't counted. Entry L-1." in text


def test_money_goes_from_balance_to_bank(world: World) -> None:
    """A creator withdraws, two approvers agree, an admin marks it paid; words and figures on the way are right."""
    world.funded(1_000)
    assert "Account Balance $1,000.00 settled to 12 Jan (UTC)" in said(world.ask("ada", "/balance"))
    assert "Total Incentive $1,000.00" in said(world.ask("ada", "/stats"))

    preview = world.ask("ada", "/withdraw 600 wallet")
    assert "Nothing has moved yet." in said(preview)
    assert "Fee $1.00; you receive $599.00" in said(preview)
    assert "Account Balance $1,000.00" in said(world.ask("ada", "/balance"))
    made = world.press_in(preview, "ada", "Request $600.00")
    assert made.ok
    assert made.replaces
    assert "WD-1 requested" in said(made)
    assert "Account Balance $400.00" in said(world.ask("ada", "/balance"))
    assert "Processing $600.00" in said(world.ask("ada", "/balance"))

    again = world.press_in(preview, "ada", "Request $600.00")
    assert not again.ok
    assert "Already requested at 10:00: WD-1, $600.00, pending. Nothing changed." in said(again)

    first = world.ask("Mira", "/desk approve WD-1")
    assert "You approved it, 1 of 2. Nothing is sent before one more approver agrees." in said(first)
    world.now = jan(13, 10, 20)
    second = world.press("Tom", "payout.approve", "1")
    assert "Approved, not sent yet" in said(second)
    loser = world.press("Olga", "payout.approve", "1")
    assert not loser.ok
    assert "Already decided by Tom at 10:20. Nothing changed." in said(loser)

    world.pay()
    assert "processing" in said(world.ask("ada", "/payouts"))
    assert "Handed over, not paid yet" in said(world.ask("ada", "/payouts 1"))
    todo = world.ask("Ann", "/desk payments")
    assert "WD-1 · pay $599.00" in said(todo)
    paid = world.press_in(todo, "Ann", "Mark WD-1 paid", reference="TR-77")
    assert "$599.00 counts as paid, and $1.00 as the fee. Trace: TR-77." in said(paid)

    done = said(world.ask("ada", "/payouts WD-1"))
    assert "WD-1 · $600.00 · completed" in done
    assert "TR-77" in done
    assert "Logo Lab" in done
    assert "Withdrawn $600.00" in said(world.ask("ada", "/balance"))

    history = world.ask("ada", "/transactions")
    assert "completed" in said(history)
    file = world.press_in(history, "ada", "CSV").files[0]
    rows = rows_of(file.data)
    assert [row["amount_usd"] for row in rows] == ["1000.000000", "-600.000000"]
    assert world.sound()


def test_late_usage_and_a_void_are_explained(world: World) -> None:
    """A late event adds to its own day and says so; its void takes it back; both entries are named."""
    world.now = jan(13, 12)
    world.usage("logo", jan(13, 9), *SEED)
    world.settle(jan(14, 3))
    late = world.usage("logo", jan(13, 10), "100", user="u2")
    waiting = said(world.ask("ada", "/explain logo 2026-01-13"))
    assert "Reported since: about $0.50 more, an estimate." in waiting
    assert "settled" in waiting.split("\n")[0]
    world.settle(jan(15, 3))
    settled = said(world.ask("ada", "/explain logo 2026-01-13"))
    assert "$10.50, settled" in settled
    assert "L-2, 15 Jan 03:00 UTC (04:00 in Berlin): $0.50, late usage for 13 Jan" in settled
    assert "Logo Lab, late usage for 13 Jan" in said(world.ask("ada", "/transactions"))
    world.void(late, jan(15, 2))
    assert "about −$0.50 (taken back)" in said(world.ask("ada", "/explain logo 2026-01-13"))
    world.settle(jan(16, 3))
    assert "correction for 13 Jan" in said(world.ask("ada", "/explain logo 2026-01-13"))
    assert "$10.00, settled" in said(world.ask("ada", "/explain logo 2026-01-13"))


def test_a_rejection_gives_everything_back_and_its_reason_is_read(world: World) -> None:
    """A rejected request is back in the balance, and the creator reads why."""
    world.funded(100)
    world.withdrawal("ada", "60")
    reply = world.press("Mira", "payout.reject", "1", reason="The account name does not match.")
    assert "You rejected it. $60.00 is back in the creator's balance" in said(reply)
    assert "Account Balance $100.00" in said(world.ask("ada", "/balance"))
    assert "Reason: The account name does not match." in said(world.ask("ada", "/payouts 1"))
    assert "rejected" in said(world.ask("ada", "/transactions status=rejected"))
    assert "Already decided by Mira at 10:00. Nothing changed." in said(world.press("Tom", "payout.approve", "1"))


def test_a_payment_that_fails_gives_everything_back(world: World) -> None:
    """Marked failed, the whole amount is available again; a second mark is told what happened."""
    world.funded(100)
    world.withdrawal("ada", "60 wallet")
    world.ask("Mira", "/desk approve 1")
    world.pay()
    reply = world.press("Ann", "payout.failed", "1", reason="Bounced")
    assert "$60.00 is back in the creator's balance, fee included." in said(reply)
    assert "Account Balance $100.00" in said(world.ask("ada", "/balance"))
    assert "WD-1 is already failed, by Ann at 10:00. Nothing changed." in said(world.press("Amos", "payout.paid", "1"))
    assert "Failed; the money is back in the balance" in said(world.ask("ada", "/payouts 1"))
    ledger = said(world.press("Mira", "payout.ledger", "1"))
    assert "request, taken back" in ledger
    assert ledger.count("$60.00") == 3


async def test_the_approval_card_is_posted_and_repainted(world: World) -> None:
    """The channel gets the card, and after the decision its copy says who decided when and from where."""
    world.funded(100)
    identity = world.link("Ann")
    world.posted()

    reply = await world.desk.run(identity, "/desk approvals-channel on", CHANNEL)
    assert reply.ok, said(reply)
    world.withdrawal("ada", "60")
    ((where, card),) = world.posted()
    assert where == CHANNEL.channel
    assert card.title == "WD-1 · $60.00 · 0 of 1 approval"
    assert labels(card) == ["Approve", "Reject…", "Ledger", "Freeze…"]
    approve = button_of(card, "Approve")
    world.press("Mira", approve.action, approve.value)
    titles = [card.title for _, card in world.posted()]
    assert "WD-1 · $60.00 · Approved, not sent yet" in titles


def test_the_menus_of_an_explanation_lead_to_other_days_and_projects(world: World) -> None:
    """Without arguments the latest earning is explained and named; the menus replace the card."""
    world.funded(100)
    first = world.ask("ada", "/explain")
    assert first.card.title == "Logo Lab · 12 Jan · $100.00, settled"
    assert "the project that earned most on it" in said(first)
    day = world.press("ada", "period", options_of(first.card, "Day")["13 Jan (estimate)"])
    assert day.replaces
    assert day.card.title == "Logo Lab · 13 Jan · about $0.00, estimate"
    other = world.press("ada", "page", options_of(first.card, "Project")["Prompt Pal"])
    assert other.replaces
    assert "Nobody else used it that day, so there is nothing to share: $0.00." in said(other)
