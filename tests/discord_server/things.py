"""What our Discord holds: people, guilds, channels, messages, modals, sessions, and what was asked of the bot."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.discord_server.reading import plain

Json = dict[str, Any]

ANSWER_LIFE = 3.0
"""Seconds that an interaction waits for its first answer."""
TOKEN_LIFE = 15 * 60.0
"""Seconds that an interaction's token may follow up and edit."""
EPOCH_MS = 1_420_070_400_000
"""Discord's own beginning of time: ids count milliseconds since then."""

ADMINISTRATOR = 1 << 3
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
USE_COMMANDS = 1 << 31
MEMBER_PERMISSIONS = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | ATTACH_FILES | READ_MESSAGE_HISTORY | USE_COMMANDS
"""What a member, and our bot, may do unless a test says otherwise."""

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15

Kind = Literal["command", "autocomplete", "component", "modal"]
KINDS: dict[Kind, int] = {"command": 2, "component": 3, "autocomplete": 4, "modal": 5}


@dataclass
class User:
    """A person. `name` is their unique handle; `installed` says that they added the app to their own account."""

    id: str
    name: str
    dms_open: bool = True
    installed: bool = False
    bot: bool = False

    def as_json(self) -> Json:
        """The person as every payload tells them."""
        told: Json = {"id": self.id, "username": self.name, "global_name": self.name.title(), "discriminator": "0"}
        return {**told, "avatar": None, "bot": self.bot, "public_flags": 0}


@dataclass
class Attachment:
    """A file that was sent along. `ephemeral` ones go with their message."""

    id: str
    filename: str
    content: bytes
    content_type: str
    description: str = ""
    url: str = ""

    def as_json(self) -> Json:
        """The file as messages tell it."""
        told: Json = {"id": self.id, "filename": self.filename, "size": len(self.content), "url": self.url}
        told |= {"proxy_url": self.url, "content_type": self.content_type}
        if self.content_type.startswith("image/"):
            told |= {"width": 800, "height": 400}
        return told | ({"description": self.description} if self.description else {})


@dataclass(eq=False)
class Message:
    """A message. `seen_by` is the one person who sees an ephemeral one; `deleted` ones are kept for tests to count.

    `loading`: a deferred answer, "the bot is thinking". `history` holds what stood there before each edit.
    """

    id: str
    guild_id: str
    channel_id: str
    author: str
    content: str
    components: list[Json]
    seq: int
    at: float
    flags: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    nonce: str = ""
    allowed_mentions: Json | None = None
    seen_by: str = ""
    loading: bool = False
    deleted: bool = False
    edited: int = 0
    edited_at: float | None = None
    interaction: Interaction | None = None
    history: list[str] = field(default_factory=list)
    picked: dict[str, list[str]] = field(default_factory=dict)
    """What a person last chose in its menus, by custom_id."""

    @property
    def plain(self) -> str:
        """What a person reads."""
        return "\n".join(part for part in (self.content, plain(self.components)) if part)

    @property
    def ephemeral(self) -> bool:
        """Is it for one person's eyes?"""
        return bool(self.flags & EPHEMERAL)

    @property
    def stands(self) -> bool:
        """Is there something to read, still?"""
        return not self.deleted and not self.loading

    def file(self, filename: str) -> Attachment:
        """The attachment of this name; AssertionError when there is none."""
        for each in self.attachments:
            if each.filename == filename:
                return each
        raise AssertionError(f"no file {filename}; there is {[each.filename for each in self.attachments]}")


@dataclass
class Channel:
    """A text channel of a guild, or direct messages (`members` are who else is in; no guild)."""

    id: str
    guild_id: str
    name: str
    bot_permissions: int = MEMBER_PERMISSIONS
    members: tuple[str, ...] = ()
    deleted: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def private(self) -> bool:
        """Is it outside every guild?"""
        return not self.guild_id

    @property
    def type(self) -> int:
        """Discord's number: 0 a guild's text channel, 1 direct messages, 3 a group's."""
        return 0 if self.guild_id else 1 if len(self.members) < 2 else 3


@dataclass
class Guild:
    """A server. `bot_in`: our bot is a member of it. `permissions`: what each member may do."""

    id: str
    name: str
    owner: str
    bot_in: bool = True
    bot_permissions: int = MEMBER_PERMISSIONS
    available: bool = True
    channels: dict[str, Channel] = field(default_factory=dict)
    permissions: dict[str, int] = field(default_factory=dict)
    allowed: dict[tuple[str, str], bool] = field(default_factory=dict)
    """What the server's own settings say of a command and a person; goes before the command's default."""


@dataclass(eq=False)
class Modal:
    """A form on one person's screen."""

    user: str
    interaction: Interaction
    content: Json
    source: Message | None
    seq: int
    open: bool = True

    @property
    def title(self) -> str:
        """What stands over it."""
        return str(self.content.get("title", ""))

    @property
    def custom_id(self) -> str:
        """What it is sent back with."""
        return str(self.content.get("custom_id", ""))

    @property
    def components(self) -> list[Json]:
        """What is in it."""
        found: list[Json] = self.content["components"]
        return found

    @property
    def plain(self) -> str:
        """What the person reads."""
        return "\n".join(part for part in (self.title, plain(self.components)) if part)


@dataclass
class Call:
    """One REST request that reached us. `route` is its method and path with the names of its parts."""

    route: str
    params: dict[str, str]
    """The parts of the path and of the query."""
    body: Any
    files: list[str]
    at: float
    status: int = 0
    outcome: str = "pending"
    """"ok", Discord's error code, or the fault that befell it (e.g. "cut_after")."""


@dataclass
class Answer:
    """One thing that a person was shown: as it stood when it came. `message` is the living one."""

    kind: Literal["initial", "edited", "followup", "update"]
    """"update" changes the message whose button was pressed."""
    message: Message
    content: str
    components: list[Json]
    attachments: list[Attachment]
    after: float
    """Seconds since the interaction was sent."""

    @property
    def plain(self) -> str:
        """What the person reads."""
        return "\n".join(part for part in (self.content, plain(self.components)) if part)

    @property
    def ephemeral(self) -> bool:
        """Is it for one person's eyes?"""
        return self.message.ephemeral

    @property
    def files(self) -> dict[str, bytes]:
        """What was sent along: name → content."""
        return {each.filename: each.content for each in self.attachments}


@dataclass(eq=False)
class Interaction:
    """Something that the bot was told: a command, a press, typing, a submission; and what came of it."""

    id: str
    token: str
    kind: Kind
    payload: Json
    user: str
    guild_id: str
    channel_id: str
    at: float
    """When it was sent, by our Discord's clock; `sent_at` by the machine's."""
    sent_at: float
    source: Message | None = None
    """The message whose button was pressed, or whose button opened the modal."""
    form: Modal | None = None
    """The modal that was submitted."""
    deliveries: int = 0
    """To how many sessions it went."""
    answered_after: float | None = None
    """Seconds until the first answer, a deferral too; None: not (yet)."""
    callback: Json | None = None
    """The first answer's body."""
    original: Message | None = None
    """What @original means."""
    answers: list[Answer] = field(default_factory=list)
    """What the person was shown, in order; a deferral alone is nothing."""
    modal: Modal | None = None
    """The form that it opened."""
    choices: list[Json] = field(default_factory=list)
    """What an autocomplete offered."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is answered, or given up."""

    @property
    def deferred(self) -> bool:
        """Was the first answer "wait"?"""
        return self.callback is not None and self.callback.get("type") in (5, 6)

    @property
    def answered(self) -> bool:
        """Did the person get anything that is an answer?"""
        return bool(self.answers) or self.modal is not None

    @property
    def said(self) -> str:
        """What a person reads in all its answers."""
        return "\n".join(each.plain for each in self.answers)

    @property
    def files(self) -> dict[str, bytes]:
        """Every file that came with its answers."""
        return {name: content for each in self.answers for name, content in each.files.items()}


def timestamp(seconds: float) -> str:
    """A moment as Discord writes it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
