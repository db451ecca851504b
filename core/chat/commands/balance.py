"""/balance: what there is, what is on its way, and what comes next (commands.md, "Mock-ups")."""

from __future__ import annotations

from core.chat.commands.own import known_programs
from core.chat.kinds import face_of
from core.chat.registry import Call, Reply, command
from core.ledger import accounts


@command("balance", "What you have, what is on its way, what comes next", topic="earnings")
def balance(call: Call) -> Reply:
    """Per program: the settled balance and today's estimate."""
    wallets = accounts.wallets(call.session, call.creator_id)
    programs = known_programs(call.config, wallets)
    found = [face_of(program).balance(call, program, wallets[program.slug]) for program in programs]
    return call.reply("balance", programs=found)
