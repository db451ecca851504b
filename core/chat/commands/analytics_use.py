"""Views of how people use an assistant: hours, questions, drop-offs, ratings. Each with what it means in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.chat.commands.analytics_view import Picture, View, cell, listed, point, shortened, span_text
from core.chat.registry import Call
from core.chat.words import TOO_FEW, counted, hundredths_text, place, plural
from core.earnings.analytics import dropoffs, hours, questions, ratings
from core.earnings.tables import Project

ONE_MESSAGE_MANY = 40  # percent of conversations that end after one message, from which on that is the news
REVIEWS_SHOWN = 10  # on a card; the file has all
GOOD_RATING, FINE_RATING = 450, 400  # hundredths of a star

_TOO_FEW_YET = "Fewer than 5 users so far, so this can't be shown yet."
_WHOLE = (
    "The last whole days (UTC) that can be told without pointing at single people; own use left out; what fewer than 5 "
    "users did is hidden."
)


def peak_hours(call: Call, project: Project) -> View:
    """When do people write?"""
    found = hours.peak_hours(call.session, call.config, project, call.zone.key, call.now)
    labels = [f"{hour:02d}:{found.minute:02d}" for hour in range(24)]
    town = place(call.zone)
    picture = Picture(
        kind="bar",
        name="messages-by-hour",
        unit="count",
        alt=_hours_alt(found, labels, town),
        points=tuple((label, point(value)) for label, value in zip(labels, found.cells, strict=True)),
    )
    return View(
        meaning=_hours_meaning(found, labels, town),
        about=f"{span_text(found.span)}, hours in {town}" if found.span else "",
        picture=picture,
        note=f"{_WHOLE} A hidden hour is a dash. /settings has your timezone.",
        columns=("Messages", "Unique Users"),
        lines=((counted(found.messages), counted(found.users)),),
        header=("hour", "messages"),
        rows=tuple((label, cell(value)) for label, value in zip(labels, found.cells, strict=True)),
    )


def _hours_meaning(found: hours.PeakHours, labels: list[str], town: str) -> str:
    known = sum(value or 0 for value in found.cells)
    if found.span is None or found.messages is None:
        return _TOO_FEW_YET
    if not found.busiest or not known:
        return "No hour of the day stands out, or fewer than 5 users wrote in each."
    top = sum(found.cells[hour] or 0 for hour in found.busiest)
    when = listed([labels[hour] for hour in sorted(found.busiest)])
    share = (200 * top + found.messages) // (2 * found.messages) if found.messages else 0
    hour = "hour" if len(found.busiest) == 1 else "hours"
    return (
        f"Your users write most in the {hour} from {when} in {town} ({share}% of {plural(found.messages, 'message')}): "
        "be at hand then, and change things at other hours."
    )


def _hours_alt(found: hours.PeakHours, labels: list[str], town: str) -> str:
    shown = [(label, value) for label, value in zip(labels, found.cells, strict=True) if value is not None]
    if not shown:
        return "Messages by hour: hidden, fewer than 5 users."
    top = listed([f"{found.cells[hour]:,} from {labels[hour]}" for hour in found.busiest if found.cells[hour]])
    missing = len(found.cells) - len(shown)
    note = f" {plural(missing, 'hour')} hidden (fewer than 5 users)." if missing else ""
    return f"Messages by hour in {town}: {f'most are {top}' if top else 'no hour stands out'}.{note}"


def popular_questions(call: Call, project: Project) -> View:
    """What do people ask most?"""
    found = questions.popular_questions(call.session, call.config, project, call.now)
    asked = found.questions
    if asked:
        first = asked[0]
        meaning = (
            f"“{shortened(first.text)}” is what most people ask ({first.users:,} users, {first.asked:,} times): "
            "make its answer the best you have."
        )
        alt = "Users by question: " + ", ".join(f"{one.users:,} asked number {at}" for at, one in enumerate(asked, 1))
    else:
        meaning = "No question was asked by 5 users yet, so none can be shown."
        alt = "Users by question: none was asked by 5 users yet"
    return View(
        meaning=meaning,
        about=span_text(found.span),
        picture=Picture(
            "bar",
            "users-by-question",
            "count",
            f"{alt}.",
            tuple((str(at), str(one.users)) for at, one in enumerate(asked, 1)),
        ),
        note="Questions that differ in wording only count together; a question is shown once 5 users asked it, "
        "and “…” stands for words that fewer of them used.",
        columns=("", "Question", "Users", "Times asked") if asked else (),
        lines=tuple(
            (str(at), shortened(one.text), f"{one.users:,}", f"{one.asked:,}") for at, one in enumerate(asked, 1)
        ),
        header=("question", "users", "times_asked"),
        rows=tuple((one.text, one.users, one.asked) for one in asked),
    )


def drop_offs(call: Call, project: Project) -> View:
    """Where do conversations end?"""
    found = dropoffs.drop_offs(call.session, call.config, project, call.now)
    labels = [_length_label(first, last) for first, last in dropoffs.LENGTHS]
    shown = [
        (share, label) for share, label in zip(found.shares, labels, strict=True) if share is not None and share > 0
    ]
    alt = "Conversations by number of messages: " + (
        ", ".join(f"{share}% end at {label}" for share, label in shown) if shown else "hidden, fewer than 5 users"
    )
    return View(
        meaning=_drop_offs_meaning(found, labels),
        about=span_text(found.span),
        picture=Picture(
            "bar",
            "conversations-by-length",
            "percent",
            f"{alt}.",
            tuple((label, point(share)) for label, share in zip(labels, found.shares, strict=True)),
        ),
        note=f"A conversation ends at its last message. {_WHOLE}",
        columns=("Messages", "Conversations", "Of all"),
        lines=tuple(
            (label, counted(count), TOO_FEW if share is None else f"{share}%")
            for label, count, share in zip(labels, found.cells, found.shares, strict=True)
        ),
        header=("messages", "conversations", "percent"),
        rows=tuple(
            (label, cell(count), cell(share))
            for label, count, share in zip(labels, found.cells, found.shares, strict=True)
        ),
    )


def _length_label(first: int, last: int | None) -> str:
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}–{last}"


def _drop_offs_meaning(found: dropoffs.DropOffs, labels: list[str]) -> str:
    known = [(share, at) for at, share in enumerate(found.shares) if share is not None]
    if found.conversations is None or not known:
        return _TOO_FEW_YET
    one = found.shares[0]
    if one is not None and one >= ONE_MESSAGE_MANY:
        return (
            f"{one}% of conversations end after a single message: suggest what to ask next, and look at first answers."
        )
    share, at = max(known)
    return (
        f"Conversations end most often at {labels[at]} message{'' if labels[at] == '1' else 's'} ({share}%): "
        "what is answered there decides whether people go on."
    )


def stars(call: Call, project: Project) -> View:
    """What do people think of it?"""
    found = ratings.ratings(call.session, call.config, project, call.now)
    labels = ["1 star", *(f"{number} stars" for number in range(2, 6))]
    shown = [f"{value:,} gave {label}" for label, value in zip(labels, found.stars, strict=False) if value is not None]
    days = span_text(found.span)
    alt = f"Ratings by stars: {', '.join(shown) if shown else 'hidden, fewer than 5 users'}."
    reviewed = span_text(found.reviewed)
    return View(
        meaning=_ratings_meaning(found),
        about=f"Stars of {days}" if days else "",
        picture=Picture(
            "bar",
            "ratings-by-stars",
            "count",
            alt,
            tuple((label, point(value)) for label, value in zip(labels, found.stars, strict=False)),
        ),
        note="The average is of all time. Reviews stand without name, stars and date, in alphabetical order, once 5 "
        "users wrote one" + (f" (these: {reviewed})." if reviewed else "."),
        quotes=tuple(shortened(text) for text in found.reviews[:REVIEWS_SHOWN]),
        header=("stars_or_review", "ratings"),
        rows=(
            *((label, cell(value)) for label, value in zip(labels, found.stars, strict=False)),
            *((text, "") for text in found.reviews),
        ),
    )


def _ratings_meaning(found: ratings.Ratings) -> str:
    if found.average is None or found.rated_by is None:
        return "Fewer than 5 users rated it, so its rating can't be shown yet: encourage people to rate and review it."
    said = f"{plural(found.rated_by, 'user')} rated it {hundredths_text(found.average)} of 5 on average"
    if found.average >= GOOD_RATING:
        return f"{said}: that makes it easier to find."
    if found.average >= FINE_RATING:
        return f"{said}, which is good; reviews say what the best still lacks."
    return f"{said}, below 4: read the reviews for what to mend, since a low rating makes it harder to find."


VIEWS: Mapping[str, Callable[[Call, Project], View]] = {
    "peak-hours": peak_hours,
    "questions": popular_questions,
    "drop-offs": drop_offs,
    "ratings": stars,
}
