"""What a creator's commands need of the creator's own records: programs, projects, methods, and completing their names.

Everything is looked up by the caller's own creator id, so that what is not theirs and what is not there look alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Sequence

from core.chat import project_index
from core.chat.cards import clean, shown_name
from core.chat.limits import LIMITS
from core.chat.registry import Call, Reply, Suggestion
from core.chat.words import plural
from core.config import DeskConfig, Program
from core.earnings.tables import Creator, Project
from core.ledger import accounts
from core.ledger.money import format_money
from core.payouts import guard, methods
from core.payouts.refusals import NoWallet

MOST_SUGGESTIONS = 25  # what an autocomplete list holds


def creator_of(call: Call) -> Creator:
    """Who earns here; NotACreator for people who don't."""
    return call.session.get_one(Creator, call.creator_id)


def programs_of(call: Call) -> list[Program]:
    """The programs in which the creator has a wallet, in the configuration's order."""
    return known_programs(call.config, accounts.wallets(call.session, call.creator_id))


def known_programs(config: DeskConfig, slugs: Container[str]) -> list[Program]:
    """Those of the configured programs, in the configuration's order."""
    return [program for slug, program in config.programs.items() if slug in slugs]


def title_of(config: DeskConfig, program: Program) -> str:
    """How people call a program: by its title, else, where it is the only one, as they call the desk."""
    return program.title or (config.name if len(config.programs) == 1 else program.slug)


def narrowed(call: Call, wanted: str | None) -> list[Program]:
    """The creator's programs, or the one that was named; NoWallet for none, NoSuchProgram for one that isn't theirs."""
    if wanted is None:
        found = programs_of(call)
        if not found:
            raise NoWallet
        return found
    return [call.config.programs[guard.pick_program(call.session, call.config, call.creator_id, wanted)]]


def which_program(call: Call, lines: Sequence[tuple[Program, str]]) -> Reply:
    """Ask in which program: a button each, carrying the whole command line again."""
    wallets = accounts.wallets(call.session, call.creator_id)
    choices = [
        {
            "title": title_of(call.config, program),
            "balance": format_money(wallets[program.slug].available),
            "line": line,
        }
        for program, line in lines
    ]
    card = call.card("which_program", choices=choices)
    return Reply(card, ok=False)


def project_label(project: Project) -> str:
    """A project's name as lists show it, marked when it was deleted."""
    name = shown_name(project.name)
    return f"{name} (deleted)" if project.deleted_at is not None else name


def project_handle(project: Project, others: Sequence[Project]) -> str:
    """What a command line calls a project: its name where that is plain and nobody else's, else its id."""
    name = " ".join(project.name.split())
    same = [other for other in others if name.casefold() in (other.name.casefold(), other.project_id.casefold())]
    plain = name == clean(project.name) and 0 < len(name) <= 60 and len(same) == 1
    return name if plain else project.project_id


def own_projects(call: Call, text: str, kind: str | None = None) -> Iterator[Suggestion]:
    """The person's own projects, or those in programs of a kind, whose name or id contains what is typed; live ones
    first."""
    if call.who is None or call.who.creator_id is None:
        return
    slugs = {program.slug for program in call.config.programs.values() if program.kind == kind}
    found = project_index.find(call.session, call.now, call.who.creator_id, text)
    mine = (one for one in found if kind is None or one.program in slugs)
    for one in itertools.islice(mine, MOST_SUGGESTIONS):
        yield Suggestion(one.handle, one.label, "deleted" if one.deleted else "")


def is_of(config: DeskConfig, project: Project, kind: str) -> bool:
    """Whether a project's program is of a kind."""
    program = config.programs.get(project.program)
    return program is not None and program.kind == kind


def own_programs(call: Call, text: str) -> Iterator[Suggestion]:
    """The programs that the person earns in."""
    if call.who is None or call.who.creator_id is None:
        return
    for program in programs_of(call):
        title = title_of(call.config, program)
        if text.casefold() in program.slug.casefold() or text.casefold() in title.casefold():
            yield Suggestion(program.slug, title)


def own_methods(call: Call, text: str) -> Iterator[Suggestion]:
    """The payout methods offered in the person's country."""
    if call.who is None or call.who.creator_id is None:
        return
    for method in call.config.methods_for(creator_of(call).country):
        title = method.title or method.name
        if text.casefold() in title.casefold() or text.casefold() in method.name.casefold():
            yield Suggestion(method.name, title, days_phrase(method.business_days))


def menu_label(text: str) -> str:
    """Text fit for an entry of a menu: cleaned, and no longer than platforms allow ("…" marks a cut)."""
    label, most = " ".join(clean(text).split()), LIMITS["option label"]
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"


def offers_in(call: Call, program: Program) -> list[methods.Offer]:
    """The methods that the creator may use in a program."""
    return methods.offers(call.session, call.config, creator_of(call), program.slug)


def days_phrase(business_days: tuple[int, int]) -> str:
    """1–3 business days."""
    fewest, most = business_days
    if most == 0:
        return "the same business day"
    return f"{fewest}–{most} business days" if fewest != most else plural(most, "business day")
