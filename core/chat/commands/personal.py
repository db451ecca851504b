"""/settings: timezone, the morning message and its hour, alerts, a public name (commands.md, "Creator commands"), and
the platform that direct messages go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.chat import settings
from core.chat.registry import Arg, Call, Reply, Start, Suggestion, action, command
from core.chat.settings import SettingsChanged
from core.chat.tables import PersonSettings
from core.chat.words import PLATFORMS
from core.storage import publish

HOURS = ("off", *(f"{hour:02d}:00" for hour in range(24)))


def zones(_call: Call, text: str) -> list[str]:
    """Timezone names that contain what is typed."""
    return settings.suggest_timezones(text)


def hours(_call: Call, text: str) -> list[Suggestion]:
    """The hours of a day, and off."""
    return [Suggestion(hour) for hour in HOURS if hour.startswith(text.strip().lower())]


def targets(call: Call, text: str) -> list[Suggestion]:
    """The platforms where the person can be told, and whichever account is the newest."""
    word = text.strip().lower()
    known = settings.platforms(call.session, call.actor.person_id)
    return [Suggestion(one, f"{one}: {_place(one)}") for one in (*known, settings.NEWEST) if one.startswith(word)]


@command("settings", "Your timezone, messages and public name", writes=True, topic="you")
def settings_command(
    call: Call,
    *,
    timezone: Annotated[str | None, Arg("Such as Europe/Berlin", suggest=zones, max_length=64)] = None,
    digest: Annotated[str | None, Arg("Hour of the morning message, or off", suggest=hours, max_length=5)] = None,
    alerts: Annotated[bool | None, Arg("Messages about your withdrawals")] = None,
    public_name: Annotated[bool | None, Arg("Your name in public digests")] = None,
    notices: Annotated[str | None, Arg("Where the desk messages you", suggest=targets, max_length=20)] = None,
) -> Reply:
    """What is set; with arguments, that is changed first."""
    given = {"timezone": timezone, "digest": digest, "notices": notices}
    return _changed(call, **given, alerts=alerts, public_name=public_name)


def _changed(
    call: Call,
    *,
    timezone: str | None = None,
    digest: str | None = None,
    alerts: bool | None = None,
    public_name: bool | None = None,
    notices: str | None = None,
) -> Reply:
    before = _facts(settings.of(call.session, call.actor.person_id))
    chosen = settings.of(call.session, call.actor.person_id)
    if any(one is not None for one in (timezone, digest, alerts, public_name, notices)):
        chosen = settings.change(
            call.session,
            call.actor.person_id,
            timezone=timezone,
            digest_hour=_hour(digest),
            alerts=alerts,
            public_name=public_name,
            notices=notices,
        )
    changed = _facts(chosen) != before
    if changed:
        publish(call.session, SettingsChanged(call.actor.person_id, call.now))
    return _shown(call, chosen, changed)


def _facts(chosen: PersonSettings) -> tuple[object, ...]:
    return chosen.timezone, chosen.digest_hour, chosen.alerts, chosen.public_name, chosen.notices


def _hour(text: str | None) -> str | None:
    """8, 08:00 or off, as `settings.change` takes it."""
    return None if text is None else text.strip().removesuffix(":00")


def _shown(call: Call, chosen: PersonSettings, changed: bool) -> Reply:
    zone = settings.zone_of(call.session, call.actor)
    options = [
        {"value": name, "selected": (chosen.digest_hour is None) if name == "off" else name == _text(chosen)}
        for name in HOURS
    ]
    return call.reply(
        "settings",
        replaces=changed,
        changed=changed,
        timezone=zone.key,
        own_timezone=bool(chosen.timezone),
        hour=_text(chosen),
        alerts=chosen.alerts,
        public_name=chosen.public_name,
        creator=call.actor.creator_id is not None,
        options=options,
        direct=direct_messages(call, chosen),
    )


@dataclass(frozen=True, slots=True)
class Direct:
    """Where direct messages go: the platform's name; newest: because the account there is the newest.

    places: what else could be chosen, as a menu's options; none for who has accounts on one platform only.
    """

    to: str
    newest: bool
    places: list[dict[str, object]]


def direct_messages(call: Call, chosen: PersonSettings) -> Direct | None:
    """What templates show of it; None for who has no account at all."""
    known = settings.platforms(call.session, call.actor.person_id)
    if not known:
        return None
    to = settings.accounts(call.session, call.actor.person_id)[0].platform
    newest = chosen.notices not in known
    places: list[dict[str, object]] = [
        {"value": one, "label": _place(one), "selected": one == chosen.notices or (newest and one == settings.NEWEST)}
        for one in (*known, settings.NEWEST)
    ]
    return Direct(_place(to), newest, places if len(known) > 1 else [])


def _place(word: str) -> str:
    return "Newest account" if word == settings.NEWEST else PLATFORMS.get(word, word)


def _text(chosen: PersonSettings) -> str:
    return "" if chosen.digest_hour is None else f"{chosen.digest_hour:02d}:00"


def _zone_now(call: Call, _value: str) -> dict[str, Start]:
    return {"timezone": Start(settings.zone_of(call.session, call.actor).key)}


@action("settings.timezone", starts=_zone_now)
def press_timezone(
    call: Call,
    value: str,  # noqa: ARG001 - the button carries nothing; the form does
    timezone: Annotated[str, Arg("Timezone, such as Europe/Berlin", suggest=zones, max_length=64)],
) -> Reply:
    """Set the timezone that times are shown in."""
    return _changed(call, timezone=timezone)


@action("settings.digest")
def press_digest(call: Call, value: str) -> Reply:
    """Set the hour of the morning message; "off" for none."""
    return _changed(call, digest=value)


@action("settings.alerts")
def press_alerts(call: Call, value: bool) -> Reply:
    """Turn messages about one's own withdrawals on or off."""
    return _changed(call, alerts=value)


@action("settings.public_name")
def press_public_name(call: Call, value: bool) -> Reply:
    """Opt in to, or out of, being named in public digests."""
    return _changed(call, public_name=value)


@action("settings.notices")
def press_notices(call: Call, value: str) -> Reply:
    """Set the platform that direct messages go to."""
    return _changed(call, notices=value)
