"""Every template on disk: it compiles, and its buttons lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import core.chat.commands  # noqa: F401 - declares what buttons may do
from core.chat.registry import COMMAND_ACTIONS, REGISTRY
from core.chat.templates import DIRECTORY, check_all

CARDS = sorted(DIRECTORY.rglob("*.card"))


def test_all_compile() -> None:
    """No template has a fault that only a person's message would bring to light."""
    assert check_all() == []
    assert len(CARDS) > 30


def test_a_fault_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged installation is told which template is damaged, or that there are none."""
    from core.chat import templates

    monkeypatch.setattr(templates, "DIRECTORY", tmp_path)
    templates._environment.cache_clear()
    try:
        assert templates.check_all() == [f"no templates in {tmp_path}"]
        (tmp_path / "x.card").write_text("{% if %}")
        (fault,) = templates.check_all()
        assert fault.startswith("x.card: ")
    finally:
        templates._environment.cache_clear()


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.relative_to(DIRECTORY).as_posix())
def test_buttons_lead_somewhere(path: Path) -> None:
    """Each action and each command that a template names is declared."""
    source = path.read_text()
    for action in re.findall(r'<(?:button|select) action="([a-z._]+)"', source):
        assert action in COMMAND_ACTIONS or action in REGISTRY.actions
    typed = re.findall(r'value="/([a-z]+(?: [a-z]+)?)', source) + re.findall(r'"([a-z ]+)"\|line', source)
    for name in typed:
        words = name.split()
        assert any(" ".join(words[:length]) in REGISTRY.commands for length in (1, 2)), name
