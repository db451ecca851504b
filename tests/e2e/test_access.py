"""For everyone: by keyboard alone, in light and dark, on narrow screens, with a screen reader's eyes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chat import Chat
from tests.e2e.conftest import open_chat

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
CONTRAST = (HERE / "contrast.js").read_text(encoding="utf-8")
NAMES = (HERE / "names.js").read_text(encoding="utf-8")
FOCUS = """() => {
  const at = document.activeElement;
  const box = at.getBoundingClientRect();
  const drawn = at.matches("input[type=radio]") ? at.closest("label") : at.id === "line" ? at.parentElement : at;
  const style = getComputedStyle(drawn);
  return {
    tag: at.tagName.toLowerCase(), id: at.id, text: at.textContent.trim().slice(0, 60), value: at.value ?? "",
    ring: style.outlineStyle !== "none" || style.boxShadow !== "none",
    inView: box.width === 0 || (box.bottom > 0 && box.top < innerHeight),
  };
}"""

Step = Callable[[Chat], object]
STEPS: dict[str, Step] = {
    "start": lambda chat: chat.page,
    "stats": lambda chat: chat.say("/stats"),
    "preview": lambda chat: chat.say("/withdraw 50 program=studio"),
    "transactions": lambda chat: chat.say("/transactions"),
    "refusal": lambda chat: chat.say("/withdraw 49.99"),
    "approvals": lambda chat: chat.go("payout-approvals"),
    "private": lambda chat: chat.say("/help"),
    "stranger": lambda chat: chat.be("Newcomer").say("/balance"),
    "completions": lambda chat: chat.be("Ada").type("/st"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_every_control_has_a_name(browser: Browser, shared_demo: str, scheme: str) -> None:
    """Contrast of 4.5 at least, in both appearances, on every kind of card; names, alt texts and ids in order."""
    with open_chat(browser, shared_demo, color_scheme=scheme) as chat:
        for name, step in STEPS.items():
            step(chat)
            assert chat.page.evaluate(CONTRAST) == [], name
            assert chat.page.evaluate(NAMES) == [], name


def test_the_appearance_can_be_chosen_and_is_kept(browser: Browser, shared_demo: str) -> None:
    """The button turns the system's choice round, pictures included, and a reload keeps it."""
    from playwright.sync_api import expect

    with open_chat(browser, shared_demo, color_scheme="light") as chat:
        chat.say("/stats")
        picture = chat.last.locator("img[data-chart]").first
        light = chat.page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        button = chat.page.get_by_role("button", name="Dark appearance")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert light != chat.page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert "theme=dark" in str(picture.get_attribute("src"))
        assert chat.page.evaluate(CONTRAST) == []
        chat.page.reload()
        chat.wait_until_ready()
        expect(button).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
def test_every_width_shows_everything(browser: Browser, shared_demo: str, width: int) -> None:
    """Nothing sticks out sideways; people, chat and journal can all be reached."""
    from playwright.sync_api import expect

    with open_chat(browser, shared_demo, viewport={"width": width, "height": 760}) as chat:
        page = chat.page
        for command in ("/stats", "/transactions", "/help"):
            chat.say(command)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width < 760:
            page.get_by_role("button", name="People", exact=True).click()
            expect(page.locator("#who")).to_be_visible()
            expect(page.locator("#line")).to_be_hidden()
            page.locator("#who label", has_text="Mira").click()
            expect(page.locator("#line")).to_be_visible()
            page.get_by_role("button", name="Journal", exact=True).click()
        elif width < 1240:
            page.get_by_role("button", name="Journal", exact=True).click()
        expect(chat.entry()).to_be_visible()
        expect(page.locator("#books")).to_contain_text("sum to $0.00")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(NAMES) == []


def tab_to(chat: Chat, what: Callable[[dict[str, object]], bool], back: bool = False) -> dict[str, object]:
    """Press Tab until something has the focus; on the way, the focus is always seen."""
    for _ in range(120):
        chat.page.keyboard.press("Shift+Tab" if back else "Tab")
        focus: dict[str, object] = chat.page.evaluate(FOCUS)
        assert focus["ring"], f"no visible focus on {focus}"
        assert focus["inView"], f"focus out of sight on {focus}"
        if what(focus):
            return focus
    raise AssertionError("not reached with the Tab key")


def test_the_whole_job_without_a_mouse(browser: Browser, demo: str) -> None:
    """Complete a command, send it, press its buttons, change the person, fill a form: Tab, arrows, Enter, Escape."""
    from playwright.sync_api import expect

    with open_chat(browser, demo) as chat:
        page, keys = chat.page, chat.page.keyboard
        expect(page.locator("#line")).to_be_focused()
        expect(page.locator("#place-about")).to_contain_text("Ada")

        keys.type("/bal")
        expect(page.locator("#completions [aria-selected=true]")).to_contain_text("/balance")
        keys.press("Enter")
        expect(page.locator("#line")).to_have_value("/balance ")
        keys.press("Enter")
        expect(chat.last).to_contain_text("Account Balance")
        keys.press("ArrowUp")
        expect(page.locator("#line")).to_have_value("/balance")
        keys.press("ArrowDown")
        expect(page.locator("#line")).to_have_value("")

        keys.type("/")
        expect(page.locator("#completions li").first).to_be_visible()
        keys.press("ArrowDown")
        active = page.locator("#line").get_attribute("aria-activedescendant")
        expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
        keys.press("Escape")
        expect(page.locator("#completions")).to_be_hidden()
        keys.press("Backspace")

        keys.type("/withdraw 50 program=studio")
        expect(page.locator("#usage")).to_contain_text("/withdraw [amount]")
        keys.press("Enter")
        expect(chat.last).to_contain_text("Check before you request")
        tab_to(chat, lambda focus: focus["text"] == "Request $50.00", back=True)
        keys.press("Enter")
        expect(chat.entry()).to_contain_text("withdrawal.request")

        tab_to(chat, lambda focus: focus["value"] == "ada", back=True)
        keys.press("ArrowDown")
        keys.press("ArrowDown")
        expect(page.locator("#place-about")).to_contain_text("Mira")
        tab_to(chat, lambda focus: str(focus["text"]).startswith("payout-approvals"))
        keys.press("Enter")
        tab_to(chat, lambda focus: focus["id"] == "timeline")
        found = page.locator("article", has_text="$50.00 · 0 of 1").get_by_role("button", name="Reject…")
        for _ in range(20):
            keys.press("Tab")
            if found.evaluate("button => button === document.activeElement"):
                break
        expect(found).to_be_focused()
        keys.press("Enter")
        dialog = page.locator("#form[open]")
        expect(dialog.locator("textarea")).to_be_focused()
        keys.type("too short")
        tab_to(chat, lambda focus: focus["text"] == "Reject")
        keys.press("Enter")
        expect(dialog.locator("textarea")).to_be_focused()
        expect(dialog.get_by_role("alert")).to_contain_text("At least 10 characters")
        keys.press("Escape")
        expect(found).to_be_focused()
        keys.press("Enter")
        keys.type("The bank details look wrong.")
        tab_to(chat, lambda focus: focus["text"] == "Reject")
        keys.press("Enter")
        expect(page.locator("article", has_text="$50.00 · Rejected").first).to_be_visible()
        expect(chat.entry()).to_contain_text("$50.00")
