"""In a chat rather than a terminal: linking, settings, channels, mentions."""

from __future__ import annotations

import datetime as dt

from core import people
from core.people import Identity
from tests.desk_world import CHANNEL, EARNINGS, World, jan, labels, options_of, said

ADA = Identity("playground", "U1", "demo")
OTHER = Identity("playground", "U2", "demo")


def code_for(world: World, name: str) -> str:
    """A code that the platform made for someone."""
    with world.database.transaction() as session:
        code, _ = people.create_link_code(session, world.now, people.resolve(session, name).person_id)
    return code


async def test_linking_and_unlinking(world: World) -> None:
    """A code makes a chat account speak for its person; a further one is told to the first and holds requests back."""
    world.funded(100)
    first = await world.desk.run(ADA, f"/link {code_for(world, 'ada')}", EARNINGS)
    assert "You are Ada here now." in said(first)
    assert "wait until" not in said(first)
    assert "Account Balance $100.00" in said(await world.desk.run(ADA, "/balance", EARNINGS))
    assert "You are Ada here already" in said(await world.desk.run(ADA, "/link", EARNINGS))
    again = said(await world.desk.run(ADA, f"/link {code_for(world, 'ada')}", EARNINGS))
    assert "was linked to Ada before; nothing changed." in again

    second = said(await world.desk.run(OTHER, f"/link {code_for(world, 'ada')}", EARNINGS))
    assert "Your other chat account is told of this." in second
    assert "new withdrawal requests wait until 14 Jan 10:00 UTC (11:00 in Berlin)" in second
    assert [where for where, _ in world.posted()] == ["U1"]
    refused = said(await world.desk.run(ADA, "/withdraw 60", EARNINGS))
    assert "New requests wait until 14 Jan 2026 10:00 UTC: a further chat account was linked" in refused
    assert "You can't withdraw now. New requests wait until" in said(await world.desk.run(ADA, "/balance", EARNINGS))

    gone = said(await world.desk.run(OTHER, "/unlink", EARNINGS))
    assert "no longer speaks for Ada" in gone
    assert "Not linked yet." in said(await world.desk.run(OTHER, "/balance", EARNINGS))
    world.now += dt.timedelta(hours=24)
    assert (await world.desk.run(ADA, "/withdraw 60", EARNINGS)).ok


async def test_wrong_codes_are_counted(small: World) -> None:
    """Five wrong codes lock that chat user out, also for a right one; the count survives each refusal."""
    for left in ("4 tries", "3 tries", "2 tries", "1 try"):
        reply = await small.desk.run(ADA, "/link WRONGCODE2", EARNINGS)
        assert not reply.ok
        assert f"{left} left this hour" in said(reply)
    assert "no code is taken from you until" in said(await small.desk.run(ADA, "/link WRONGCODE2", EARNINGS))
    assert "no code is taken" in said(await small.desk.run(ADA, f"/link {code_for(small, 'ada')}", EARNINGS))
    small.now += dt.timedelta(minutes=61)
    assert (await small.desk.run(ADA, f"/link {code_for(small, 'ada')}", EARNINGS)).ok


async def test_staff_link_too(small: World) -> None:
    """Someone who doesn't earn gets no buttons that are not for them, and no creator commands in /help."""
    linked = await small.desk.run(ADA, f"/link {code_for(small, 'Mira')}", EARNINGS)
    assert labels(linked.card) == ["What I can do here"]
    listed = said(await small.desk.run(ADA, "/help", EARNINGS))
    assert "/desk approve" in listed
    assert "/withdraw" not in listed
    assert "You have no creator account" in said(await small.desk.run(ADA, "/balance", EARNINGS))
    assert "There is no help on “paid”" in said(await small.desk.run(ADA, "/help paid", EARNINGS))
    settings = await small.desk.run(ADA, "/settings", EARNINGS)
    assert labels(settings.card) == ["Timezone…"]


def test_settings_are_pressed_as_well_as_typed(small: World) -> None:
    """Each setting has a button or menu; the card that answers replaces the pressed one and times follow the zone."""
    card = small.ask("ada", "/settings").card
    hours = options_of(card, "Morning message")
    assert "at 08:00 your time" in said(small.press("ada", "settings.digest", hours["08:00"]))
    assert "off" in said(small.press("ada", "settings.digest", hours["off"]))
    assert "Alerts           off" in said(small.press("ada", "settings.alerts", "off"))
    assert "your projects may be named" in said(small.press("ada", "settings.public_name", "on"))
    moved = small.press("ada", "settings.timezone", "timezone", timezone="new york")
    assert moved.replaces
    assert "America/New_York" in said(moved)
    assert "in New York)" in said(small.ask("ada", "/balance"))
    assert "There is no timezone “Atlantis”" in said(small.ask("ada", "/settings timezone=Atlantis"))
    assert "whole number from 0 to 23" in said(small.ask("ada", "/settings digest=late"))
    offered = [one.value for one in small.desk.suggest_as(small.who("ada"), "/settings timezone=Berl")]
    assert any("Europe/Berlin" in value for value in offered)
    offered = [one.value for one in small.desk.suggest_as(small.who("ada"), "/settings digest=0")]
    assert any("08:00" in value for value in offered)


async def test_a_channel_gets_digests(small: World) -> None:
    """An admin turns digests on in a channel; an approver marks it full; each is said back, and off means off."""
    ann, mira, olga = small.link("Ann"), small.link("Mira"), small.link("Olga")
    small.funded(100)
    on = said(await small.desk.run(ann, "/desk digest on", EARNINGS))
    assert "Digests are on in this channel" in on
    assert "names only of creators who opted in" in on
    assert "Only admins can do that" in said(await small.desk.run(mira, "/desk digest off", EARNINGS))
    assert "Only approvers can do that" in said(await small.desk.run(ann, "/desk digest on full", EARNINGS))
    full = said(await small.desk.run(mira, "/desk digest on full", EARNINGS))
    assert "Full: every total and name" in full
    assert "This channel gets no digests" in said(await small.desk.run(mira, "/desk digest on full", CHANNEL))
    small.earn("logo", jan(13, 9), 50)
    small.settle(jan(14, 3))
    digests = [card for where, card in small.posted() if where == EARNINGS.channel]
    assert [card.title for card in digests] == ["Settlement for 13 Jan: complete (03:00 UTC)"]
    weekly = said(await small.desk.run(olga, "/desk digest on weekly full", EARNINGS))
    assert "Weekly, after each settlement that ends a week." in weekly
    off = said(await small.desk.run(ann, "/desk digest off", EARNINGS))
    assert "Digests are off in this channel" in off
    assert "This channel gets no digests" in said(await small.desk.run(ann, "/desk digest off", EARNINGS))
    fresh = said(await small.desk.run(ann, "/desk digest test", CHANNEL))
    assert "Test of the daily digest" in fresh


async def test_a_channel_gets_approval_cards(small: World) -> None:
    """/desk approvals-channel turns the cards on and off where it is typed."""
    ann = small.link("Ann")
    assert "Approval cards are on" in said(await small.desk.run(ann, "/desk approvals-channel on", CHANNEL))
    assert "Approval cards are off" in said(await small.desk.run(ann, "/desk approvals-channel off", CHANNEL))
    assert not (await small.desk.run(ann, "/desk approvals-channel off", CHANNEL)).ok


def test_nothing_settled_yet_is_said(small: World) -> None:
    """A test digest, statistics and the balance of a desk without history say that there is none yet."""
    assert "There is nothing to show yet: no day is settled." in said(small.ask("Ann", "/desk digest test"))
    assert "no week is settled" in said(small.ask("Ann", "/desk digest test weekly"))
    assert "nothing settled yet" in said(small.ask("ada", "/balance"))
    assert "Nothing settled yet" in said(small.ask("ada", "/stats"))
    assert "Nothing settled yet" in said(small.ask("ada", "/stats logo"))
    assert "Nothing has settled yet." in said(small.ask("ada", "/help incentive"))
    assert "about $0.00, estimate" in said(small.ask("ada", "/explain"))
    assert "no usage has come yet" in said(small.ask("Ann", "/desk settlement dry-run"))
    assert "nothing settled yet" in said(small.ask("Ann", "/desk settlement"))
    assert "The books are not sealed yet" in said(small.ask("Ann", "/desk settlement"))


async def test_mentions_mean_people_of_this_workspace(small: World) -> None:
    """However a chat writes a mention, it means the account of the workspace where it is typed; one that speaks for no
    creator is said to be just that, and nothing changes."""
    ann = small.link("Ann")
    small.link("ada", "U123")
    with small.database.transaction() as session:
        code, _ = people.create_link_code(session, small.now, people.resolve(session, "bo").person_id)
        assert people.link(session, small.now, Identity("playground", "U9", "elsewhere"), code).ok
    for mention in ("<@U123>", "<@U123|ada>", "<@U123|Ada Lovelace>", "creator=<@U123|Ada Lovelace>", '"<@U123|x y>"'):
        held = await small.desk.run(ann, f"/desk freeze {mention} because of that", EARNINGS)
        assert held.ok, said(held)
        assert "Ada" in said(held)
        assert "because of that" in said(held)
        assert (await small.desk.run(ann, f"/desk unfreeze {mention} all is well", EARNINGS)).ok
    adjusted = await small.desk.run(ann, "/desk adjust <@U123|Ada L.> -5 A voucher was booked twice", EARNINGS)
    assert adjusted.ok, said(adjusted)
    for mention in ("<@U404>", "<@U404|stranger>", "<@U9|bo>", "<@UAnn>"):
        refused = await small.desk.run(ann, f"/desk freeze {mention} because of that", EARNINGS)
        assert "Nothing changed" in said(refused)
        assert "has no linked creator account here" in said(refused), mention


async def test_codes_pasted_with_formatting(small: World) -> None:
    """A code is taken however a chat dressed it up."""
    dresses = (
        "*{}*",
        "`{}`",
        "“{}”",
        '"{}"',
        "_*{}*_",
        "\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}",
        "```{}```",
        "‘{}’",
        "({}).",
    )
    for number, dress in enumerate(dresses):
        line = f"/link {dress.format(code_for(small, 'ada'))}"
        reply = await small.desk.run(Identity("playground", f"UX{number}", "demo"), line, EARNINGS)
        assert "You are Ada here now." in said(reply), line


async def test_a_creator_is_found_by_id_name_or_mention(small: World) -> None:
    """/desk takes an id, a name in any case or a mention; namesakes have to be told apart by id."""
    ann = small.link("Ann")
    small.link("ada", "UADA")
    for who in ("ada", '"Ada"', '"aDA"', "<@UADA>", "<@!UADA>"):
        assert (await small.desk.run(ann, f"/desk freeze {who} because", EARNINGS)).ok, who
        assert (await small.desk.run(ann, "/desk unfreeze ada fine", EARNINGS)).ok
    for who in ("nobody", '""'):
        assert "There is no creator" in said(await small.desk.run(ann, f"/desk freeze {who} because", EARNINGS)), who
    small.creator("ada2", "Ada")
    text = said(small.ask("Ann", "/desk freeze ADA because"))
    assert "2 creators are called 'ADA'. Name one by id: ada, ada2." in text
    for number in range(3, 8):
        small.creator(f"ada{number}", "Ada")
    assert "More than 5 creators are called" in said(small.ask("Ann", "/desk freeze ADA because"))
    offered = [one.value for one in small.desk.suggest_as(small.who("Ann"), "/desk freeze ada")]
    assert offered[0] == "/desk freeze ada "
    assert small.desk.suggest_as(small.who("bo"), "/desk freeze ada") == []
