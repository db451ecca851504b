"""The README's picture: `python -m tests.e2e.screenshot [docs/playground.png]`, from a fresh demo in a real browser."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.conftest import ROOT, chromium, demo_process, open_chat


def take(target: Path) -> None:
    """A creator has looked at a project's week and asks for $50; the entry has just arrived in the journal."""
    size = {"width": 1440, "height": 980}
    with (
        demo_process() as address,
        chromium() as browser,
        open_chat(browser, address, viewport=size, device_scale_factor=1.4) as chat,
    ):
        chat.say('/stats "Logo Lab"')
        chat.last.locator("img[data-chart]").first.evaluate("image => image.decode()")
        chat.say("/withdraw 50 program=studio")
        chat.press("Request $50.00")
        chat.entry().get_by_text("withdrawal.request").wait_for()
        chat.page.locator("#channels .badge").wait_for()
        chat.page.locator("#line").focus()
        chat.page.mouse.move(700, 10)
        chat.page.screenshot(path=target)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "playground.png")
