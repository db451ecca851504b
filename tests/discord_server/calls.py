"""What a route is given, how it refuses, and the register of routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.discord_server.checks import Problem, in_words, problems, tree
from tests.discord_server.things import VIEW_CHANNEL, Channel, Json, Message

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer


@dataclass(eq=False)
class Refused(Exception):
    """An error as Discord tells it: status, its own code, a message, and the tree of what is wrong in a form."""

    status: int
    code: int
    message: str
    errors: Json | None = None
    more: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> Json:
        """The body."""
        told: Json = {"message": self.message, "code": self.code, **self.more}
        return told if self.errors is None else {**told, "errors": self.errors}


@dataclass
class Request:
    """One request: the parts of its path and query, its JSON, and the files that came along."""

    route: str
    params: Mapping[str, str]
    body: Any
    uploads: dict[int, tuple[str, bytes]]

    @property
    def major(self) -> str:
        """The part by which Discord counts requests of one route."""
        names = ("channel_id", "guild_id", "webhook_token")
        return " ".join(self.params[each] for each in names if each in self.params)

    @property
    def files(self) -> list[str]:
        """The names of the files, as the body renames them."""
        data = self.body.get("data", self.body) if isinstance(self.body, dict) else {}
        told = (data or {}).get("attachments") or []
        renamed = {str(each.get("id")): each.get("filename") for each in told if isinstance(each, dict)}
        return [str(renamed.get(str(number)) or name) for number, (name, _) in self.uploads.items()]

    def checked(self, server: DiscordServer, *, message: Message | None = None) -> Json:
        """The body, once it passed Discord's description and limits; broken ones are remembered and refused."""
        found: list[Problem] = []
        if server.check_bodies:
            found = problems(self.route, self.body, self.files, message=message)
        else:
            server.unjudged.append((self.route, self.body, self.files, message))
        if isinstance(self.body, str) or (self.body is None and not found):
            raise Refused(400, 50109, "The request body contains invalid JSON.")
        if found:
            server.violations += in_words(self.route, found)
            raise Refused(400, 50035, "Invalid Form Body", tree(found))
        if any(len(content) > 10 * 1024 * 1024 for _, content in self.uploads.values()):
            raise Refused(413, 40005, "Request entity too large")
        made: Json = self.body
        return made

    def channel(self, server: DiscordServer) -> Channel:
        """The channel that is meant, when our bot sees it."""
        channel = server.find_channel(self.params["channel_id"])
        if channel is None:
            raise Refused(404, 10003, "Unknown Channel")
        if not server.bot_may(channel) & VIEW_CHANNEL:
            raise Refused(403, 50001, "Missing Access")
        return channel


Answered = tuple[int, Any]
"""The status, and the JSON of the answer (None: nothing)."""
RouteHandler = Callable[["DiscordServer", Request], Awaitable[Answered]]


@dataclass(frozen=True)
class Route:
    """A route: what it does; an `open` one needs no bot token."""

    handler: RouteHandler
    open: bool = False


ROUTES: dict[str, Route] = {}


def route(name: str, *, open: bool = False) -> Callable[[RouteHandler], RouteHandler]:  # noqa: A002
    """Register a route."""

    def put(handler: RouteHandler) -> RouteHandler:
        ROUTES[name] = Route(handler, open)
        return handler

    return put
