"""What the bot may do in a channel, by roles and overwrites that REST tells (Discord's docs: topics/permissions)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import discord

from adapters.discord.api import mapping
from adapters.discord.manifest import PERMISSIONS

Object = Mapping[str, object]
THREADS: Final = frozenset({10, 11, 12})
_VIEW, _SEND, _IN_THREADS = "View Channel", "Send Messages", "Send Messages in Threads"


@dataclass(frozen=True, slots=True)
class Home:
    """A server, and the bot as a member of it, as REST tells them."""

    guild: Object
    member: Object
    user_id: str

    @property
    def name(self) -> str:
        return str(self.guild.get("name", ""))

    @property
    def roles(self) -> frozenset[str]:
        roles = self.member.get("roles")
        return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()

    def silenced_until(self, now: dt.datetime) -> dt.datetime | None:
        """Until when a moderator keeps the bot from posting, None when nobody does."""
        text = self.member.get("communication_disabled_until")
        try:
            until = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            return None
        return until if until is not None and until > now else None


def is_thread(channel: Object) -> bool:
    """Whether it is a thread: its parent's overwrites hold for it."""
    return channel.get("type") in THREADS


def lacking(home: Home, channel: Object, *, thread: bool = False) -> list[str]:
    """The permissions that the desk needs in a channel and hasn't got, by the names that people see.

    channel: for a thread its parent. Without View Channel only that is named: nothing else counts then.
    """
    granted = _granted(home, channel)
    needed = [name for name in PERMISSIONS if name != (_SEND if thread else _IN_THREADS)]
    missing = [name for name in needed if not PERMISSIONS[name][0] <= granted]
    return [_VIEW] if _VIEW in missing else missing


def _granted(home: Home, channel: Object) -> discord.Permissions:
    if home.guild.get("owner_id") == home.user_id:
        return discord.Permissions.all()
    everyone = str(home.guild.get("id", ""))
    granted = discord.Permissions.none()
    for role in _objects(home.guild.get("roles")):
        if str(role.get("id")) in home.roles | {everyone}:
            granted.value |= _bits(role.get("permissions"))
    if granted.administrator:
        return discord.Permissions.all()
    overwrites = {str(one.get("id")): one for one in _objects(channel.get("permission_overwrites"))}
    own_roles = [one for name, one in overwrites.items() if name in home.roles and name != everyone]
    for group in ([overwrites.get(everyone, {})], own_roles, [overwrites.get(home.user_id, {})]):
        deny = allow = 0
        for overwrite in group:
            deny |= _bits(overwrite.get("deny"))
            allow |= _bits(overwrite.get("allow"))
        granted.value = granted.value & ~deny | allow
    return granted


def _objects(value: object) -> Iterator[Object]:
    yield from (mapping(one) for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()


def _bits(value: object) -> int:
    text = str(value or "0")
    return int(text) if text.isdecimal() else 0
