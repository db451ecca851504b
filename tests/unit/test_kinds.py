"""The faces of the kinds of program (core.chat.kinds)."""

from __future__ import annotations

from core.chat import templates
from core.chat.commands.balance_assistants import AssistantBalance
from core.chat.commands.balance_credits import ProgramBalance
from core.chat.kinds import FACES
from core.earnings.programs import KINDS


def test_every_kind_has_a_face() -> None:
    """A kind that can be configured can be shown, in the order that kinds are registered in."""
    assert list(FACES) == list(KINDS)


def test_the_templates_that_faces_name_are_there() -> None:
    """What a face and a balance name is a template."""
    there = {path.name for path in templates.DIRECTORY.glob("*.card")}
    for face in FACES.values():
        look = face.look
        named = {face.help_card, look.overview_card}
        named |= {f"{name}.card" for name in (face.explain_card, look.card, look.project_card)}
        assert named <= there
    for balance in (ProgramBalance, AssistantBalance):
        fields = balance.__dataclass_fields__
        assert {fields["card"].default, fields["home_card"].default} <= there
