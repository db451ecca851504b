"""The server: its start and end, its routes, faults, and what happens in a workspace besides people pressing things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.slack_server.faults import Fault, Kind
from tests.slack_server.pages import authorize, respond, upload
from tests.slack_server.people import People
from tests.slack_server.signing import RawRequest, signed
from tests.slack_server.things import Interaction, Json
from tests.slack_server.web_api import serve


class SlackServer(People):
    """Our own Slack on a port of this machine. See `World` for what tests set up and look at, `People` for what
    they do, and here for what goes wrong and what else happens."""

    def __init__(self) -> None:
        """Not listening yet: use `start` or `running`."""
        super().__init__()
        self.redirect_uri = ""
        """Where the install page goes back to when the app names no redirect_uri."""
        self.installing_team = ""
        """The workspace that whoever walks the install page chooses; the first one when empty."""
        self.installing_user = ""

    @property
    def api_url(self) -> str:
        """The Web API's address, with the slash at its end."""
        return f"{self.base_url}/api/"

    @property
    def authorize_url(self) -> str:
        """The address of the install page."""
        return f"{self.base_url}/oauth/v2/authorize"

    def routed(self) -> web.Application:
        """Every address that our Slack answers at."""
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/api/{method}", _for(self, serve))
        app.router.add_post("/respond/{team}/{id}", _for(self, respond))
        app.router.add_post("/upload/{id}", _for(self, upload))
        app.router.add_get("/oauth/v2/authorize", _for(self, authorize))
        app.router.add_get("/link", self.socket)
        return app

    # what goes wrong

    def fault(
        self,
        method: str,
        kind: Kind,
        times: int | None = 1,
        *,
        retry_after: int = 1,
        error: str = "internal_error",
        seconds: float = 0.0,
        channel: str = "",
    ) -> Fault:
        """Order a fault for a Web API method, "response_url", "upload", "socket", or "*" for all of them.

        `times=None` (and outages) last until `end_faults`; `retry_after` goes with 429, `error` with "error",
        `seconds` with "slow"; `channel` limits it to calls about one channel.
        """
        left = None if kind == "outage" else times
        return self.faults.order(Fault(method, left, kind, retry_after, error, channel=channel, seconds=seconds))

    def outage(self) -> Fault:
        """Slack is down: sockets drop, every call and new socket is cut, until `end_faults`."""
        made = self.fault("*", "outage")
        self.drop_socket()
        return made

    # requests for the app, as Slack and others send them

    def raw_command(self, team: str, channel: str, user: str, text: str, *, age: float = 0.0) -> RawRequest:
        """A signed slash command to be sent by the test itself; see `signing.unsigned` and `tampered`."""
        command, _, rest = text.partition(" ")
        where = self.direct_channel(team, user) if not channel else self.workspaces[team].channels[channel]
        made = self.command(team, where, user, command, rest)
        self.interactions.append(made)
        return signed(self.signing_secret, made.kind, made.payload, age=age)

    def raw_url_verification(self, challenge: str = "challenge") -> RawRequest:
        """What Slack sends when a request URL is saved; the app must answer with the challenge."""
        payload: Json = {"token": "verification", "challenge": challenge, "type": "url_verification"}
        return signed(self.signing_secret, "events_api", payload)

    # what happens in a workspace

    async def deactivate(self, team: str, user: str, *, wait: bool = True) -> Interaction:
        """An administrator deactivates a member (user_change)."""
        person = self.workspaces[team].users[user]
        person.deleted = True
        event: Json = {"type": "user_change", "user": person.as_json(), "event_ts": self.mint_ts()}
        return await self.event(team, {**event, "cache_ts": int(self.now())}, user=user, wait=wait)

    async def reactivate(self, team: str, user: str, *, wait: bool = True) -> Interaction:
        """A member is back (user_change)."""
        person = self.workspaces[team].users[user]
        person.deleted = False
        return await self.event(team, {"type": "user_change", "user": person.as_json()}, user=user, wait=wait)

    async def uninstall(self, team: str, *, wait: bool = True) -> Interaction:
        """The app is removed from a workspace: tokens_revoked, then app_uninstalled; its tokens are dead."""
        home = self.workspaces[team]
        revoked: Json = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [home.bot_user_id]}}
        self.kill_tokens(team, "account_inactive")
        await self.event(team, revoked, wait=wait)
        told = await self.event(team, {"type": "app_uninstalled", "event_ts": self.mint_ts()}, wait=wait)
        home.bot_token = ""
        return told

    async def revoke_tokens(self, team: str, *, wait: bool = True) -> Interaction:
        """The bot's tokens are revoked (tokens_revoked)."""
        self.kill_tokens(team, "token_revoked")
        bots = [self.workspaces[team].bot_user_id]
        return await self.event(team, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": bots}}, wait=wait)

    async def archive(self, team: str, channel: str, *, wait: bool = True) -> Interaction:
        """A channel is archived (channel_archive)."""
        self.workspaces[team].channels[channel].archived = True
        return await self._channel_event(team, channel, "channel_archive", wait=wait)

    async def unarchive(self, team: str, channel: str, *, wait: bool = True) -> Interaction:
        """A channel is brought back (channel_unarchive)."""
        self.workspaces[team].channels[channel].archived = False
        return await self._channel_event(team, channel, "channel_unarchive", wait=wait)

    async def invite_bot(self, team: str, channel: str, *, wait: bool = True) -> Interaction:
        """The bot is invited to a channel (member_joined_channel)."""
        home = self.workspaces[team]
        home.channels[channel].members.add(home.bot_user_id)
        event: Json = {"type": "member_joined_channel", "user": home.bot_user_id, "channel": channel, "team": team}
        return await self.event(team, {**event, "channel_type": "C"}, wait=wait)

    async def remove_bot(self, team: str, channel: str, *, wait: bool = True) -> Interaction:
        """The bot is removed from a channel (channel_left)."""
        home = self.workspaces[team]
        home.channels[channel].members.discard(home.bot_user_id)
        return await self._channel_event(team, channel, "channel_left", wait=wait)

    async def delete_channel(self, team: str, channel: str, *, wait: bool = True) -> Interaction:
        """A channel is deleted (channel_deleted)."""
        del self.workspaces[team].channels[channel]
        return await self._channel_event(team, channel, "channel_deleted", wait=wait)

    async def _channel_event(self, team: str, channel: str, kind: str, *, wait: bool) -> Interaction:
        event: Json = {"type": kind, "channel": channel, "event_ts": self.mint_ts()}
        return await self.event(team, event, wait=wait)


def _for(server: SlackServer, handle: Callable[[SlackServer, web.Request], Awaitable[web.StreamResponse]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await handle(server, request)

    return handler
