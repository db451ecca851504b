"""One value at a time: what a row's fields must look like, and what to say when they don't (domain.md, "Usage in").

Values come as text (CSV) or as what JSON and Parquet hold: str, int, Decimal, None. Empty text and None mean "nothing".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from zoneinfo import available_timezones

from core.errors import DeskError
from core.ledger.money import MICROS, format_money, parse_quantity

LONGEST_ID = 200
LONGEST_PROSE = 4_000  # of a question, a shared context, a review
# Far above any real event, far below what a project-day's sum can hold.
LARGEST_CREDITS = 1_000_000_000
EARLIEST = dt.date(1970, 1, 1)
ALLOWED_AHEAD = dt.timedelta(minutes=5)

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d\d", re.ASCII)
_BLANKS = str.maketrans("\t\n\r", "   ")
_SHOWN = 40


class FieldError(Exception):
    """A row can't be taken: the field at fault and why, in words its sender can act on."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field} {reason}")


def shown(value: object) -> str:
    """A value inside a reason: short, and inert whatever it holds."""
    if isinstance(value, str):
        quoted = repr(value[: _SHOWN + 1])
        return quoted if len(quoted) <= _SHOWN + 2 else f"{quoted[:_SHOWN]}…'"
    if isinstance(value, int | Decimal | float | None):
        return "a very large number" if isinstance(value, int) and abs(value) > 10**_SHOWN else str(value)[:_SHOWN]
    return f"a {type(value).__name__}"


def is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and value == "")


def text(value: object, field: str) -> str:
    """The value as text; None is empty. Refuses numbers, lists and the like."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(field, f"is {shown(value)}; it must be text")
    return value


def clean(value: object, field: str, longest: int = LONGEST_ID) -> str:
    """Text, possibly empty, that both databases store as it is: no control characters, no broken Unicode."""
    found = text(value, field)
    if len(found) > longest:
        raise FieldError(field, f"has {len(found)} characters; at most {longest} are kept")
    unsafe = _UNSAFE.search(found)
    if unsafe is not None:
        code = ord(unsafe[0])
        if 0xDC80 <= code <= 0xDCFF:
            raise FieldError(field, f"is not valid UTF-8 (byte 0x{code - 0xDC00:02X}); save the file as UTF-8")
        kind = "broken Unicode" if code >= 0xD800 else "a control character"
        raise FieldError(field, f"holds {kind} (U+{code:04X}); take it out")
    return found


def required(value: object, field: str, longest: int = LONGEST_ID) -> str:
    """Clean text that says something."""
    found = clean(value, field, longest)
    if not found.strip():
        raise FieldError(field, "is empty")
    return found


def prose(value: object, field: str) -> str:
    """What somebody wrote, possibly empty: ends of lines and tabs become blanks, blanks around it go."""
    found = text(value, field)
    return clean(found.translate(_BLANKS), field, LONGEST_PROSE).strip()


def day(value: object, field: str) -> dt.date:
    """A calendar day, `2026-01-13`."""
    found = required(value, field)
    try:
        if _DAY.fullmatch(found):
            return dt.date.fromisoformat(found)
    except ValueError:
        pass  # the 30th of February; said below
    raise FieldError(field, f"is {shown(found)}, which is no date; write it like 2026-01-13")


def moment(value: object, field: str) -> dt.datetime:
    """A moment in UTC from ISO 8601 with an offset; digits beyond microseconds are cut off."""
    found = required(value, field)
    match = _MOMENT.fullmatch(found)
    if match is not None and match["offset"] is None:
        raise FieldError(field, f"is {shown(found)}, without an offset from UTC; write it like 2026-01-13T10:00:00Z")
    try:
        if match is not None:
            parsed = dt.datetime.fromisoformat(found.upper().replace(",", ".")).astimezone(dt.UTC)
            if parsed.date() < EARLIEST:
                raise FieldError(field, f"is {shown(found)}, before 1970; check the year")
            return parsed
    except (ValueError, OverflowError):
        pass  # 25:00, or a year that the offset pushes over the edge; said below
    raise FieldError(field, f"is {shown(found)}, which is no time; write it like 2026-01-13T10:00:00Z")


def month(value: object, field: str) -> dt.date:
    """A calendar month, `2026-01`, as its first day."""
    found = required(value, field)
    try:
        if _MONTH.fullmatch(found):
            first = dt.date.fromisoformat(f"{found}-01")
            if first < EARLIEST:
                raise FieldError(field, f"is {shown(found)}, before 1970; check the year")
            return first
    except ValueError:
        pass  # the 13th month; said below
    raise FieldError(field, f"is {shown(found)}, which is no month; write it like 2026-01")


def past_moment(value: object, field: str, now: dt.datetime) -> dt.datetime:
    """A moment that is not in the future; five minutes are left for clocks that differ."""
    found = moment(value, field)
    if found > now + ALLOWED_AHEAD:
        raise FieldError(field, f"is {shown(value)}, in the future; the desk's clock says {stamp(now)[:16]} UTC")
    return found


def stamp(at: dt.datetime) -> str:
    """A moment as intake handles it: UTC text of fixed width that sorts by time, `2026-01-13 10:00:00.000000`."""
    return at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def quantity(value: object, field: str) -> int:
    """Micro-units from decimal text, an int or a Decimal: not negative, at most 6 places, never a float."""
    micros = _exact(value, field)
    if micros > LARGEST_CREDITS * MICROS:
        raise FieldError(field, f"is {shown(value)}; one event has at most {LARGEST_CREDITS:,}")
    return micros


def whole(value: object, field: str, fewest: int, most: int) -> int:
    """A whole number between two others, both included."""
    number, rest = divmod(_exact(value, field), MICROS)
    if rest:
        raise FieldError(field, f"is {shown(value)}; it must be a whole number")
    if not fewest <= number <= most:
        raise FieldError(field, f"is {shown(value)}; it must be {fewest:,} to {most:,}")
    return number


def dollars(value: object, field: str, most: int) -> int:
    """Micro-dollars, not negative, at most so many; written as `quantity` takes it."""
    micros = _exact(value, field)
    if micros > most:
        raise FieldError(field, f"is {shown(value)}; at most {format_money(most)} is taken")
    return micros


def _exact(value: object, field: str) -> int:
    """Millionths, not negative."""
    if isinstance(value, bool | float) or not isinstance(value, str | int | Decimal):
        hint = "; write it as decimal text" if isinstance(value, float) else ""
        raise FieldError(field, f"is {shown(value)}, which is no exact number{hint}")
    if isinstance(value, int):
        if value < 0:
            raise FieldError(field, f"is {shown(value)}; it can't be negative")
        return value * MICROS
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 18:
            raise FieldError(field, f"is {shown(value)}, which is no number that can be counted")
        value = format(value, "f")
    try:
        return parse_quantity(value)
    except DeskError:
        reason = f"is {shown(value)}; it must be a number, not negative, with at most 6 decimal places"
        raise FieldError(field, reason) from None


def country(value: object, field: str) -> str:
    """An ISO 3166 country code, in capitals."""
    found = required(value, field).upper()
    if found not in COUNTRIES:
        raise FieldError(field, f"is {shown(value)}; write the two letters of ISO 3166, such as US or DE")
    return found


def timezone(value: object, field: str) -> str:
    """A name from the IANA time zone database; UTC when empty."""
    found = clean(value, field) or "UTC"
    if found not in _timezones():
        raise FieldError(field, f"is {shown(value)}; write an IANA name, such as Europe/Berlin")
    return found


def email(value: object, field: str) -> str | None:
    """An address as far as one can tell without writing to it."""
    found = clean(value, field, 320)
    if not found:
        return None
    local, at, host = found.rpartition("@")
    if not (local and at and host) or " " in found:
        raise FieldError(field, f"is {shown(value)}, which is no e-mail address")
    return found


def unknown_fields(row: Mapping[str, object], known: frozenset[str]) -> None:
    """Refuse a row with a field that nobody would read: a misspelt one would be lost without a word."""
    for name in row:
        if name not in known:
            raise FieldError(str(name)[:_SHOWN], f"is not a field; known here: {', '.join(sorted(known))}")


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


# ISO 3166-1 alpha-2, and XK, which payment systems use for Kosovo.
_COUNTRY_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRY_CODES.split())
