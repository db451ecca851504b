"""What only events of kind `assistants` have: a message's tokens, channel and words, a rating's stars and review.

As in `batch`, whole columns are proven plain at once, and what is odd is read value by value; both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from core.earnings.intake import fields
from core.earnings.intake.fields import FieldError

MESSAGE = "message"
RATING = "rating"
KINDS_WITH_EXTRA = (MESSAGE, RATING)
MARKETPLACE = "marketplace"
EMBED = "embed"
# Far above any real message.
LARGEST_TOKENS = 1_000_000_000
MOST_STARS = 5

_CHANNELS = {MARKETPLACE: MARKETPLACE, EMBED: EMBED}
_OF_MESSAGES = ("tokens", "channel", "conversation_id", "question", "shared_context")
_OF_RATINGS = ("stars", "review")
_PARSED = 100_000


class Extra(NamedTuple):
    """In normal form; None where there is nothing. A message always has the first three, a rating its stars."""

    tokens: int | None = None
    channel: str | None = None
    conversation_id: str | None = None
    question: str | None = None
    shared_context: str | None = None
    stars: int | None = None
    review: str | None = None


NOTHING = Extra()
EXTRA_COLUMNS = Extra._fields


def read_extra(kind: str, value: Callable[[str], object]) -> Extra | None:
    """The columns of one row, by the kind of its event. Raises FieldError."""
    if kind == MESSAGE:
        return _message(value)
    if kind == RATING:
        return _rating(value)
    for name in EXTRA_COLUMNS:
        if not fields.is_empty(value(name)):
            raise FieldError(name, "belongs to programs of kind assistants; leave it empty")
    return None


def _message(value: Callable[[str], object]) -> Extra:
    _must_be_empty(value, _OF_RATINGS, "is only for ratings; leave it empty")
    if fields.is_empty(value("tokens")):
        raise FieldError("tokens", "is empty; a message has tokens, write 0 if this one had none")
    tokens = fields.whole(value("tokens"), "tokens", 0, LARGEST_TOKENS)
    channel = fields.text(value("channel"), "channel")
    if channel not in _CHANNELS:
        raise FieldError("channel", f"is {fields.shown(channel)}; it must be {MARKETPLACE} or {EMBED}")
    conversation_id = fields.required(value("conversation_id"), "conversation_id")
    question, context = (fields.prose(value(name), name) or None for name in ("question", "shared_context"))
    return Extra(tokens, _CHANNELS[channel], conversation_id, question, context)


def _rating(value: Callable[[str], object]) -> Extra:
    _must_be_empty(value, _OF_MESSAGES, "is only for messages; leave it empty")
    if fields.is_empty(value("stars")):
        raise FieldError("stars", f"is empty; a rating has 1 to {MOST_STARS}")
    stars = fields.whole(value("stars"), "stars", 1, MOST_STARS)
    return Extra(stars=stars, review=fields.prose(value("review"), "review") or None)


def _must_be_empty(value: Callable[[str], object], names: Sequence[str], reason: str) -> None:
    for name in names:
        if not fields.is_empty(value(name)):
            raise FieldError(name, reason)


class PlainMessages:
    """Reads columns of messages in which nothing is odd. Keeps what it has parsed, since numbers repeat."""

    def __init__(self) -> None:
        self._tokens: dict[str, int] = {}

    def of(self, columns: Mapping[str, Sequence[object]], nothing: Sequence[str]) -> list[Extra]:
        """Raises TypeError, ValueError, KeyError or FieldError where something may be odd. nothing: an empty column, as
        those of ratings are."""
        tokens = self._numbers(columns["tokens"])
        channels = [_CHANNELS[channel] for channel in texts(columns["channel"])]
        conversations = texts(columns["conversation_id"])
        if not plain_ids(conversations):
            raise ValueError
        questions, contexts = (_plain_prose(columns.get(name, nothing)) for name in ("question", "shared_context"))
        empty = [None] * len(nothing)
        return list(map(Extra, tokens, channels, conversations, questions, contexts, empty, empty))

    def _numbers(self, column: Sequence[object]) -> list[int]:
        if set(map(type, column)) == {int}:
            numbers: list[int] = list(column)  # type: ignore[arg-type]
            if min(numbers) < 0 or max(numbers) > LARGEST_TOKENS:
                raise ValueError
            return numbers
        written, known = texts(column), self._tokens
        try:
            return [known[text] for text in written]
        except KeyError:
            if len(known) > _PARSED:
                known.clear()
            for text in set(written) - known.keys():
                known[text] = fields.whole(text, "tokens", 0, LARGEST_TOKENS)
            return [known[text] for text in written]


def _plain_prose(column: Sequence[object]) -> Sequence[str | None]:
    """What people wrote, as `fields.prose` has it; printable text has no other blanks than the space."""
    if None in column:
        column = ["" if value is None else value for value in column]
    written = texts(column)
    joined = "".join(written)
    if not joined:
        return [None] * len(written)
    if not joined.isprintable() or max(map(len, written)) > fields.LONGEST_PROSE:
        raise ValueError
    return [text.strip() or None for text in written]


def texts(column: Sequence[object]) -> tuple[str, ...]:
    """The column, if it is all text; TypeError otherwise. (1, True and Decimal(1) would be one key in a dictionary.)"""
    found: tuple[str, ...] = column  # type: ignore[assignment]
    "".join(found)
    return found


def plain_ids(column: Sequence[str]) -> bool:
    """Whether all are, without a closer look, ids that can be kept."""
    joined = "".join(column)
    return joined.isprintable() and " " not in joined and all(column) and max(map(len, column)) <= fields.LONGEST_ID
