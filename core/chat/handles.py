"""Short names for long values: what a button carries may be longer than a platform lets it.

Slack gives an option 150 characters and a button 2,000, Discord 100 to everything. A longer value is kept in a table
under a handle made from its content, and the handle travels instead. Handles live as long as the desk, because a
button may be pressed however old its message is; the same value has the same handle, so that there are only as many
rows as there are long values. A handle gives nobody a right: whoever presses is asked for theirs as ever.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlmodel import Session, col, select

from core.chat.cards import Actions, Block, Button, Card, FormField, Option, Select
from core.chat.tables import ChatHandle
from core.errors import DeskError
from core.storage import Database, insert_once

PREFIX = "~h1~"  # values are command lines, numbers and names of ours: none begins like this
_DIGEST = 24  # bytes of the SHA-256: 32 characters


class UnknownHandle(DeskError):
    """Nothing changed. This button is from a desk that this one knows nothing of. Ask for the card anew."""


def handle_of(value: str) -> str:
    """The short name of a value: 36 characters, the same ones whenever it is made."""
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]
    return PREFIX + base64.urlsafe_b64encode(digest).decode()


def shorten(database: Database, now: dt.datetime, card: Card, *, button: int, option: int) -> Card:
    """The card with handles in place of values that are longer than a button or an option may carry, in characters.

    Options are those of selects and of the buttons' forms. Writes only what is not kept yet; a card without long
    values costs nothing.
    """
    long = long_values(card, button=button, option=option)
    keep(database, now, long)
    return shortened(card, button=button, option=option) if long else card


def long_values(card: Card, *, button: int, option: int) -> set[str]:
    """The values that `shortened` puts handles in place of, for `keep`."""
    return {value for value, carrier in _values(card) if _too_long(value, button if carrier == "button" else option)}


def shortened(card: Card, *, button: int, option: int) -> Card:
    """The card with handles in place of long values, which are kept elsewhere."""
    return replace(card, blocks=tuple(_block(block, button, option) for block in card.blocks))


def shorten_form(
    database: Database, now: dt.datetime, form: tuple[FormField, ...], *, option: int
) -> tuple[FormField, ...]:
    """The same for a form that stands on no card."""
    keep(database, now, {one.value for field in form for one in field.options if _too_long(one.value, option)})
    return tuple(_field(field, option) for field in form)


def keep(database: Database, now: dt.datetime, values: set[str]) -> None:
    """Remember what these values' handles stand for."""
    wanted = {handle_of(value): value for value in values}
    if not wanted:
        return
    with database.reading() as session:
        known = set(session.exec(select(ChatHandle.id).where(col(ChatHandle.id).in_(wanted))))
    missing = sorted(wanted.keys() - known)
    if not missing:
        return
    with database.transaction() as session:
        for name in missing:
            insert_once(session, ChatHandle, {"id": name, "value": wanted[name], "made_at": now}, ["id"])


def resolve(session: Session, value: str) -> str:
    """What a pressed value stands for: itself, unless it is a handle. Raises UnknownHandle."""
    if not value.startswith(PREFIX):
        return value
    kept = session.exec(select(ChatHandle.value).where(ChatHandle.id == value)).first()
    if kept is None:
        raise UnknownHandle
    return kept


def resolve_fields(session: Session, fields: Mapping[str, str]) -> dict[str, str]:
    """A form's answers with what their handles stand for; text that somebody typed stays as it is."""
    answers = dict(fields)
    for name, value in fields.items():
        if value.startswith(PREFIX):
            kept = session.exec(select(ChatHandle.value).where(ChatHandle.id == value)).first()
            answers[name] = value if kept is None else kept
    return answers


def _too_long(value: str, most: int) -> bool:
    # A value that looks like a handle is given one, so that it comes back as itself.
    return len(value) > most or value.startswith(PREFIX)


def _values(card: Card) -> Iterator[tuple[str, str]]:
    """Every value of the card, with what carries it: "button" or "option"."""
    for block in card.blocks:
        for item in block.items if isinstance(block, Actions) else ():
            if isinstance(item, Select):
                yield from ((one.value, "option") for one in item.options)
                continue
            yield item.value, "button"
            yield from ((one.value, "option") for field in item.form or () for one in field.options)


def _block(block: Block, button: int, option: int) -> Block:
    if not isinstance(block, Actions):
        return block
    return Actions(tuple(_control(item, button, option) for item in block.items))


def _control(item: Button | Select, button: int, option: int) -> Button | Select:
    if isinstance(item, Select):
        return replace(item, options=tuple(_option(one, option) for one in item.options))
    form = None if item.form is None else tuple(_field(field, option) for field in item.form)
    return replace(item, value=_short(item.value, button), form=form)


def _field(field: FormField, option: int) -> FormField:
    # What a choice starts with names one of its options.
    value = _short(field.value, option) if field.options else field.value
    return replace(field, value=value, options=tuple(_option(one, option) for one in field.options))


def _option(option: Option, most: int) -> Option:
    return replace(option, value=_short(option.value, most))


def _short(value: str, most: int) -> str:
    return handle_of(value) if _too_long(value, most) else value
