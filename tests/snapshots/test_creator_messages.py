"""What creators read, with the figures of commands.md's mock-ups."""

from __future__ import annotations

from tests.desk_world import World, button_of, jan, options_of, said
from tests.snapshots.conftest import ShownAs


def test_balance_reads_as_in_the_mockup(mockup: World, shown_as: ShownAs) -> None:
    """/balance says what is settled to when, what is an estimate until when, and what can be withdrawn."""
    reply = mockup.ask("ada", "/balance")
    assert said(reply).split("\n")[1:] == [
        "Account Balance $1,288.40 settled to 13 Jan (UTC)",
        "Processing $0.00 · Withdrawn $410.00 · Total Earnings $1,698.40",
        "Today so far: about $3.10 (estimate). Settles 15 Jan 03:00 UTC (04:00 in Berlin).",
        "You can withdraw: minimum $50.00, no maximum.",
        "[Withdraw] [Why this amount?] [Transactions]",
    ]
    shown_as("balance", reply)


def test_stats_read_as_in_the_mockup(mockup: World, shown_as: ShownAs) -> None:
    """/stats of a project says every figure of the mock-up, and the chart's words say what the chart shows."""
    reply = mockup.ask("ada", '/stats "Logo Lab" week')
    assert said(reply).split("\n")[:4] == [
        "Logo Lab · published 3 Nov 2025 · 7–13 Jan, settled",
        "Credits Spent 41,200 · Times Used 1,030 · Incentive $41.20 (+12% on the week before)",
        "Views 5,410 · Built On 37 · Saves 212",
        "[chart: Daily incentive rises to $8.00 on Mon 12, then $5.00. Total $41.20.]",
    ]
    shown_as("stats_project", reply)
    shown_as("stats", mockup.ask("ada", "/stats"))
    shown_as("stats_today", mockup.ask("ada", "/stats logo today"))
    shown_as("stats_month", mockup.ask("ada", "/stats month"))


def test_explanations(mockup: World, shown_as: ShownAs) -> None:
    """/explain names the project and day it picked, and shows formula, own use, entry and terms."""
    reply = mockup.ask("ada", "/explain")
    shown_as("explain", reply)
    days = options_of(reply.card, "Day")
    shown_as("explain_today", mockup.press("ada", "period", days["14 Jan (estimate)"]))
    mockup.usage("logo", jan(13, 9), "100", "700", user="u7")
    shown_as("explain_waiting", mockup.ask("ada", "/explain logo 13 Jan"))
    shown_as("explain_nobody", mockup.ask("ada", "/explain pal 12 Jan"))
    mockup.usage("pal", jan(14, 9), "10", "50")
    shown_as("explain_losses", mockup.ask("ada", "/explain pal today"))
    mockup.settle(jan(15, 3))
    shown_as("explain_corrected", mockup.ask("ada", "/explain logo 13 Jan"))


def test_withdrawing(mockup: World, shown_as: ShownAs) -> None:
    """/withdraw previews without moving anything; requesting, editing, cancelling each say what became of the money."""
    preview = mockup.ask("ada", "/withdraw 50 wallet")
    assert button_of(preview.card, "Request").label == "Request $50.00"
    shown_as("withdraw_preview", preview)
    edited = mockup.press_in(preview, "ada", "Edit", amount="600", method="bank")
    shown_as("withdraw_preview_two_people", edited)
    shown_as("withdraw_discarded", mockup.press_in(edited, "ada", "Cancel"))
    made = mockup.press_in(mockup.ask("ada", "/withdraw 50"), "ada", "Request")
    shown_as("withdraw_requested", made)
    shown_as("payouts", mockup.ask("ada", "/payouts"))
    shown_as("payout", mockup.ask("ada", "/payouts WD-2"))
    shown_as("transactions", mockup.ask("ada", "/transactions"))
    shown_as("payout_cancelled", mockup.press_in(made, "ada", "Cancel"))


def test_methods_settings_and_help(mockup: World, shown_as: ShownAs) -> None:
    """The other cards of a creator."""
    shown_as("methods", mockup.ask("ada", "/methods"))
    shown_as("method_chosen", mockup.press("ada", "method.choose", "studio/wallet"))
    shown_as("settings", mockup.ask("ada", "/settings"))
    shown_as("settings_saved", mockup.ask("ada", "/settings digest=08:00 alerts=off public_name=on timezone=lisbon"))
    shown_as("help_creator", mockup.ask("ada", "/help"))
    shown_as("help_command", mockup.ask("ada", "/help withdraw"))
    shown_as("csv", mockup.press("ada", "csv", "/transactions"))


def test_the_seeds_questions_are_answered(mockup: World, shown_as: ShownAs) -> None:
    """Each question of the first seed has an answer with the person's own figures."""
    mockup.project("old", "Old Thing", "ada", deleted=jan(13))
    for key in ("paid", "duration", "credits-spent", "incentive", "country", "maximum", "real-time", "deleted"):
        shown_as(f"help_{key}", mockup.ask("ada", f"/help {key}"))


def test_refusals(mockup: World, shown_as: ShownAs) -> None:
    """A refusal says what happened, whether money moved, and what next."""
    shown_as("refused_below_minimum", mockup.ask("ada", "/withdraw 49.99"))
    shown_as("refused_above_balance", mockup.ask("ada", "/withdraw 5000"))
    shown_as("refused_balance_too_low", mockup.ask("bo", "/withdraw"))
    shown_as("refused_project", mockup.ask("ada", '/stats "Song Smith"'))
    shown_as("refused_role", mockup.ask("ada", "/desk approve 1"))
    shown_as("balance_empty", mockup.ask("bo", "/balance"))
    shown_as("transactions_empty", mockup.ask("bo", "/transactions"))
    shown_as("payouts_empty", mockup.ask("bo", "/payouts"))


def test_cards_as_data(mockup: World, shown_as_json: ShownAs) -> None:
    """Figures, chart, menus, tables and buttons reach other programs as plain data."""
    shown_as_json("stats_project.json", mockup.ask("ada", "/stats logo"))
    shown_as_json("payouts.json", mockup.ask("ada", "/payouts"))
