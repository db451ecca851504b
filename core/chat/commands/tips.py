"""What figures of assistants suggest doing: plain rules, each tip naming the number that it follows from.

The advice is the second seed's ("Optimizing Earnings"); which of it is given depends on the figures alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.chat.words import approx_text, hundredths_text
from core.earnings.periods import whole_percent

ONE_MESSAGE_MANY = 40  # percent of conversations that end after one message
RETURN_FEW = 20  # percent of users who come back
RATING_LOW = 400  # hundredths of a star
MOST_OF_IT = 80  # percent of all revenue that one assistant brings
MOST_TIPS = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """One assistant's figures; None is hidden or unknown. gross: micro-dollars; messages_change: percent on the period
    before; one_message: percent of conversations that end after one; rating: hundredths; price: micro-dollars a million
    tokens, and at_floor, whether it is the least allowed."""

    name: str
    gross: int
    messages_change: int | None = None
    one_message: int | None = None
    return_rate: int | None = None
    rating: int | None = None
    price: int = 0
    at_floor: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """What the rules look at. gross, before, embed: micro-dollars of the period and the one before; change: percent.
    span: what the period before is called. after, minimum, short: of the next payout; missing: why it can't be sent.
    seen: the assistants, largest revenue first; count: how many there are in all."""

    gross: int
    before: int | None
    change: int | None
    span: str
    embed: int
    after: int
    minimum: int
    short: int
    missing: str
    seen: Sequence[Seen]
    count: int


def tips(review: Review) -> list[str]:
    """The tips that follow, the weightiest first, at most MOST_TIPS."""
    found = [tip for rule in RULES for tip in rule(review)]
    return found[:MOST_TIPS]


def _missing_method(review: Review) -> Iterator[str]:
    if review.missing:
        yield f"The next payout of {approx_text(review.after)} can't be sent. {review.missing}"


def _trend(review: Review) -> Iterator[str]:
    if review.change is None or review.before is None:
        return
    was, now = approx_text(review.before), approx_text(review.gross)
    if review.change > 0:
        if review.seen and review.seen[0].gross > 0:
            top = review.seen[0]
            yield (
                f"Revenue rose {review.change:,}% on {review.span} ({was} → {now}); {top.name} brought "
                f"{approx_text(top.gross)} of it: do more of what it does."
            )
        return
    if review.change == 0:
        return
    fell = f"Revenue fell {-review.change:,}% on {review.span} ({was} → {now})"
    known = [one for one in review.seen if one.messages_change is not None]
    worst = min(known, key=lambda one: one.messages_change or 0, default=None)
    if worst is None or worst.messages_change is None:
        yield f"{fell}: see in /analytics growth when it began."
    elif worst.messages_change < 0:
        yield (
            f"{fell}, and messages to {worst.name} fell {-worst.messages_change:,}%: work on being found, with its "
            "description, categories and tags, and reviews."
        )
    else:
        yield f"{fell} though messages didn't: see in /analytics sources which of the two pays less."


def _one_message(review: Review) -> Iterator[str]:
    for one in review.seen:
        if one.one_message is not None and one.one_message >= ONE_MESSAGE_MANY:
            yield (
                f"{one.one_message}% of conversations with {one.name} end after one message: add follow-up suggestions."
            )


def _rating(review: Review) -> Iterator[str]:
    for one in review.seen:
        if one.rating is not None and one.rating < RATING_LOW:
            yield (
                f"{one.name} is rated {hundredths_text(one.rating)} of 5: read its reviews, answer them, and mend what "
                "they name."
            )


def _embed(review: Review) -> Iterator[str]:
    if review.embed == 0 and review.gross > 0:
        yield (
            f"Embed/API brought $0.00 of {approx_text(review.gross)}: offer your assistants to businesses in your "
            "niche, where a customer often brings more than the marketplace."
        )


def _returning(review: Review) -> Iterator[str]:
    for one in review.seen:
        if one.return_rate is not None and one.return_rate < RETURN_FEW:
            yield (
                f"{one.return_rate}% of the users of {one.name} came back: give them a reason, such as fresh knowledge."
            )


def _minimum(review: Review) -> Iterator[str]:
    if review.short and not review.missing:
        yield (
            f"The next payout needs {approx_text(review.minimum)}; as things stand you would have "
            f"{approx_text(review.after)}, {approx_text(review.short)} short. It stays yours and counts on."
        )


def _price(review: Review) -> Iterator[str]:
    for one in review.seen:
        if one.at_floor and one.price and review.embed > 0:
            yield (
                f"{one.name} costs {approx_text(one.price)} a million tokens through embed, the least there is: if "
                "your market pays more, set a higher price from a day to come."
            )


def _diversity(review: Review) -> Iterator[str]:
    if not review.seen or review.gross <= 0:
        return
    top = review.seen[0]
    if review.count == 1:
        yield f"All {approx_text(review.gross)} come from 1 assistant: another on a related topic spreads the risk."
    elif top.gross * 100 >= MOST_OF_IT * review.gross:
        share = whole_percent(top.gross, review.gross)
        yield f"{top.name} brings {share}% of the revenue: one more on a related topic spreads the risk."


RULES: tuple[Callable[[Review], Iterator[str]], ...] = (
    _missing_method,
    _trend,
    _one_message,
    _rating,
    _embed,
    _returning,
    _minimum,
    _price,
    _diversity,
)
