"""How days, times, shares and changes read, in English on every machine; and how a command line is written.

Settled figures go by the UTC day; a time is said in UTC, with the viewer's own beside it (commands.md, principle 2).
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from core.ledger.money import CENT, format_money
from core.payouts.words import plural as plural

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PLATFORMS = {"slack": "Slack", "discord": "Discord", "playground": "playground", "cli": "command line"}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TOO_FEW = "fewer than 5 users"  # what a figure reads that may not be shown (domain.md, "Privacy")
_BARE = re.compile(r"[\w.:/@#+-]+")


def day_text(day: dt.date) -> str:
    """13 Jan."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def full_day_text(day: dt.date) -> str:
    """3 Nov 2025."""
    return f"{day_text(day)} {day.year}"


def month_text(month: dt.date) -> str:
    """Jan 2026, for any day of it."""
    return f"{MONTHS[month.month - 1]} {month.year}"


def weekday_text(day: dt.date) -> str:
    """Mon 12."""
    return f"{WEEKDAYS[day.weekday()]} {day.day}"


def days_text(start: dt.date, end: dt.date) -> str:
    """7–13 Jan; 28 Dec – 3 Jan; one day alone as 13 Jan. Years where they differ: 28 Dec 2025 – 3 Jan 2026."""
    if start == end:
        return day_text(start)
    if start.year != end.year:
        return f"{full_day_text(start)} – {full_day_text(end)}"
    if start.month != end.month:
        return f"{day_text(start)} – {day_text(end)}"
    return f"{start.day}–{day_text(end)}"


def clock_text(moment: dt.datetime) -> str:
    """03:04 UTC."""
    return f"{moment.astimezone(dt.UTC):%H:%M} UTC"


def moment_text(moment: dt.datetime, zone: ZoneInfo) -> str:
    """15 Jan 03:00 UTC (04:00 in Berlin); the day is repeated where it is another one there."""
    utc = moment.astimezone(dt.UTC)
    text = f"{day_text(utc.date())} {clock_text(utc)}"
    local = moment.astimezone(zone)
    if local.utcoffset() == utc.utcoffset():
        return text
    day = "" if local.date() == utc.date() else f"{day_text(local.date())} "
    return f"{text} ({day}{local:%H:%M} in {place(zone)})"


def place(zone: ZoneInfo) -> str:
    """Berlin, for Europe/Berlin."""
    return zone.key.rsplit("/", 1)[-1].replace("_", " ")


def share_text(basis_points: int) -> str:
    """50%, 12.5%."""
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + "%"


def change_text(now: int, before: int) -> str:
    """+12%, −5%, ±0%, rounded half away from zero; "new" where there was nothing (or less) before to compare with."""
    if before <= 0:
        return "±0%" if now == before else "new"
    difference = now - before
    percent = (abs(difference) * 200 + before) // (2 * before)
    if percent == 0:
        return "±0%"
    return f"{'+' if difference > 0 else '−'}{percent:,}%"


def approx_text(micros: int) -> str:
    """An estimate, or a sum on a chart, to the cent: $216.45. What is below a cent stays as it is."""
    return format_money(cents(micros))


def cents(micros: int) -> int:
    """Micro-dollars rounded to whole cents, half away from zero; what is below a cent stays as it is."""
    rounded = (2 * abs(micros) + CENT) // (2 * CENT) * CENT
    return micros if abs(micros) < CENT else rounded if micros > 0 else -rounded


def counted(number: int | None) -> str:
    """1,030; for a figure that may not be shown, why."""
    return TOO_FEW if number is None else f"{number:,}"


def tenths_text(number: int | None) -> str:
    """4.0, of 40 tenths; for a figure that may not be shown, why."""
    return TOO_FEW if number is None else f"{number // 10:,}.{number % 10}"


def hundredths_text(number: int | None) -> str:
    """4.60, of 460 hundredths; for a figure that may not be shown, why."""
    return TOO_FEW if number is None else f"{number // 100:,}.{number % 100:02d}"


def percent_text(number: int | None) -> str:
    """38%; for a figure that may not be shown, why."""
    return TOO_FEW if number is None else f"{number:,}%"


def quoted(text: str) -> str:
    """Text as one argument of a command line: quoted where it needs to be, so that parsing gives it back."""
    if _BARE.fullmatch(text) and not text.startswith("-"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def command_line(name: str, /, **arguments: object) -> str:
    """`/transactions status=completed page=2`; arguments that are None are left out, `from_` is written from."""
    parts = [f"/{name}"]
    for key, value in arguments.items():
        if value is not None:
            parts.append(f"{key.rstrip('_')}={quoted(str(value))}")
    return " ".join(parts)
