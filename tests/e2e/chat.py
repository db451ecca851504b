"""The playground through a person's hands: what they type, press and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


@dataclass
class Chat:
    """One open page. Replies are waited for; nothing sleeps."""

    page: Page

    def wait_until_ready(self) -> None:
        """The stream has delivered the state: people are there to be played."""
        self.page.locator("#who label").first.wait_for(state="attached")

    @property
    def posts(self) -> Locator:
        return self.page.locator("#timeline article.desk")

    @property
    def last(self) -> Locator:
        """The desk's newest message in the place that is looked at."""
        return self.posts.last

    def be(self, name: str) -> Chat:
        """Play someone."""
        self.page.locator("#who label", has_text=name).click()
        self.page.locator("#place-about", has_text=name).wait_for()
        return self

    def type(self, text: str) -> Locator:
        """Type without sending, and wait for completions."""
        self.page.locator("#line").press_sequentially(text)
        completions = self.page.locator("#completions")
        completions.wait_for()
        return completions

    def go(self, place: str) -> None:
        """Look at a channel, or at the direct messages ("Earnings Desk")."""
        self.page.locator("#people button", has_text=place).first.click()
        self.page.locator("#place-name", has_text=place).wait_for()

    def say(self, text: str) -> Locator:
        """Type a command, and wait for the answer."""
        before = self.posts.count()
        line = self.page.locator("#line")
        line.fill(f"{text} ")  # the space ends the name, so that Enter sends instead of completing
        line.press("Enter")
        self.posts.nth(before).wait_for()
        return self.last

    def press(self, label: str, within: Locator | None = None) -> Locator:
        """Press a button of the newest message (or of another), and wait until it has been answered."""
        button = (within or self.last).get_by_role("button", name=label, exact=True)
        button.click()
        return button

    def fill_form(self, **answers: str) -> None:
        """Answer the open dialog and send it."""
        dialog = self.page.locator("#form[open]")
        for name, answer in answers.items():
            dialog.locator(f"#field-{name}").fill(answer)
        dialog.locator("button[type=submit]").click()

    def entry(self, number: int = 0) -> Locator:
        """A journal entry, 0 the newest."""
        return self.page.locator("#entries > li").nth(number)
