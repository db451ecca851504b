"""The whole loop by hand: earn, ask, withdraw, approve, pay, settle, digest."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chat import Chat
from tests.e2e.conftest import open_chat

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


def shown_chart(chat: Chat) -> bool:
    """Whether the newest message's picture has arrived and has something in it."""
    picture = chat.last.locator("img[data-chart]").first
    picture.scroll_into_view_if_needed()
    picture.evaluate("image => image.decode()")
    return bool(picture.evaluate("image => image.complete && image.naturalWidth > 600")) and bool(
        picture.get_attribute("alt")
    )


def ask(chat: Chat) -> None:
    """What they have, how the week went, and why."""
    from playwright.sync_api import expect

    expect(chat.say("/balance")).to_contain_text("Account Balance")
    expect(chat.last).to_contain_text("settled to 13 Jan")

    expect(chat.say("/stats")).to_contain_text("Credits Spent")
    assert shown_chart(chat)
    before = chat.last.inner_text()
    chat.last.locator("select").first.select_option(label="All time")
    expect(chat.last).not_to_have_text(before)
    expect(chat.last).to_contain_text("(updated)")

    expect(chat.say("/explain")).to_contain_text("Operating costs come off first; you get 50% of what remains.")
    expect(chat.last).to_contain_text(re.compile(r"Entry L-\d+"))


def downloaded(chat: Chat, target: Path) -> list[list[str]]:
    """The rows of the file that came last."""
    with chat.page.expect_download() as download:
        chat.page.locator(".files a").last.click()
    download.value.save_as(target)
    return list(csv.reader(io.StringIO(target.read_text(encoding="utf-8"))))


def test_the_main_job_in_one_sitting(browser: Browser, demo: str, tmp_path: Path) -> None:
    """A creator sees what they earn and asks for $50; two approvers click at once; it is paid; a day settles."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        expect(chat.page.locator(".play-money")).to_have_text("Play money. Nothing here is real.")
        expect(chat.page.locator("#clock")).to_contain_text("14 Jan 2026")
        chat.be("Ada")

        ask(chat)
        newest = chat.entry().get_attribute("data-entry")
        expect(chat.say("/withdraw 50 program=studio")).to_contain_text("Check before you request")
        assert chat.entry().get_attribute("data-entry") == newest, "a preview moves nothing"
        chat.press("Request $50.00")
        expect(chat.entry()).to_contain_text("withdrawal.request")
        expect(chat.entry()).to_contain_text("$50.00")
        expect(chat.page.locator("#books")).to_contain_text("sum to $0.00")

        chat.go("payout-approvals")
        expect(chat.last).to_contain_text("$50.00 · 0 of 1 approval")
        chat.press("Approve")
        expect(chat.last).to_contain_text("Only approvers can do that")

        chat.page.locator("#both").click()
        answers = chat.page.locator("#answers[open] section")
        expect(answers).to_have_count(2)
        said = answers.all_inner_texts()
        assert sum("Already decided by" in one for one in said) == 1, said
        assert sum("Nothing changed" in one for one in said) == 1, said
        chat.page.keyboard.press("Escape")
        expect(chat.page.locator("article", has_text="$50.00 · Handed over, not paid yet")).to_be_visible()
        expect(chat.last).to_contain_text("$50.00 · To be paid by hand")

        chat.be("Tom")
        chat.press("Mark paid…", chat.page.locator("article", has_text="To be paid by hand"))
        chat.fill_form(reference="BANK-1")
        expect(chat.entry()).to_contain_text("withdrawal.paid")

        chat.be("Ada")
        chat.go("Earnings Desk")
        expect(chat.last).to_contain_text("$50.00 has been paid.")

        chat.page.locator("#jump").click()
        expect(chat.page.locator("#clock")).to_contain_text("15 Jan 2026 03:00 UTC")
        expect(chat.entry()).to_contain_text("settlement")
        chat.go("earnings")
        expect(chat.last).to_contain_text(re.compile("settlement for 14 Jan", re.I))
        expect(chat.last).to_contain_text(re.compile("books sealed", re.I))
        assert shown_chart(chat)

        chat.go("Earnings Desk")
        expect(chat.say("/transactions")).to_contain_text("$50.00")
        chat.press("CSV")
        head, *rows = downloaded(chat, tmp_path / "transactions.csv")
        assert len(rows) > 10, "all pages, not the one that is shown"
        assert all(len(row) == len(head) for row in rows)
        assert any(cell.lstrip("-") == "50.000000" for row in rows for cell in row)

        expect(chat.page.locator("#tour-count")).to_have_text("done")
