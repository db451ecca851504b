"""/link and /unlink: which chat accounts speak for a person (domain.md, "Chat identities")."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from core import people
from core.chat import settings
from core.chat.registry import Arg, Call, Reply, command
from core.errors import DeskError


class TerminalIsNoChat(DeskError):
    """Nothing changed. The command line is no chat account; type /link CODE in chat."""


class NothingToUnlink(DeskError):
    """Nothing changed. The command line is no chat account; type /unlink in the chat that should stop."""


@command("link", "Link this chat account to you", writes=True, public=True, topic="you")
def link(
    call: Call,
    code: Annotated[str, Arg("The code from your account page", max_length=60, example="7KQM2-9XWPD")] = "",
) -> Reply:
    """Proof from both sides: the platform made the code, its owner types it here."""
    if call.identity is None:
        raise TerminalIsNoChat
    if not code:
        return call.reply("link_how", name=call.who.name if call.who is not None else "")
    outcome = people.link(call.session, call.now, call.identity, code)
    if not outcome.ok or outcome.actor is None:
        # No refusal by exception: the wrong code that was counted has to be committed.
        return Reply(call.card("refusal", text=outcome.text), ok=False)
    # From now on times are said by the person's own clock.
    theirs = replace(call, zone=settings.zone_of(call.session, outcome.actor))
    return theirs.reply(
        "link",
        name=outcome.actor.name,
        again=outcome.status == "already",
        earlier=len(outcome.earlier),
        creator=outcome.actor.creator_id is not None,
        waits=not outcome.first and outcome.status == "linked",
        wait_until=call.now + call.config.link_wait,
    )


@command("unlink", "Have this chat account speak for you no longer", writes=True, topic="you")
def unlink(call: Call) -> Reply:
    """History and open withdrawals stay."""
    if call.identity is None:
        raise NothingToUnlink
    gone = people.unlink(call.session, call.now, call.identity)
    return call.reply("unlink", name=gone.name)
