"""Who may do what: refused with the exact words, and nothing shown or changed."""

from __future__ import annotations

import pytest

from core.chat.registry import REGISTRY
from core.people import Identity
from tests.desk_world import CHANNEL, CONFIG, World, button_of, jan, said

UNLINKED = "Not linked yet. Get a code on your account page, then type /link CODE."
STRANGER = Identity("playground", "U0", "demo")


def examples() -> list[str]:
    """A line that works for every command, but those anyone may use."""
    return [command.example for command in REGISTRY.of(CONFIG).commands.values() if not command.public]


async def test_an_unlinked_person_gets_nothing_but_the_way_in(small: World) -> None:
    """Every command of a stranger is answered with how to link; only /link and /help say more."""
    small.funded(100)
    for line in examples():
        reply = await small.desk.run(STRANGER, line, CHANNEL)
        assert not reply.ok, line
        assert said(reply) == f"Not done\n{UNLINKED}", line
    listed = said(await small.desk.run(STRANGER, "/help", CHANNEL))
    assert UNLINKED in listed
    assert "/link" in listed
    assert "/balance" not in listed
    assert "/desk" not in listed
    assert "Get a code" in said(await small.desk.run(STRANGER, "/help paid", CHANNEL))
    assert "Get a code" in said(await small.desk.run(STRANGER, "/link", CHANNEL))


async def test_an_unlinked_persons_buttons_do_nothing(small: World) -> None:
    """Every button pressed by a stranger is refused, whatever its value."""
    small.funded(100)
    number = str(small.withdrawal("ada", "60"))
    for name, action in REGISTRY.actions.items():
        fields = {field.name: "a reason that is long enough" for field in action.fields if field.kind == "text"}
        reply = await small.desk.press(STRANGER, name, number, fields, CHANNEL)
        assert said(reply) == f"Not done\n{UNLINKED}", name
    for name in ("page", "period", "open"):
        assert UNLINKED in said(await small.desk.press(STRANGER, name, "/balance", {}, CHANNEL))
    assert "1 · $60.00" in said(small.ask("Mira", "/desk approvals")).split("\n")[0]


@pytest.mark.parametrize("line", [command.example for command in REGISTRY.group("desk")])
def test_desk_commands_need_a_role(small: World, line: str) -> None:
    """A creator without a role is told who may, and nothing happens."""
    small.funded(100)
    small.withdrawal("ada", "60")
    text = said(small.ask("ada", line))
    assert text.startswith("Not done\nNothing changed. Only ")
    assert text.endswith(" can do that.")


def test_an_admin_is_no_approver_and_an_approver_no_admin(small: World) -> None:
    """Each role does its own; the owner does both."""
    small.funded(1_000)
    small.withdrawal("ada", "60")
    refusal = "Nothing changed. Only approvers can do that."
    assert refusal in said(small.ask("Ann", "/desk approve 1"))
    assert refusal in said(small.press("Ann", "payout.reject", "1", reason="a reason that is long"))
    assert refusal in said(small.press("Ann", "payout.batch", "1"))
    refusal = "Nothing changed. Only admins can do that."
    for line in ("freeze ada because", "adjust ada 5 because", "audit", "export", "payments", "settlement"):
        assert refusal in said(small.ask("Mira", f"/desk {line}"))
    assert small.ask("Olga", "/desk approve 1").ok
    small.pay()
    assert refusal in said(small.press("Mira", "payout.paid", "1"))
    assert small.press("Olga", "payout.paid", "1").ok
    assert small.ask("Olga", "/desk freeze ada because").ok


def test_nobody_decides_their_own(small: World) -> None:
    """An approver who earns can't decide their own request, mark it paid, adjust or unfreeze their own account."""
    small.funded(1_000)
    from core import people

    with small.database.transaction() as session:
        ada = people.resolve(session, "ada")
        people.set_roles(session, small.now, ada.person_id, ["owner"])
    small.withdrawal("ada", "60")
    own = "Nothing changed. WD-1 is your own; someone else has to decide it."
    assert own in said(small.ask("ada", "/desk approve 1"))
    assert "your own" in said(small.ask("ada", "/desk approvals")).lower()
    assert "Left out" in said(small.ask("ada", "/desk batch"))
    small.ask("Mira", "/desk approve 1")
    small.pay()
    assert "WD-1 is your own" in said(small.press("ada", "payout.paid", "1"))
    own = "This concerns your own account; someone else has to do it."
    assert own in said(small.ask("ada", "/desk adjust ada 5 because"))
    small.ask("Ann", "/desk freeze ada because")
    assert own in said(small.ask("ada", "/desk unfreeze ada because"))
    proposal = small.ask("Ann", "/desk adjust ada 5 because of a mistake")
    assert proposal.ok
    assert own in said(small.press("ada", "adjust.approve", "1"))
    assert "It concerns your own account; someone else decides." in said(small.ask("ada", "/desk adjustments"))


def test_another_creators_values_are_refused_and_show_nothing(world: World) -> None:
    """A withdrawal, a draft, a project or a list of somebody else is refused like one that isn't there."""
    world.funded(1_000)
    world.now = jan(13, 10)
    preview = world.ask("ada", "/withdraw 60")
    token = button_of(preview.card, "Request").value
    number = world.withdrawal("ada", "70")
    for name in ("withdraw.confirm", "withdraw.cancel", "withdraw.edit"):
        assert "There is no such preview of yours. Nothing moved." in said(world.press("bo", name, token))
        assert "There is no such preview of yours. Nothing moved." in said(world.press("bo", name, "no-such-token"))
        assert "There is no such preview of yours. Nothing moved." in said(world.press("bo", name, "a\x00é"))
    for text in (f"/payouts {number}", "/payouts 999"):
        assert "There is no withdrawal WD-" in said(world.ask("bo", text))
        assert "of yours. Nothing changed." in said(world.ask("bo", text))
    assert "of yours. Nothing changed." in said(world.press("bo", "payout.cancel", str(number)))
    assert "$70.00" not in said(world.press("bo", "payout.cancel", str(number)))
    for line in ('/stats "Logo Lab"', '/explain "Logo Lab"', "/stats logo", "/explain logo 2026-01-12"):
        name = "Logo Lab" if "Lab" in line else "logo"
        assert said(world.ask("bo", line)) == f"Not done\nNo project called '{name}' on your account."
        assert said(world.press("bo", "csv", line)).startswith("Not done")
    assert "Logo" not in said(world.press("bo", "page", "/transactions page=1"))
    assert world.press("bo", "csv", "/transactions").files[0].data.count(b"\n") == 1
    assert "$930.00" in said(world.ask("ada", "/balance"))
    assert world.sound()


def test_forged_buttons_are_refused(small: World) -> None:
    """Values that no button carries end in a refusal, never in a fault of ours."""
    small.funded(100)
    for value in ("", "x", "1,x", "1,,2", ",".join(["1"] * 30), "²", "9" * 30):
        reply = small.press("Mira", "payout.batch", value)
        assert not reply.ok
        assert "Ref" not in said(reply), value
    for name in ("payout.approve", "payout.ledger", "payout.paid", "payout.cancel", "adjust.approve"):
        for value in ("", "x", "-1", "0", "99", "9" * 19, "9" * 40, "1; DROP TABLE withdrawal"):
            reply = small.press("Olga", name, value)
            assert not reply.ok
            assert "Ref" not in said(reply), (name, value)
    for value in ("/nothing", "/balance", "/desk audit", "transactions from=x", "\x00"):
        assert not small.press("ada", "csv", value).ok
    assert "Only admins can do that" in said(small.press("ada", "csv", "/desk audit"))
    assert "There is no file of /balance" in said(small.press("ada", "csv", "/balance"))
    for value in ("studio", "studio/none", "none/bank", "/", ""):
        assert not small.press("ada", "method.choose", value).ok
    for name, value in (("settings.digest", "25"), ("settings.alerts", "maybe"), ("settings.public_name", "")):
        assert not small.press("ada", name, value).ok
    assert "older version" in said(small.press("ada", "no.such", "1"))


def test_commands_of_other_program_kinds_are_not_there(small: World) -> None:
    """What belongs to assistants is neither listed nor answered in a desk of credits."""
    listed = said(small.ask("ada", "/help"))
    for name in ("analytics", "referrals", "review"):
        assert f"/{name}" not in listed
        assert f"There is no command /{name}." in said(small.ask("ada", f"/{name}"))
