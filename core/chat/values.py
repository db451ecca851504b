"""Text as the value of a parameter: numbers, amounts, dates, choices, names of people and things."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence

from core.chat.cards import clean
from core.chat.registry import Param
from core.clock import utc_day
from core.errors import DeskError
from core.ledger.money import format_money, parse_money

LONGEST_TEXT = 1_000
YEARS = range(1970, 3000)  # of days that anybody means; beyond them counting days on would fail
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_BIGGEST = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBERLIKE = re.compile(r"[+\-−]?\$?[0-9][0-9.,_]*")
_MENTION = re.compile(r"<[@#]!?([A-Za-z0-9]+)(?:\|[^<>]*)?>")


class NotThis(Exception):
    """This text is no value of that parameter; args[0] says why."""


class Wrong(NotThis):
    """This text is clearly meant for that parameter, and is a wrong value: no other parameter should take it."""


def convert(param: Param, text: str, now: dt.datetime) -> object:
    """Text as a parameter's value. Raises NotThis with a sentence that says what is expected."""
    written = clean(text).strip()
    text = " ".join(written.split())
    if param.arg.empty and text.casefold() == param.arg.empty.casefold():
        return None
    match param.kind:
        case "text":
            return _text(param, written)
        case "int":
            return _integer(param, text)
        case "money":
            return _money(param, text)
        case "bool":
            return _yes_or_no(param, text)
        case "date":
            return _date(param, text, utc_day(now))
        case "choice":
            return _choice(param, text)
    mention = _MENTION.fullmatch(text)
    return mention[1] if mention else text.lstrip("@#")


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _text(param: Param, text: str) -> str:
    shortest, longest = param.arg.min_length or 0, param.arg.max_length or LONGEST_TEXT
    if not shortest <= len(text) <= longest:
        bounds = f"{shortest} to {longest:,}" if shortest else f"at most {longest:,}"
        raise NotThis(f"{param.name.capitalize()} takes {bounds} characters; you wrote {len(text):,}.")
    return text


def _integer(param: Param, text: str) -> int:
    digits = text.lstrip("#")
    if param.arg.prefix and digits.casefold().startswith(param.arg.prefix.casefold()):
        digits = digits[len(param.arg.prefix) :]
    if not _INTEGER.fullmatch(digits):
        like = param.arg.prefix + str(param.example).removeprefix(param.arg.prefix)
        raise NotThis(f"“{_shown(text)}” is no number; {param.name} looks like {like}.")
    return _bounded(param, int(digits), str)


def _money(param: Param, text: str) -> int:
    try:
        amount = parse_money(text)
    except DeskError:
        kind = Wrong if _NUMBERLIKE.fullmatch(text) else NotThis
        raise kind(f"“{_shown(text)}” is no amount; write {param.name} like 50 or 1,288.40.") from None
    return _bounded(param, amount, format_money)


def _bounded(param: Param, number: int, shown: Callable[[int], str]) -> int:
    least = -_BIGGEST if param.arg.minimum is None else param.arg.minimum
    most = _BIGGEST if param.arg.maximum is None else param.arg.maximum
    if number < least:
        raise Wrong(f"{param.name.capitalize()} must be at least {shown(least)}.")
    if number > most:
        raise Wrong(f"{param.name.capitalize()} must be at most {shown(most)}.")
    return number


def _yes_or_no(param: Param, text: str) -> bool:
    if text.casefold() in ("yes", "on", "true", "1"):
        return True
    if text.casefold() in ("no", "off", "false", "0"):
        return False
    raise NotThis(f"“{_shown(text)}” is neither on nor off ({param.name}).")


def _choice(param: Param, text: str) -> str:
    for choice in param.choices:
        if choice.casefold() == text.casefold():
            return choice
    raise NotThis(f"“{_shown(text)}” is none of {', '.join(param.choices)} ({param.name}).")


def _date(param: Param, text: str, today: dt.date) -> dt.date:
    words = text.replace(",", " ").lower().split()
    if words == ["today"]:
        return today
    if words == ["yesterday"]:
        return today - dt.timedelta(days=1)
    try:
        found = dt.date.fromisoformat(text) if len(words) == 1 and "-" in text else _day_and_month(words, today)
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise NotThis(f"“{_shown(text)}” is no date ({param.name}); write 2026-01-13 or 13 Jan.")
    return found


def _day_and_month(words: Sequence[str], today: dt.date) -> dt.date | None:
    """13 Jan, Jan 13, 13 January 2026. Without a year: the latest such day that is not in the future."""
    if len(words) not in (2, 3):
        return None
    first, second = words[:2]
    day, month_word = (first, second) if first[:1].isdigit() else (second, first)
    month = next((at for at, name in enumerate(_MONTHS, 1) if len(month_word) >= 3 and name.startswith(month_word)), 0)
    if not re.fullmatch(r"[0-9]{1,2}", day) or not month:
        return None
    if len(words) == 3:
        return dt.date(int(words[2]), month, int(day)) if re.fullmatch(r"[0-9]{4}", words[2]) else None
    for year in range(today.year, today.year - 9, -1):
        try:
            found = dt.date(year, month, int(day))
        except ValueError:
            continue
        if found <= today:
            return found
    return None
