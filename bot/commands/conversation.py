"""Speaking with the desk from a terminal: what people type and press in chat, answered as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import AsJson, At, Config, Who, emit, open_desk, refuse, say, tell

if TYPE_CHECKING:
    from bot.bootstrap import App
    from core.chat.registry import Reply
    from core.people import Actor

Save = Annotated[
    Path | None, typer.Option("--save", metavar="DIR", help="Keep attached files, such as a CSV, in this folder.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("ask")(ask)
    # A value may begin with "-", such as a reason; what is no option of `press` is its value.
    app.command("press", context_settings={"ignore_unknown_options": True})(press)


def ask(
    text: Annotated[str, typer.Argument(help='A command line, such as "/balance".')],
    who: Who,
    as_json: AsJson = False,
    save: Save = None,
    at: At = None,
    config: Config = None,
) -> None:
    """Type a slash command as a creator or person."""
    app = open_desk(config, at, create=False)
    _answer(app.desk.run_as(_actor(app, who), text), as_json, save)


def press(
    action: Annotated[str, typer.Argument(help="The button's action, such as withdraw.confirm.")],
    value: Annotated[str, typer.Argument(help="The button's value.")],
    who: Who,
    field: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="An answer in the button's form; may be repeated.")
    ] = None,
    as_json: AsJson = False,
    save: Save = None,
    at: At = None,
    config: Config = None,
) -> None:
    """Press a button that `ask --json` listed."""
    fields: dict[str, str] = {}
    for item in field or ():
        name, sign, answer = item.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"{item!r} is not NAME=TEXT", param_hint="--field")
        fields[name] = answer
    app = open_desk(config, at, create=False)
    _answer(app.desk.press_as(_actor(app, who), action, value, fields), as_json, save)


def _actor(app: App, who: str) -> Actor:
    from core import people

    with app.database.reading() as session:
        known = people.known(session, who)
    if known is not None:
        return known
    with app.database.transaction() as session:
        return people.resolve(session, who)


def _answer(reply: Reply, as_json: bool, save: Path | None) -> None:
    """Print the reply; a refusal is also told in one line on stderr and ends with status 1."""
    from core.chat.cards import Text, buttons_json
    from core.chat.text import as_text

    text = as_text(reply.card)
    if as_json:
        emit({"card": reply.card.as_json(), "text": text, "buttons": buttons_json(reply.card)})
    elif reply.ok:
        say(text)
    for file in reply.files:
        if save is None:
            tell(f"Attached: {file.name} ({len(file.data):,} bytes); --save DIR keeps it.")
        else:
            save.mkdir(parents=True, exist_ok=True)
            path = save / Path(file.name).name
            path.write_bytes(file.data)
            tell(f"Saved {path}.")
    if not reply.ok:
        said = [block.plain for block in reply.card.blocks if isinstance(block, Text)]
        refuse(" ".join(said) or text)
