"""The state of our Slack, how tests set it up and look at it, and how they wait for it to change."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from tests.loopback import Loopback
from tests.slack_server.faults import Fault
from tests.slack_server.things import (
    ALL_SCOPES,
    Call,
    Channel,
    Ephemeral,
    Interaction,
    Json,
    Message,
    ResponseUrl,
    SlackFile,
    Token,
    Trigger,
    User,
    View,
    Workspace,
)


class World(Loopback[Fault]):
    """Everything that our Slack knows."""

    def __init__(self) -> None:
        """An empty Slack with one app, installed nowhere."""
        super().__init__()
        self.app_id = "A1"
        self.app_token = "xapp-1-A1-socket"
        self.client_id = "1.1"
        self.client_secret = "client-secret"
        self.signing_secret = "signing-secret"
        self.manifest: Json | None = None
        """When set: only its commands exist, `should_escape` is as it says, only its bot events are sent."""
        self.workspaces: dict[str, Workspace] = {}
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, str] = {}
        """Live single-use refresh tokens and their workspaces."""
        self.refreshes: list[tuple[str, str]] = []
        """Every refresh asked for: (team id, "ok" or the error)."""
        self.used_refresh_tokens: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.rotation = False
        """Whether OAuth hands out tokens that expire."""
        self.expires_in = 43200
        """Seconds that rotated tokens live."""
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.views: dict[str, View] = {}
        self.files: dict[str, SlackFile] = {}
        self.image_polls = 0
        """How many times files.info says of a fresh picture that it is not ready."""
        self.calls: list[Call] = []
        self.interactions: list[Interaction] = []
        self.violations: list[str] = []
        """Payloads that broke Block Kit's documented limits; tests assert that there are none."""
        self.limits: dict[str, float] = {}
        """Method → seconds that must lie between two calls for one channel; sooner ones get a 429."""
        self.date_skew = 0.0
        """Seconds by which the Date header is wrong."""
        self._count = itertools.count(1)
        self._last_ts = 0

    def mint(self, prefix: str) -> str:
        """A new id."""
        return f"{prefix}{next(self._count):08X}"

    def sequence(self) -> int:
        """The next place in the order of things."""
        return next(self._count)

    def mint_ts(self) -> str:
        """A new message's timestamp, later than every other."""
        self._last_ts = max(int(self.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def told(self) -> list[tuple[str, str]]:
        """Every call so far and what came of it."""
        return [(call.method, call.outcome) for call in self.calls]

    # what tests set up

    def add_workspace(
        self,
        team_id: str,
        *,
        bot_token: str | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        native_charts: bool = True,
    ) -> Workspace:
        """A workspace. With a bot token the app is installed; without, it waits for an OAuth install."""
        bot = f"UBOT{team_id}"
        made = Workspace(team_id, f"Team {team_id}", bot, scopes=tuple(scopes), native_charts=native_charts)
        made.users[bot] = User(bot, team_id, "earnings", is_bot=True)
        self.workspaces[team_id] = made
        if bot_token is not None:
            made.bot_token = bot_token
            self.tokens[bot_token] = Token(bot_token, team_id, made.scopes)
        return made

    def workspace(self, team_id: str) -> Workspace:
        """The workspace; KeyError when there is none."""
        return self.workspaces[team_id]

    def add_user(self, team_id: str, user_id: str, name: str = "", *, deleted: bool = False, bot: bool = False) -> User:
        """A member of a workspace, with `name` as the handle after @ (its id in small letters by default)."""
        made = User(user_id, team_id, name or user_id.lower(), deleted=deleted, is_bot=bot)
        self.workspaces[team_id].users[user_id] = made
        return made

    def add_channel(
        self,
        team_id: str,
        channel_id: str,
        name: str = "",
        *,
        members: Iterable[str] = (),
        private: bool = False,
        bot_in: bool = True,
    ) -> Channel:
        """A channel of a workspace; the app's bot is a member unless `bot_in` says no."""
        made = Channel(channel_id, team_id, name or channel_id.lower(), private=private, members=set(members))
        home = self.workspaces[team_id]
        if bot_in:
            made.members.add(home.bot_user_id)
        home.channels[channel_id] = made
        return made

    def direct_channel(self, team_id: str, user_id: str) -> Channel:
        """The direct messages between a person and the app's bot."""
        home = self.workspaces[team_id]
        for channel in home.channels.values():
            if channel.im_user == user_id:
                return channel
        made = Channel(self.mint("D"), team_id, "directmessage", im_user=user_id)
        made.members = {user_id, home.bot_user_id}
        home.channels[made.id] = made
        return made

    # what tests look at

    def channel(self, channel_id: str, team: str | None = None) -> Channel:
        """A channel by its id (and workspace, where two have one of the same id)."""
        for team_id, home in self.workspaces.items():
            if channel_id in home.channels and team in (None, team_id):
                return home.channels[channel_id]
        raise AssertionError(f"no channel {channel_id}")

    def messages(self, channel_id: str, team: str | None = None) -> list[Message]:
        """What stands in a channel, oldest first, deleted messages left out."""
        return [each for each in self.channel(channel_id, team).messages if not each.deleted]

    def direct(self, user_id: str, team: str | None = None) -> list[Message]:
        """What stands in the direct messages of a person and the bot (of every workspace with that id)."""
        return [
            message
            for team_id, home in self.workspaces.items()
            if team in (None, team_id)
            for channel in home.channels.values()
            if channel.im_user == user_id
            for message in channel.messages
            if not message.deleted
        ]

    def ephemerals(self, user_id: str, channel_id: str | None = None, team: str | None = None) -> list[Ephemeral]:
        """What only this person sees, in a channel or everywhere, oldest first."""
        found = [
            each
            for team_id, home in self.workspaces.items()
            if team in (None, team_id)
            for channel in home.channels.values()
            if channel_id in (None, channel.id)
            for each in channel.ephemerals
            if each.user == user_id and not each.gone
        ]
        return sorted(found, key=lambda each: each.seq)

    def home(self, user_id: str, team: str | None = None) -> View | None:
        """A person's App Home, None while nothing was published."""
        for team_id, home in self.workspaces.items():
            if user_id in home.homes and team in (None, team_id):
                return home.homes[user_id]
        return None

    def modal(self, user_id: str, team: str | None = None) -> View | None:
        """The modal on top of a person's screen."""
        for team_id, home in self.workspaces.items():
            if home.modals.get(user_id) and team in (None, team_id):
                return home.modals[user_id][-1]
        return None

    def called(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method]

    # what the other modules change

    def kill_tokens(self, team_id: str, error: str) -> None:
        """From now on every token of a workspace answers with this error, and none can be refreshed."""
        for token in self.tokens.values():
            if token.team_id == team_id:
                token.dead = token.dead or error
        self.refresh_tokens = {value: team for value, team in self.refresh_tokens.items() if team != team_id}
        self.changed()

    def put_message(self, channel: Channel, user: str, text: str, blocks: list[Json]) -> Message:
        """Post a message and wake whoever waits."""
        ts = self.mint_ts()
        made = Message(channel.team_id, channel.id, ts, user, text, self.named(blocks), self.sequence())
        channel.messages.append(made)
        self.changed()
        return made

    def put_ephemeral(self, channel: Channel, user: str, text: str, blocks: list[Json]) -> Ephemeral:
        """Show one person a message and wake whoever waits."""
        ts = self.mint_ts()
        made = Ephemeral(channel.team_id, channel.id, ts, user, text, self.named(blocks), self.sequence())
        channel.ephemerals.append(made)
        self.changed()
        return made

    def named(self, blocks: list[Json]) -> list[Json]:
        """The blocks with ids where the app gave none, as Slack fills them in."""
        filled: list[Json] = []
        for block in blocks:
            each = {**block, "block_id": block.get("block_id") or self.mint("b")}
            for place in ("elements", "accessory", "element"):
                if place in each and block["type"] in ("actions", "section", "input", "context_actions"):
                    inside = each[place]
                    each[place] = [self._named(e) for e in inside] if place == "elements" else self._named(inside)
            filled.append(each)
        return filled

    def _named(self, element: Json) -> Json:
        if element["type"] in ("image", "plain_text", "mrkdwn"):
            return element
        return {**element, "action_id": element.get("action_id") or self.mint("a")}
