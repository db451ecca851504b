"""Names and words that try to break things stay words."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.chat.cards import buttons_json
from tests.desk_world import World, jan, options_of, said

NAMES = {
    "mention": "<@U123> @everyone <!channel> #general",
    "markup": "<b>bold</b> *x* _y_ `z` [a](https://example.org) & \"q\" 'r' </cell><cell>",
    "jinja": "{{ 7*191 }}{% raw %}",
    "rtl": "abc\u202etxt.exe\u2066\u200b",
    "long": "x" * 200,
    "formula": "=1+1",
    "formula2": "@SUM(A1)",
    "option": "period=all --page 2",
    "zalgo": "e\u0301" * 90,
    "emoji": "👩‍👩‍👧‍👦" * 20,
}
COMMANDS = (
    "/balance",
    "/stats",
    "/stats today",
    "/explain",
    "/transactions",
    "/payouts",
    "/payouts 1",
    "/help deleted",
    "/methods",
    "/settings",
)


def hostile(world: World, name: str) -> None:
    """Mal, named so, whose project is named so, earned $1,000.00 on 12 Jan."""
    world.creator("mal", name)
    world.project("p1", name, "mal")
    world.project("p2", name, "mal")
    world.now = jan(12, 12)
    world.earn("p1", jan(12, 11), 1_000)
    world.settle(jan(13))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_hostile_names_are_inert(small: World, name: str) -> None:
    """Every card that shows the name is whole, answers, and carries it as plain text without control characters."""
    hostile(small, name)
    preview = small.ask("mal", "/withdraw 60")
    assert small.press_in(preview, "mal", "Request").ok
    replies = [small.ask("mal", line) for line in COMMANDS]
    replies += [small.ask("Mira", line) for line in ("/desk approvals", "/desk approvals 1", "/desk batch")]
    replies.append(small.press("Mira", "payout.ledger", "1"))
    replies += [small.ask("Ann", line) for line in ("/desk freeze mal because", "/desk audit", "/desk adjust mal 5 x")]
    replies += [small.ask("Amos", "/desk adjustments"), small.ask("Ann", "/desk unfreeze mal fine")]
    replies += [small.ask("Olga", "/desk digest test full")]
    for reply in replies:
        assert reply.ok, said(reply)
        text = json.dumps(reply.card.as_json(), ensure_ascii=False)
        assert "1337" not in text
        assert not any(sign in text for sign in "\u202e\u2066\u200b")
    # The menus lead to the project of that name, however it is spelled.
    for value in options_of(small.ask("mal", "/explain").card, "Project").values():
        assert small.press("mal", "page", value).ok, value
    for found in small.desk.suggest_as(small.who("mal"), "/stats "):
        assert small.ask("mal", found.value).ok, found.value


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_cells_are_no_formulas(small: World, name: str) -> None:
    """In every file a cell of text that a spreadsheet would run starts with an apostrophe; amounts stay numbers."""
    hostile(small, name)
    small.press_in(small.ask("mal", "/withdraw 60"), "mal", "Request")
    lines = ("/transactions", "/payouts", "/stats week", "/stats p1 week")
    files = [small.press("mal", "csv", line).files[0] for line in lines]
    files += [small.press("Ann", "csv", "/desk audit").files[0]]
    files += [small.ask("Ann", f"/desk export {what}").files[0] for what in ("transactions", "payouts", "audit")]
    for file in files:
        rows = list(csv.reader(io.StringIO(file.data.decode(), newline="")))
        assert len(rows) > 1, file.name
        cells = [cell for row in rows[1:] for cell in row]
        risky = [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
        assert not risky, file.name
        assert all(cell.lstrip("-").replace(".", "").isdigit() for cell in cells if cell.startswith("-")), file.name


LINES = {
    "long": "/stats " + "x" * 10_000,
    "quotes": '/stats "' + '"' * 500,
    "nul": "/explain \x00",
    "mention": "/stats <@U1>",
    "tags": "/withdraw <b>50</b>",
    "keys": "/transactions from=from=from=",
    "flags": "/payouts --id --id",
    "big": "/withdraw 99999999999999999999",
    "float": "/withdraw 1e5",
    "page": "/transactions page=99999999999999",
    "lastpage": "/transactions page=1000000",
    "empty": "/",
    "nothing": "",
    "spaces": "/   ",
    "rtl": "/stats \u202etac",
    "date": "/explain logo 31 Feb",
    "future": "/explain logo 2030-01-01",
    "ancient": "/explain logo 0001-01-01",
    "backwards": "/transactions 2026-01-10 2026-01-01",
    "endless": "/transactions 0001-01-01 9999-12-31",
    "method": "/withdraw 50 'gold bars'",
    "help": "/help " + "y" * 5_000,
    "topic": "/help <b>{{ 7*191 }}</b>",
    "program": "/stats program=nowhere",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_hostile_lines_get_a_clear_answer(small: World, line: str) -> None:
    """Whatever is typed gets an answer that is no fault of ours, moves nothing and echoes nothing as markup."""
    small.funded(100)
    reply = small.ask("ada", line)
    text = said(reply)
    assert "Ref E-" not in text, text
    assert "Traceback" not in text
    assert "1337" not in text
    assert buttons_json(reply.card) is not None
    assert "Account Balance $100.00" in said(small.ask("ada", "/balance"))


def test_reasons_are_inert(small: World) -> None:
    """A reason of any kind is shown as it is, on every card that has it."""
    small.funded(1_000)
    reason = "<b>no</b> {{ 1+1 }} =1+1 @everyone " + "z" * 400
    small.withdrawal("ada", "60")
    small.withdrawal("ada", "70")
    assert small.press("Mira", "payout.reject", "1", reason=reason).ok
    assert "<b>no</b> {{ 1+1 }} =1+1 @everyone" in said(small.ask("ada", "/payouts 1"))
    assert small.ask("ada", "/transactions").ok
    for _ in range(6):
        assert small.ask("Ann", f"/desk adjust ada 5 {reason}").ok
    listed = small.ask("Amos", "/desk adjustments")
    assert listed.ok, said(listed)
    assert "1–4 of 6" in said(listed)
    assert small.press("Ann", "creator.freeze", "ada", reason=reason).ok
    for line in ("/desk approvals", "/desk batch", "/desk audit"):
        assert small.ask("Olga", line).ok
    assert small.ask("ada", "/balance").ok
