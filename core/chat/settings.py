"""What a person chose in /settings: timezone, the hour of their morning message, alerts, a public name, and where
their direct messages go."""

from __future__ import annotations

import datetime as dt
import difflib
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import bindparam, select
from sqlmodel import Session

from core import people
from core.chat.tables import PersonSettings
from core.earnings.tables import Creator
from core.errors import DeskError
from core.people import Actor, ChatIdentity
from core.storage import table_of

UTC = ZoneInfo("UTC")
NEWEST = "newest"  # as people write it: messages go to whichever account was linked last


# Every command asks this, so the statement is made once.
_ZONES = select(
    select(table_of(PersonSettings).c.timezone)
    .where(table_of(PersonSettings).c.person_id == bindparam("person"))
    .scalar_subquery(),
    select(table_of(Creator).c.timezone)
    .where(table_of(Creator).c.creator_id == bindparam("creator"))
    .scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """A fact: a person's settings are others than before."""

    person_id: int
    at: dt.datetime


class UnknownTimezone(DeskError):
    """Nothing changed. There is no timezone “{text}”. Write it like Europe/Berlin or America/New_York.{hint}"""


class UnknownHour(DeskError):
    """Nothing changed. The hour is a whole number from 0 to 23, in your timezone; or off."""


class NoAccountThere(DeskError):
    """Nothing changed. None of your linked chat accounts is on “{text}”. Messages can go to: {known}."""


def of(session: Session, person_id: int) -> PersonSettings:
    """A person's settings; the defaults when they never chose any."""
    return session.get(PersonSettings, person_id) or PersonSettings(person_id=person_id)


def change(
    session: Session,
    person_id: int,
    *,
    timezone: str | None = None,
    digest_hour: int | str | None = None,
    alerts: bool | None = None,
    public_name: bool | None = None,
    notices: str | None = None,
) -> PersonSettings:
    """Change what is given, leave what is None. digest_hour: 0 to 23 in the person's timezone, "off" for none.
    notices: a platform where the person has an account, or NEWEST.

    Raises UnknownTimezone, UnknownHour, NoAccountThere.
    """
    chosen = of(session, person_id)
    if timezone is not None:
        chosen.timezone = timezone_name(timezone)
    if digest_hour is not None:
        chosen.digest_hour = _hour(digest_hour)
    if alerts is not None:
        chosen.alerts = alerts
    if public_name is not None:
        chosen.public_name = public_name
    if notices is not None:
        chosen.notices = _platform(session, person_id, notices)
    session.add(chosen)
    session.flush()
    return chosen


def platforms(session: Session, person_id: int) -> list[str]:
    """The platforms where a person has accounts that speak for them, by name."""
    return sorted({one.platform for one in people.identities(session, person_id)})


def accounts(session: Session, person_id: int) -> list[ChatIdentity]:
    """A person's chat accounts, the one for direct messages first: the newest on the chosen platform, or of all."""
    chosen = of(session, person_id).notices
    return sorted(people.identities(session, person_id), key=lambda one: one.platform != chosen)


def _platform(session: Session, person_id: int, text: str) -> str | None:
    word = text.strip().lower()
    if word == NEWEST:
        return None
    known = platforms(session, person_id)
    if word not in known:
        raise NoAccountThere(text=text[:40], known=", ".join((*known, NEWEST)))
    return word


def _hour(text: int | str) -> int | None:
    word = str(text).strip().lower()
    if word == "off":
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 2 or int(word) > 23:
        raise UnknownHour
    return int(word)


@cache
def _zones() -> dict[str, str]:
    """Every timezone's name by its lower-case form, and by its last part where only one place is called so."""
    names = sorted(name for name in available_timezones() if not name.startswith(("posix/", "right/")))
    known: dict[str, str] = {}
    for name in names:
        place = name.rsplit("/", 1)[-1].lower()
        known[place] = "" if place in known and "/" in name else name
    return {place: name for place, name in known.items() if name} | {name.lower(): name for name in names}


def timezone_name(text: str) -> str:
    """The IANA name that was meant: case and spaces don't matter, "berlin" will do. Raises UnknownTimezone."""
    wanted = "_".join(text.split()).lower()
    found = _zones().get(wanted)
    if found is None:
        begins = [name for place, name in _zones().items() if len(wanted) > 2 and place.startswith(wanted)]
        alike = [_zones()[place] for place in difflib.get_close_matches(wanted[:60], list(_zones()), 1, 0.75)]
        near = (begins or alike)[:1]
        raise UnknownTimezone(text=text[:60], hint=f" Did you mean {near[0]}?" if near else "")
    return found


def suggest_timezones(text: str) -> list[str]:
    """Timezone names that contain what is typed."""
    wanted = "_".join(text.split()).lower()
    return [name for name in sorted(set(_zones().values())) if wanted in name.lower()][:25]


def zone_of(session: Session, actor: Actor) -> ZoneInfo:
    """The person's own timezone; the one the platform told of the creator; else UTC."""
    row = session.execute(_ZONES, {"person": actor.person_id, "creator": actor.creator_id}).one()
    return zone(row[0] or row[1] or "UTC")


def zone(name: str) -> ZoneInfo:
    """A timezone by name; UTC for one that this machine doesn't know (any more)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def at_hour(after: dt.datetime, hour: int, local: ZoneInfo) -> dt.datetime:
    """The next time from `after` on that a clock in that timezone shows this hour: `after` itself within that hour.

    Where clocks jump over it in spring, the moment they jump to; where it comes twice in autumn, the first.
    """
    if after.astimezone(local).hour == hour:
        return after
    day = after.astimezone(local).date()
    for date in (day, day + dt.timedelta(days=1), day + dt.timedelta(days=2)):
        moment = dt.datetime.combine(date, dt.time(hour), local).astimezone(dt.UTC)
        if moment >= after:
            return moment
    raise AssertionError("a day has every hour")
