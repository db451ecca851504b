"""/settings: timezone, the morning message and its hour, alerts, a public name (commands.md, "Creator commands")."""

from __future__ import annotations

from typing import Annotated

from core.chat import settings
from core.chat.registry import Arg, Call, Reply, Start, Suggestion, action, command
from core.chat.settings import SettingsChanged
from core.chat.tables import PersonSettings
from core.storage import publish

HOURS = ("off", *(f"{hour:02d}:00" for hour in range(24)))


def zones(_call: Call, text: str) -> list[str]:
    """Timezone names that contain what is typed."""
    return settings.suggest_timezones(text)


def hours(_call: Call, text: str) -> list[Suggestion]:
    """The hours of a day, and off."""
    return [Suggestion(hour) for hour in HOURS if hour.startswith(text.strip().lower())]


@command("settings", "Your timezone, messages and public name", writes=True, topic="you")
def settings_command(
    call: Call,
    *,
    timezone: Annotated[str | None, Arg("Such as Europe/Berlin", suggest=zones, max_length=64)] = None,
    digest: Annotated[str | None, Arg("Hour of the morning message, or off", suggest=hours, max_length=5)] = None,
    alerts: Annotated[bool | None, Arg("Messages about your withdrawals")] = None,
    public_name: Annotated[bool | None, Arg("Your name in public digests")] = None,
) -> Reply:
    """What is set; with arguments, that is changed first."""
    return _changed(call, timezone=timezone, digest=digest, alerts=alerts, public_name=public_name)


def _changed(
    call: Call,
    *,
    timezone: str | None = None,
    digest: str | None = None,
    alerts: bool | None = None,
    public_name: bool | None = None,
) -> Reply:
    before = _facts(settings.of(call.session, call.actor.person_id))
    chosen = settings.of(call.session, call.actor.person_id)
    if (timezone, digest, alerts, public_name) != (None, None, None, None):
        chosen = settings.change(
            call.session,
            call.actor.person_id,
            timezone=timezone,
            digest_hour=_hour(digest),
            alerts=alerts,
            public_name=public_name,
        )
    changed = _facts(chosen) != before
    if changed:
        publish(call.session, SettingsChanged(call.actor.person_id, call.now))
    return _shown(call, chosen, changed)


def _facts(chosen: PersonSettings) -> tuple[object, ...]:
    return chosen.timezone, chosen.digest_hour, chosen.alerts, chosen.public_name


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
    )


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
