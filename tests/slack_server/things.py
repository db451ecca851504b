"""What our Slack holds: people, channels, messages, views, files, tokens, and what was asked of the app."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.slack_server.reading import plain

Json = dict[str, Any]

TRIGGER_LIFE = 3.0
"""Seconds that a trigger id may be exchanged for a view."""
RESPONSE_URL_LIFE = 30 * 60.0
"""Seconds that a response_url answers."""
RESPONSE_URL_USES = 5

ALL_SCOPES = (
    "chat:write",
    "chat:write.public",
    "commands",
    "channels:read",
    "channels:history",
    "channels:join",
    "groups:read",
    "groups:history",
    "im:read",
    "im:write",
    "im:history",
    "mpim:read",
    "files:read",
    "files:write",
    "users:read",
    "team:read",
)
"""What a bot token may do unless a test says otherwise."""


@dataclass
class User:
    """A member of a workspace. `name` is the handle typed after @."""

    id: str
    team_id: str
    name: str
    deleted: bool = False
    is_bot: bool = False

    def as_json(self) -> Json:
        """The person as users.info tells it."""
        profile = {"display_name": self.name, "real_name": self.name.title()}
        who = {"id": self.id, "team_id": self.team_id, "name": self.name, "real_name": self.name.title()}
        return {**who, "deleted": self.deleted, "is_bot": self.is_bot, "is_app_user": False, "profile": profile}


@dataclass
class Message:
    """A message that everyone in its channel sees. `deleted` ones are kept for tests to count."""

    team_id: str
    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    seq: int
    metadata: Json | None = None
    thread_ts: str = ""
    files: list[str] = field(default_factory=list)
    edited: int = 0
    deleted: bool = False
    picked: Json = field(default_factory=dict)
    """What is chosen in its selects: state.values."""

    @property
    def plain(self) -> str:
        """What a person reads."""
        return plain(self.blocks) if self.blocks else self.text

    def as_json(self, *, metadata: bool) -> Json:
        """The message as conversations.history tells it."""
        told: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": self.team_id}
        if self.blocks:
            told["blocks"] = self.blocks
        if self.user.startswith("UBOT"):
            told["bot_id"] = "B" + self.user[1:]
            told["app_id"] = "A1"
        if self.edited:
            told["edited"] = {"user": self.user, "ts": self.ts}
        if self.metadata is not None and metadata:
            told["metadata"] = self.metadata
        if self.thread_ts:
            told["thread_ts"] = self.thread_ts
        if self.files:
            told["files"] = [{"id": each} for each in self.files]
        return told


@dataclass
class Ephemeral:
    """A message that one person sees, for now. Gone once replaced by a deletion."""

    team_id: str
    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    seq: int
    gone: bool = False
    edited: int = 0
    picked: Json = field(default_factory=dict)

    @property
    def plain(self) -> str:
        """What the person reads."""
        return plain(self.blocks) if self.blocks else self.text


@dataclass
class Channel:
    """A channel, private channel, or direct message (`im_user` is who it is with)."""

    id: str
    team_id: str
    name: str
    private: bool = False
    archived: bool = False
    im_user: str = ""
    members: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Ephemeral] = field(default_factory=list)

    def as_json(self, bot: str) -> Json:
        """The channel as conversations.info tells it."""
        told: Json = {"id": self.id, "is_archived": self.archived, "context_team_id": self.team_id}
        if self.im_user:
            return {**told, "is_im": True, "is_channel": False, "user": self.im_user}
        told |= {"name": self.name, "name_normalized": self.name, "is_im": False, "is_channel": not self.private}
        return {**told, "is_group": self.private, "is_private": self.private, "is_member": bot in self.members}


@dataclass
class View:
    """A modal or a home view, as the app gave it (with ids filled in), on one person's screen."""

    id: str
    team_id: str
    user: str
    content: Json
    hash: str
    seq: int
    root_id: str
    previous_id: str | None = None
    open: bool = True
    picked: Json = field(default_factory=dict)

    @property
    def blocks(self) -> list[Json]:
        """Its blocks."""
        blocks: list[Json] = self.content["blocks"]
        return blocks

    @property
    def text(self) -> str:
        """A modal's title; a home view has none."""
        return str(self.content.get("title", {}).get("text", ""))

    @property
    def private_metadata(self) -> str:
        """What the app put aside in it."""
        return str(self.content.get("private_metadata", ""))

    @property
    def plain(self) -> str:
        """What the person reads."""
        return "\n".join(part for part in (self.text, plain(self.blocks)) if part)

    def as_json(self, app_id: str, bot: str, values: Json | None = None) -> Json:
        """The view as payloads and views.* answers tell it."""
        content: Json = {"callback_id": "", "private_metadata": "", "external_id": "", "close": None, "submit": None}
        content |= {"clear_on_close": False, "notify_on_close": False, "title": None} | self.content
        told: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "app_id": app_id,
            "bot_id": "B" + bot[1:],
            "hash": self.hash,
        }
        told |= {
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "app_installed_team_id": self.team_id,
        }
        return {**content, **told, "state": {"values": self.picked if values is None else values}}


Surface = Message | Ephemeral | View


@dataclass
class SlackFile:
    """An uploaded file. `polls_left`: how many times files.info says an image is not ready yet."""

    id: str
    team_id: str
    name: str
    content: bytes = b""
    title: str = ""
    alt_txt: str = ""
    complete: bool = False
    channel: str = ""
    polls_left: int = 0

    @property
    def image(self) -> bool:
        """Is it a picture?"""
        return self.name.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))

    @property
    def ready(self) -> bool:
        """May a block name it?"""
        return self.complete and self.image and self.polls_left <= 0

    def as_json(self) -> Json:
        """The file as files.info tells it: a picture has its mimetype and sizes once it is ready."""
        told: Json = {"id": self.id, "name": self.name, "title": self.title or self.name, "size": len(self.content)}
        told |= {"mimetype": "", "filetype": "", "channels": [self.channel] if self.channel else []}
        if self.alt_txt:
            told["alt_txt"] = self.alt_txt
        if self.ready or not self.image:
            kind = self.name.rpartition(".")[2].lower()
            told |= {"mimetype": f"image/{kind}" if self.image else "text/csv", "filetype": kind}
        if self.ready:
            told |= {"original_w": 800, "original_h": 400, "url_private": f"https://files.example/{self.id}"}
        return told


@dataclass
class Token:
    """A token and what it may do. `dead` is the error that it answers with, "" while it lives."""

    value: str
    team_id: str
    scopes: tuple[str, ...]
    expires_at: float | None = None
    dead: str = ""


@dataclass
class Workspace:
    """One Slack workspace and the app's installation in it."""

    team_id: str
    name: str
    bot_user_id: str
    bot_token: str = ""
    """The newest access token of the app's bot, "" while it is not installed."""
    scopes: tuple[str, ...] = ALL_SCOPES
    native_charts: bool = True
    """Whether data_visualization blocks are accepted."""
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    homes: dict[str, View] = field(default_factory=dict)
    modals: dict[str, list[View]] = field(default_factory=dict)
    """Each person's open modals, the top one last."""


@dataclass
class Call:
    """One request that reached us: a Web API method, "response_url", "upload" or "socket"."""

    method: str
    args: Json
    team_id: str
    at: float
    outcome: str = "pending"
    """"ok", Slack's error, or the fault that befell it (e.g. "cut_after")."""


@dataclass
class Interaction:
    """Something that the app was told: a command, a press, a submission or an event, and what came of it."""

    kind: str
    """slash_commands, interactive or events_api."""
    payload: Json
    team_id: str
    user: str
    sent_at: float
    acked_after: float | None = None
    """Seconds (by the loop's clock) until the app acknowledged it; None: not (yet), or refused."""
    ack: Json | None = None
    """What the acknowledgement carried, {} when it was empty."""
    status: int | None = None
    """The HTTP status, in HTTP mode."""
    deliveries: int = 0
    answers: list[Json] = field(default_factory=list)
    """What came to its response_url (or in its ack), in order."""
    modals: list[View] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is acknowledged, or given up."""

    @property
    def modal(self) -> View | None:
        """The last view opened or pushed with its trigger id."""
        return self.modals[-1] if self.modals else None

    @property
    def errors(self) -> dict[str, str]:
        """What the app found wrong with a submitted form, by block id."""
        found: dict[str, str] = (self.ack or {}).get("errors", {})
        return found

    @property
    def said(self) -> str:
        """What a person reads in all its answers."""
        return "\n".join(plain(each["blocks"]) if each.get("blocks") else each.get("text", "") for each in self.answers)


@dataclass
class Trigger:
    """A trigger id's rights: one view for one person, for 3 seconds."""

    team_id: str
    user: str
    at: float
    interaction: Interaction
    inside: View | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """A response_url's rights. `source` is the message whose button was pressed, None for a command."""

    team_id: str
    channel: str
    user: str
    at: float
    interaction: Interaction
    source: Message | Ephemeral | None = None
    uses: int = 0
