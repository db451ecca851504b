"""A creator who earns in two programs is asked which one, wherever money moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.storage import Database
from tests.desk_world import TWO_PROGRAMS, World, button_of, jan, labels, options_of, said


@pytest.fixture
def both(sqlite_database: Database) -> Iterator[World]:
    """Ada earned $100.00 in the studio and $200.00 in the arcade."""
    world = World(sqlite_database, TWO_PROGRAMS)
    world.project("game", "Game Den", "ada", "arcade")
    world.now = jan(12, 12)
    world.earn("logo", jan(12, 11), 100)
    world.earn("game", jan(12, 11), 200)
    world.settle(jan(13))
    yield world
    world.close()


def test_the_balance_has_both(both: World) -> None:
    """Each program has its own lines under its own name."""
    text = said(both.ask("ada", "/balance"))
    assert "Creator Studio\nAccount Balance $100.00 settled to 12 Jan (UTC)" in text
    assert "Arcade\nAccount Balance $200.00 settled to 12 Jan (UTC)" in text


def test_withdrawing_asks_which(both: World) -> None:
    """Without a program the desk asks; the button carries the whole request on; with one it previews at once."""
    asked = both.ask("ada", "/withdraw 60 bank")
    assert not asked.ok
    assert "Nothing moved yet." in said(asked)
    assert labels(asked.card) == ["Creator Studio", "Arcade"]
    preview = both.press_in(asked, "ada", "Arcade")
    assert "$60.00 to Bank transfer from Arcade" in said(preview)
    edited = both.press_in(preview, "ada", "Edit", amount="70", method="wallet")
    assert "$70.00 to Wallet from Arcade" in said(edited)
    assert both.press_in(edited, "ada", "Request $70.00").ok
    assert "$130.00" in said(both.ask("ada", "/balance"))
    assert "$200.00 to Bank transfer" not in said(both.ask("ada", "/withdraw all program=arcade"))
    assert "You asked for $5,000.00" in said(both.ask("ada", "/withdraw 5000 bank studio"))
    everything = both.press_in(both.ask("ada", "/withdraw"), "ada", "Creator Studio")
    assert "$100.00 to Bank transfer from Creator Studio" in said(everything)
    assert both.ask("ada", "/payouts 1").card.title == "WD-1 · $70.00 · pending"
    assert "Arcade" in said(both.ask("ada", "/payouts 1"))


def test_adjusting_asks_which(both: World) -> None:
    """The same for an adjustment by an admin."""
    asked = both.ask("Ann", "/desk adjust ada 5 A voucher, booked twice")
    assert not asked.ok
    assert "Ada earns in 2 programs" in said(asked)
    proposed = both.press_in(asked, "Ann", "Arcade")
    assert "For Ada: A voucher, booked twice" in said(proposed)
    assert "$205.00" in said(proposed)
    assert "Arcade" in said(both.ask("Amos", "/desk adjustments"))


def test_lists_take_it_as_a_filter(both: World) -> None:
    """/stats, /transactions, /payouts and /methods show all, or one program's."""
    stats = said(both.ask("ada", "/stats"))
    assert "Creator Studio\nTotal Views 0 · Credits Spent 20,000 · Total Incentive $100.00" in stats
    assert "Arcade\nTotal Views 0 · Credits Spent 40,000 · Total Incentive $200.00" in stats
    assert "Game Den" not in said(both.ask("ada", "/stats program=studio")).split("[chart")[0]
    rows = said(both.ask("ada", "/transactions"))
    assert "Program" in rows
    assert "Arcade" in rows
    assert "Game Den, 12 Jan" not in said(both.ask("ada", "/transactions program=studio"))
    assert "'nowhere' is none of your programs" in said(both.ask("ada", "/transactions program=nowhere"))
    assert "You have asked for no payout yet" in said(both.ask("ada", "/payouts program=arcade"))
    methods = both.ask("ada", "/methods")
    assert list(options_of(methods.card, "Use from now on")) == ["Wallet (Creator Studio)", "Wallet (Arcade)"]
    chosen = both.press("ada", "method.choose", options_of(methods.card, "Use from now on")["Wallet (Arcade)"])
    assert "New requests in Arcade go by Wallet." in said(chosen)
    assert "Bank transfer · your usual way" in said(both.ask("ada", "/methods studio"))
    assert "Wallet · your usual way" in said(both.ask("ada", "/methods arcade"))
    assert both.press("ada", "csv", "/payouts program=arcade").ok
    assert both.press("ada", "csv", "/transactions program=arcade").files[0].data.count(b"\n") == 2


def test_explanations_and_answers_cover_both(both: World) -> None:
    """/explain picks the latest earning of any program; answers have figures for each."""
    assert both.ask("ada", "/explain").card.title.startswith(("Game Den · 12 Jan", "Logo Lab · 12 Jan"))
    assert both.ask("ada", "/explain 12 Jan").card.title.startswith("Game Den · 12 Jan")
    answer = said(both.ask("ada", "/help maximum"))
    assert "Creator Studio\n" in answer
    assert "Now that is $200.00 (settled)." in answer


def test_desk_cards_name_the_program(both: World) -> None:
    """Approvers and admins see which program a request is in; completions know the programs."""
    both.press_in(both.ask("ada", "/withdraw 60 bank arcade"), "ada", "Request")
    assert "Ada, US, Arcade, Bank transfer" in said(both.ask("Mira", "/desk approvals"))
    assert button_of(both.ask("Mira", "/desk batch").card, "Approve 1 withdrawal").value == "1"
    offered = [one.label for one in both.desk.suggest_as(both.who("ada"), "/stats program=a")]
    assert "Arcade" in offered
    offered = [one.label for one in both.desk.suggest_as(both.who("Ann"), "/desk adjust ada 5 x program=arc")]
    assert offered == ["Arcade"]
