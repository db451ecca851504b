"""What a Web API method is given, how it refuses, and the register of methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests.slack_server.things import Channel, Json, Token, Workspace

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer

TokenKind = Literal["bot", "app", "any", "none"]


@dataclass(eq=False)
class Refused(Exception):
    """Slack's `ok: false`, with its error and whatever else goes with it."""

    error: str
    more: Json = field(default_factory=dict)


@dataclass
class Request:
    """One call of a method: its arguments and whose token it came with."""

    method: str
    args: Json
    token: Token
    home: Workspace
    app_token: bool = False

    def text(self, name: str) -> str:
        """An argument as text, "" when it is not there."""
        return str(self.args.get(name) or "")

    def needed(self, name: str, error: str = "invalid_arguments") -> str:
        """An argument that has to be there."""
        value = self.text(name)
        if not value:
            raise Refused(error, {"response_metadata": {"messages": [f"[ERROR] missing required field: {name}"]}})
        return value

    def flag(self, name: str) -> bool:
        """An argument as yes or no: forms say 1, 0, true, false."""
        return str(self.args.get(name, "")).lower() in ("1", "true")

    def need(self, *scopes: str) -> None:
        """Refuse unless the token has one of these scopes."""
        if not set(scopes) & set(self.token.scopes):
            raise Refused("missing_scope", {"needed": scopes[0], "provided": ",".join(self.token.scopes)})

    def seen(self, channel_id: str) -> Channel:
        """A channel that the bot may know of; others are not found."""
        channel = self.home.channels.get(channel_id)
        if channel is None or (channel.private and self.home.bot_user_id not in channel.members):
            raise Refused("channel_not_found")
        return channel

    def read(self, channel_id: str, what: Literal["read", "history"]) -> Channel:
        """A channel that the token's scopes let it look at."""
        channel = self.seen(channel_id)
        kind = "im" if channel.im_user else "groups" if channel.private else "channels"
        self.need(f"{kind}:{what}")
        return channel


Handler = Callable[["SlackServer", Request], Awaitable[Json]]


@dataclass(frozen=True)
class Method:
    """A method: what it does, the scope it needs ("" for none), the token it takes."""

    handler: Handler
    scope: str
    token: TokenKind


METHODS: dict[str, Method] = {}


def method(name: str, scope: str = "", token: TokenKind = "bot") -> Callable[[Handler], Handler]:
    """Register a Web API method."""

    def put(handler: Handler) -> Handler:
        METHODS[name] = Method(handler, scope, token)
        return handler

    return put
