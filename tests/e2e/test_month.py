"""A month's end by hand: estimates, the close, the batch before the approvers, the payout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import open_chat
from tests.e2e.test_story import shown_chart

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


def test_a_month_ends(browser: Browser, demo: str) -> None:
    """A creator sees the month's estimate; the clock jumps and it is final; the batch comes and is approved."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        chat.be("Ada")
        expect(chat.say("/balance")).to_contain_text(
            re.compile(r"This month \(Jan 2026\) so far: about \$\d+\.\d\d \(estimate\)")
        )
        expect(chat.say("/analytics Tax Buddy peak-hours")).to_contain_text("hours in Berlin")
        assert shown_chart(chat)
        chat.last.locator("select").first.select_option(label="Popular Questions")
        expect(chat.last).to_contain_text("Times asked")

        chat.page.locator("#jump-month").click()
        expect(chat.page.locator("#clock")).to_contain_text("1 Feb 2026 03:00 UTC")
        chat.go("earnings")
        expect(chat.page.locator("article", has_text="Jan 2026 closed: marketplace").last).to_be_visible()
        chat.go("Earnings Desk")
        expect(chat.say("/balance")).to_contain_text(re.compile(r"Of Pending: \$[1-9][\d.]* of closed months"))

        chat.page.locator("#jump-month").click()
        expect(chat.page.locator("#clock")).to_contain_text("2 Feb 2026 03:00 UTC")
        chat.go("payout-approvals")
        card = chat.page.locator("article", has_text="Monthly payouts for Jan 2026").last
        expect(card).to_contain_text("1 creator could not be paid and was told why")
        chat.be("Mira")
        chat.go("payout-approvals")
        card.get_by_role("button", name=re.compile(r"^Approve \d+ payouts")).click()
        expect(card).to_contain_text(re.compile(r"Decided.*Last decision: Mira", re.S))

        chat.be("Ada")
        chat.go("Earnings Desk")
        expect(chat.say("/payouts")).to_contain_text("Jan 2026")
