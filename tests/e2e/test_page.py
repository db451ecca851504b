"""What the page does of its own: live updates, a cut line, the newcomer, hostile names, the tour."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import open_chat
from tests.e2e.line import line_to

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e
# A second click, in the instant in which the card has changed under the pointer.
CLICK_WHAT_COMES = """() => new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    const button = node.dataset?.settling === undefined ? null : node.querySelector("button");
    if (button) { button.click(); window.clicked = button.textContent; }
  }
}).observe(document.getElementById("timeline"), { childList: true })"""


def test_two_windows_see_the_same(browser: Browser, demo: str) -> None:
    """What happens in one window stands in the other at once; nothing is reloaded or asked for again and again."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as one, open_chat(browser, demo) as other:
        asked: list[str] = []
        other.page.on("request", lambda request: asked.append(request.url))
        other.go("payout-approvals")
        before = other.posts.count()
        one.say("/withdraw 50 program=studio")
        one.press("Request $50.00")
        expect(other.posts).to_have_count(before + 1)
        expect(other.entry()).to_contain_text("withdrawal.request")
        expect(other.entry()).to_have_class("entry fresh")
        assert asked == [], "the page only listens"


def test_a_newcomer_links_with_a_code_and_is_somebody(browser: Browser, demo: str) -> None:
    """Nothing is shown to a stranger; the code from the account page makes them who they are."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        chat.be("Newcomer")
        expect(chat.page.locator(".welcome")).to_contain_text("You are new here")
        expect(chat.say("/balance")).to_contain_text("Not linked yet")
        chat.page.get_by_role("button", name="Get a link code").click()
        expect(chat.page.locator("#line")).to_have_value(re.compile(r"/link \w{10}"))
        chat.page.locator("#line").press("Enter")
        expect(chat.page.locator("#who")).not_to_contain_text("Newcomer")
        expect(chat.say("/balance")).to_contain_text("Account Balance")


def test_the_line_is_taken_up_again(browser: Browser, shared_demo: str) -> None:
    """While it is cut the page says so; afterwards it shows what it missed."""
    from playwright.sync_api import expect

    with (
        line_to(shared_demo) as line,
        open_chat(browser, line.address, tolerated="net::ERR_") as chat,
        open_chat(browser, shared_demo) as other,
    ):
        lost = chat.page.locator("#line-lost")
        expect(lost).to_be_hidden()
        line.cut()
        expect(lost).to_be_visible()
        chat.page.locator("#line").fill("/help")
        chat.page.locator("#line").press("Enter")
        expect(chat.page.locator("#toast")).to_contain_text("The desk didn't answer")
        expect(chat.page.locator("#line")).to_have_value("/help")
        other.be("Ada")
        other.say("/explain")
        line.mend()
        expect(lost).to_be_hidden()
        expect(chat.last).to_contain_text("Operating costs come off first")


def test_what_people_type_is_only_ever_text(browser: Browser, shared_demo: str) -> None:
    """Markup, scripts, mentions and endless words neither run nor break the page."""
    hostile = [
        "<img src=x onerror=alert(1)>",
        "</p><script>document.title='taken'</script>",
        "/link <b>@everyone</b>",
        "/stats \u202eevil\u202c",
        "/" + "x" * 3000,
        "javascript:alert(1)",
    ]
    with open_chat(browser, shared_demo) as chat:
        chat.be("Kenji")
        chat.go("earnings")
        for text in hostile:
            chat.say(text)
        assert chat.page.title() == "Earnings Desk playground"
        assert chat.page.locator("#timeline img[src=x], #timeline script, #timeline b").count() == 0
        assert chat.page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_double_click_presses_once(browser: Browser, demo: str) -> None:
    """The second half must not hit the Cancel that has just come to stand where Request was."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        chat.say("/withdraw 50 program=studio")
        chat.page.evaluate(CLICK_WHAT_COMES)
        chat.press("Request $50.00")
        cancel = chat.last.get_by_role("button", name=re.compile(r"^Cancel WD-\d+$"))
        expect(cancel).to_be_visible()
        assert chat.page.evaluate("window.clicked") == cancel.inner_text()
        chat.go("payout-approvals")
        expect(chat.last).to_contain_text("$50.00 · 0 of 1 approval")


def test_a_command_that_lacks_something_asks_for_it(browser: Browser, shared_demo: str) -> None:
    """A form opens at once with what is missing; closing it does nothing, and the card's button opens it again."""
    from playwright.sync_api import expect

    with open_chat(browser, shared_demo) as chat:
        chat.be("Mira")
        chat.say("/desk reject")
        dialog = chat.page.locator("#form[open]")
        expect(dialog.locator("textarea")).to_be_visible()
        chat.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        chat.press("Fill in…")
        expect(dialog.locator("select")).to_be_focused()


def test_a_newcomer_is_led_through_the_main_job(browser: Browser, demo: str) -> None:
    """Eight clicks on the tour, and the buttons they lead to, do the whole job."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        steps = chat.page.locator("#tour-steps button")
        count = chat.page.locator("#tour-count")
        expect(count).to_have_text("0 of 8")
        for number in range(3):
            steps.nth(number).click()
            expect(count).to_have_text(f"{number + 1} of 8")
        steps.nth(3).click()
        chat.page.locator("button[data-action='withdraw.confirm']").last.click()
        expect(count).to_have_text("4 of 8")
        expect(chat.page.locator("#channels .badge")).to_have_text("1 new", use_inner_text=False)
        steps.nth(4).click()
        chat.page.locator("#answers[open]").get_by_role("button", name="Close").click()
        expect(count).to_have_text("5 of 8")
        expect(chat.page.locator("#channels .badge")).to_have_text("2 new", use_inner_text=False)
        steps.nth(5).click()
        paid = chat.page.locator("button[data-action='payout.paid']")
        expect(paid).to_be_focused()
        paid.press("Enter")
        chat.fill_form()
        expect(count).to_have_text("6 of 8")
        steps.nth(6).click()
        expect(count).to_have_text("7 of 8")
        steps.nth(7).click()
        expect(count).to_have_text("done")
        expect(chat.last).to_contain_text(re.compile("settlement for 14 Jan", re.I))


def test_any_choice_of_a_menu_can_be_made(browser: Browser, shared_demo: str) -> None:
    """The first project of the menu can be chosen too, and the card is then about it."""
    from playwright.sync_api import expect

    with open_chat(browser, shared_demo) as chat:
        card = chat.say("/stats")
        expect(card).to_contain_text("Your projects")
        card.get_by_label("Project").select_option(label="Logo Lab")
        expect(card).to_contain_text("Logo Lab · published")
