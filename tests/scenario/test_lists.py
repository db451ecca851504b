"""Lists: pages, filters, files and completions; nothing is cut silently."""

from __future__ import annotations

import csv
import io

import pytest

from core.chat.commands import desk_audit
from core.config import DeskConfig, Method, Program
from core.storage import Database
from tests.desk_world import BANK, STUDIO, World, button_of, chosen_of, jan, labels, options_of, said


def data_rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def many_days(world: World, count: int = 23) -> None:
    """Logo Lab earned $1.00 to $23.00 on as many days up to 13 Jan, settled day by day."""
    for back in range(count, 0, -1):
        day = jan(14, 11) - back * (jan(2) - jan(1))
        world.now = day
        world.earn("logo", day.replace(hour=9), back)
        world.settle(day.replace(hour=3) + (jan(2) - jan(1)))
    world.now = jan(14)


def test_transactions_page_and_filter(small: World) -> None:
    """Ten rows a page, older and newer, the same rows as in the file; days and status narrow both."""
    many_days(small)
    first = small.ask("ada", "/transactions")
    assert first.card.title == "Transactions · Page 1"
    assert labels(first.card) == ["Older", "CSV", "Balance"]
    second = small.press_in(first, "ada", "Older")
    assert second.replaces
    third = small.press_in(second, "ada", "Older")
    assert labels(third.card) == ["Newer", "CSV", "Balance"]
    lines = [line for reply in (first, second, third) for line in said(reply).split("\n")]
    shown = [line for line in lines if line.startswith("Logo Lab")]
    assert len(shown) == len(set(shown)) == 23
    assert "23 Dec 2025" in said(third)
    assert small.press_in(third, "ada", "Newer").card == second.card
    assert "No rows on this page." in said(small.ask("ada", "/transactions page=9"))
    assert len(data_rows(small.press_in(first, "ada", "CSV").files[0].data)) == 23

    january = small.ask("ada", "/transactions 2026-01-02 2026-01-05 settled")
    assert "Shown: from 2 Jan 2026, to 5 Jan 2026, settled only (UTC days)." in said(january)
    assert len(data_rows(small.press_in(january, "ada", "CSV").files[0].data)) == 4
    assert "No transactions fit." in said(small.ask("ada", "/transactions status=failed"))
    assert "runs backwards" in said(small.ask("ada", "/transactions 2026-01-05 2026-01-02"))
    assert "runs backwards" in said(small.press("ada", "csv", "/transactions from=2026-01-05 to=2026-01-02"))


def test_payouts_page(small: World) -> None:
    """A creator with many withdrawals pages through them; each page offers details and cancelling."""
    small.funded(1_000)
    for _ in range(12):
        small.withdrawal("ada", "50")
    first = small.ask("ada", "/payouts")
    assert first.card.title == "Payouts · 1–10 of 12"
    second = small.press_in(first, "ada", "Older")
    assert second.card.title == "Payouts · 11–12 of 12"
    assert labels(second.card) == ["Cancel WD-2", "Cancel WD-1", "Newer", "CSV"]
    assert small.press_in(second, "ada", "Newer").card == first.card
    cancelled = small.press_in(second, "ada", "Cancel WD-1")
    assert "$50.00 is back in your balance; nothing was sent." in said(cancelled)
    assert "Already cancelled by Ada" in said(small.press_in(second, "ada", "Cancel WD-1"))
    rows = data_rows(small.press_in(first, "ada", "CSV").files[0].data)
    assert [row[0] for row in rows] == [str(number) for number in range(1, 13)]
    offered = [one.value for one in small.desk.suggest_as(small.who("ada"), "/payouts ")]
    assert "/payouts WD-12 " in offered
    assert small.desk.suggest_as(small.who("Mira"), "/payouts WD") == []


def test_the_queue_pages(small: World) -> None:
    """Approvers see five at a time, oldest first, and a batch of all."""
    small.funded(1_000)
    for _ in range(6):
        small.withdrawal("ada", "50")
    first = small.ask("Mira", "/desk approvals")
    assert first.card.title == "Waiting for approval: 6 · $300.00"
    assert "1–5 of 6, the oldest first." in said(first)
    second = small.press_in(first, "Mira", "Newer requests")
    assert "WD-6 · $50.00" in said(second)
    assert "WD-1 ·" not in said(second)
    assert "WD-1 ·" in said(small.press_in(second, "Mira", "Older requests"))
    batch = small.press_in(first, "Mira", "Batch: 6 need one approver")
    assert batch.card.title == "6 withdrawals, $300.00 in total"
    assert small.press_in(batch, "Mira", "Approve 6").card.title == "6 withdrawals approved, $300.00 in total"
    small.pay()
    first = small.ask("Ann", "/desk payments")
    second = small.press_in(first, "Ann", "Newer")
    assert "WD-6 · pay $50.00" in said(second)
    assert small.press_in(second, "Ann", "Older").card == first.card
    assert small.desk.suggest_as(small.who("Ann"), "/desk approve WD") == []


def test_a_large_batch_comes_in_parts(small: World) -> None:
    """More than fit on a card are named as more, and only those that were listed are approved."""
    small.funded(1_400)
    for _ in range(9):
        small.withdrawal("ada", "50")
    for number in range(20):
        small.creator(f"c{number}", f"Creator {number}")
        small.project(f"p{number}", "Thing", f"c{number}")
        small.earn(f"p{number}", jan(12, 11), 60)
    small.settle(jan(13, 11))
    for number in range(20):
        small.withdrawal(f"c{number}", "55")
    batch = small.ask("Mira", "/desk batch")
    assert "4 more withdrawals could be approved together" in said(batch)
    done = small.press_in(batch, "Mira", "Approve 25")
    assert done.card.title.startswith("25 withdrawals approved")
    assert small.ask("Mira", "/desk batch").card.title == "4 withdrawals, $220.00 in total"
    offered = small.desk.suggest_as(small.who("Mira"), "/desk approve ")
    assert [one.value for one in offered][:1] == ["/desk approve WD-26 "]


def test_the_audit_trail_pages_and_exports(small: World) -> None:
    """Newest first, ten a page, days narrow it, long details are whole in the file."""
    small.ask("Ann", f"/desk freeze ada {'because ' * 40}")
    first = small.ask("Ann", "/desk audit")
    assert "whole in the CSV" in said(first)
    second = small.press_in(first, "Ann", "Older")
    assert second.card.title == "Audit trail · Page 2"
    assert small.press_in(second, "Ann", "Newer").card == first.card
    file = small.press_in(first, "Ann", "CSV").files[0]
    assert "because because" in file.data.decode()
    assert "No lines in these days." in said(small.ask("Ann", "/desk audit 2025-01-01 2025-01-02"))
    assert "runs backwards" in said(small.ask("Ann", "/desk audit 2025-01-02 2025-01-01"))


@pytest.mark.parametrize("what", ["transactions", "payouts", "audit", "hledger", "beancount"])
def test_the_books_export(small: World, what: str) -> None:
    """Each export is a file in the reply, for all days or some."""
    small.funded(100)
    small.withdrawal("ada", "60")
    menu = small.ask("Ann", "/desk export")
    reply = small.press_in(menu, "Ann", what)
    assert reply.files[0].name.startswith(("transactions", "payouts", "audit", "journal"))
    assert len(reply.files[0].data) > 50
    assert small.ask("Ann", f"/desk export {what} 2026-01-01 2026-01-31").files
    assert "runs backwards" in said(small.ask("Ann", f"/desk export {what} 2026-02-01 2026-01-31"))


def test_an_export_too_large_for_chat_is_refused(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so before it fills the memory, and how to get it."""
    small.funded(100)
    monkeypatch.setattr(desk_audit, "LARGEST_FILE", 100)
    for what in ("audit", "hledger"):
        assert "earnings-desk export" in said(small.ask("Ann", f"/desk export {what}"))
    assert "larger than a chat message" in said(small.press("Ann", "csv", "/desk audit"))


def test_statistics_as_files(small: World) -> None:
    """The file of all projects has a row each; the file of one has a row a day; figures have six places."""
    small.funded(100)
    small.project("pal", "Prompt Pal", "ada", deleted=jan(13, 9))
    everything = small.press_in(small.ask("ada", "/stats"), "ada", "CSV").files[0]
    rows = data_rows(everything.data)
    assert [row[0] for row in rows] == ["logo", "pal"]
    assert rows[0][-2:] == ["100.000000", "0.000000"]
    one = small.press_in(small.ask("ada", "/stats logo"), "ada", "CSV").files[0]
    assert [row[0] for row in data_rows(one.data)][-1] == "2026-01-12"
    assert "Prompt Pal" not in said(small.ask("ada", "/stats")).split("Project:")[0]
    assert "Prompt Pal (deleted)" in said(small.ask("ada", "/stats pal"))
    assert "You deleted 1 project" in said(small.ask("ada", "/help deleted"))
    assert "(deleted)" in said(small.ask("ada", "/explain")).split("Project:")[1]


def test_many_projects_page(small: World) -> None:
    """A creator with many projects sees ten a page, most earned first, and reaches the others by typing."""
    for number in range(30):
        small.project(f"p{number:02}", f"Thing {number:02}", "ada")
    small.now = jan(12, 12)
    for number in range(30):
        small.earn(f"p{number:02}", jan(12, 11), number + 1)
    small.settle(jan(13))
    first = small.ask("ada", "/stats")
    assert "Projects 1–10 of 32, most earned first." in said(first)
    second = small.press_in(first, "ada", "More projects")
    assert "Thing 19" in said(second)
    assert small.press_in(second, "ada", "Back").card == first.card
    offered = [one.value for one in small.desk.suggest_as(small.who("ada"), "/stats thing 2")]
    assert '/stats "Thing 20" ' in offered
    assert len(small.desk.suggest_as(small.who("ada"), "/explain ")) <= 25
    number = small.withdrawal("ada", "400")
    assert "10 other projects" in said(small.ask("ada", f"/payouts {number}"))


def test_help_completes_what_there_is(small: World) -> None:
    """Topics are completed by role; a question may be asked in its own words."""
    offered = [one.label for one in small.desk.suggest_as(small.who("ada"), "/help pai")]
    assert "When do I get paid?" in offered
    assert [one.value for one in small.desk.suggest_as(small.who("bo"), "/help desk")] == []
    assert "/help desk " in [one.value for one in small.desk.suggest_as(small.who("Mira"), "/help desk")]
    assert small.ask("ada", "/help when will I get paid?").card.title == "When do I get paid?"
    assert "For those who run the desk" in said(small.ask("Mira", "/help desk"))
    assert "/balance" not in said(small.ask("ada", "/help you"))
    assert "There is no help on" in said(small.ask("ada", "/help desk audit"))
    assert small.ask("ada", "/help /stats").card.title == "/stats: How your projects do"


def test_a_method_or_country_without_one(small: World) -> None:
    """A creator without any method is told so, that the balance is safe, and can ask anyway."""
    world = small
    world.funded(100)
    world.config = type(world.config)(programs=world.config.programs, methods=())
    world.desk.config = world.config
    assert "No payout method is offered in US yet" in said(world.ask("ada", "/methods"))
    assert "No payout method is offered in US yet" in said(world.ask("ada", "/withdraw"))
    assert "your balance is safe" in said(world.ask("ada", "/balance"))
    assert "none is offered in US yet" in said(world.ask("ada", "/help duration"))
    assert "No method is offered in US yet" in said(world.ask("ada", "/help country"))


def test_a_method_that_is_gone_keeps_its_name(small: World) -> None:
    """A withdrawal by a method that the configuration has no more is still listed."""
    small.funded(100)
    small.withdrawal("ada", "60 wallet")
    small.desk.config = type(small.config)(programs=small.config.programs, methods=small.config.methods[:1])
    assert "wallet" in said(small.ask("ada", "/payouts 1"))
    assert "wallet" in said(small.ask("ada", "/transactions"))
    assert "How long" in small.ask("ada", "/help duration").card.title
    assert "WD-1: $60.00, pending" in said(small.ask("ada", "/help duration"))


def test_buttons_keep_what_was_asked(small: World) -> None:
    """The period menu keeps the project; the CSV button keeps the filters."""
    small.funded(100)
    reply = small.ask("ada", "/stats logo month")
    assert button_of(reply.card, "CSV").value == '/stats project="Logo Lab" period=month'
    assert button_of(reply.card, "Explain").value == '/explain project="Logo Lab"'


def test_long_titles_fit_everywhere(sqlite_database: Database) -> None:
    """Titles as long as the configuration allows, and more withdrawals than a menu holds, break no card."""
    title = "A very long title of a way to be paid " * 3
    config = DeskConfig(
        programs={slug: Program(slug, "credits", STUDIO.terms, title=title) for slug in ("studio", "arcade")},
        methods=(BANK, Method("long", "manual", title=title)),
    )
    world = World(sqlite_database, config)
    world.project("game", "Game Den", "ada", "arcade")
    world.funded(2_000)
    for _ in range(27):
        asked = world.ask("ada", "/withdraw 50 long studio")
        assert world.press_in(asked, "ada", "Request").ok
    for line in ("/withdraw", "/methods", "/balance", "/payouts", "/transactions", "/help country"):
        assert "Ref E-" not in said(world.ask("ada", line)), line
    assert len(world.desk.suggest_as(world.who("Mira"), "/desk approve ")) == 25
    assert "1–5 of 27" in said(world.ask("Mira", "/desk approvals"))
    assert "…" in next(iter(options_of(world.ask("ada", "/methods").card, "Use from now on")))
    world.close()


def test_an_export_is_measured_in_bytes(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is short in letters can be long in bytes: the limit holds for bytes."""
    small.ask("Ann", f"/desk freeze ada {'é' * 400}")
    size = len(small.ask("Ann", "/desk export audit").files[0].data)
    monkeypatch.setattr(desk_audit, "LARGEST_FILE", size - 100)
    assert "larger than a chat message" in said(small.ask("Ann", "/desk export audit"))


def test_menus_lead_back_to_where_they_began(small: World) -> None:
    """The project menu of /stats has all projects first and marks what is on show; /help's asks to choose."""
    small.funded(100)
    everything = small.ask("ada", "/stats month")
    assert chosen_of(everything.card) == ["This month", "All projects"]
    one = small.press("ada", "page", options_of(everything.card, "Project")["Logo Lab"])
    assert chosen_of(one.card) == ["This month", "Logo Lab"]
    back = options_of(one.card, "Project")
    assert next(iter(back)) == "All projects"
    assert back["All projects"] == "/stats period=month"
    assert small.press("ada", "page", back["All projects"]).card == everything.card
    assert chosen_of(small.ask("ada", "/help").card) == ["Choose a question"]


def test_words_that_are_no_amount_are_refused_as_what_they_may_mean(small: World) -> None:
    """What /withdraw can't read is refused as neither an amount nor a way to be paid; dates may stand in quotes."""
    small.funded(100)
    neither = "“abc” is neither an amount (50.00 or all) nor a way to be paid"
    assert neither in said(small.ask("ada", "/withdraw abc"))
    assert neither in said(small.ask("ada", "/withdraw all abc"))
    assert "Check before you request" in said(small.ask("ada", "/withdraw all bank"))
    assert small.ask("ada", '/explain "Logo Lab" "12 Jan"').card == small.ask("ada", "/explain logo 12 Jan").card
    assert small.ask("ada", '/transactions "1 Jan" "5 Jan"').ok
    refused = said(small.ask("ada", '/explain "Logo Lab" "soon"'))
    assert 'for example /explain "Logo Lab" 13 Jan' in refused
