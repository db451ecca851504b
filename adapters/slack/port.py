"""Slack as the relay sees it: posts, repaints and looks up messages that nobody asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import structlog

from adapters.slack.api import RELAY_PATIENCE, NotInstalled, SlackApi, SlackRefused
from adapters.slack.blocks import Drawn, home
from adapters.slack.pictures import Pictures
from adapters.slack.sending import BADLY_DRAWN, QUIET, Sender, plain
from core.chat.cards import BadCard, Card
from core.chat.outbox import ChannelGone, Destination, DirectMessageClosed, TryLater, Unclear
from core.clock import Clock
from core.storage import Database

log = structlog.get_logger(__name__)

PLATFORM = "slack"
EVENT_TYPE = "earnings_desk_message"
HOME = "home"  # what stands for a home view's message id
SLACK_CLOCK = dt.timedelta(minutes=5)  # how far Slack's clock may be behind ours
PAGE = 200
SEARCHES_KEPT = 1_000

_UNINSTALLED = "the desk is not installed in this Slack workspace (any more), or its token was revoked"
_CHANNEL_GONE: Mapping[str, str] = {
    "channel_not_found": "the channel doesn't exist any more, or it is private and the desk is not in it",
    "is_archived": "the channel was archived",
    "is_inactive": "the channel was archived or deleted",
    "not_in_channel": "the desk is not in the channel: /invite it",
    "no_permission": "the desk may not post in the channel: /invite it, and check the app's scopes",
    "restricted_action": "the workspace doesn't let the desk post in this channel",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_only_channel": "the channel takes replies in threads only",
    "restricted_action_non_threadable_channel": "the channel takes no posts from apps",
    "cannot_post_in_channel": "the workspace doesn't let the desk post in this channel",
    "method_not_supported_for_channel_type": "this kind of channel takes no posts from apps",
    "ekm_access_denied": "the workspace's administrators have suspended posting",
    "access_denied": "the workspace doesn't let the desk post in this channel",
    "team_not_found": "the workspace of this channel doesn't exist any more",
}
_DIRECT_CLOSED: Mapping[str, str] = {
    **_CHANNEL_GONE,
    "channel_not_found": "Slack knows no direct messages with this person",
    "not_in_channel": "Slack knows no direct messages with this person",
    "is_archived": "the direct messages with this person were closed",
    "user_disabled": "this Slack account was deactivated",
    "user_not_found": "this Slack account doesn't exist",
    "user_not_visible": "this person is not visible to the desk",
    "users_not_found": "this Slack account doesn't exist",
    "cannot_dm_bot": "this Slack account is an app",
    "messages_tab_disabled": "the app's Messages tab is switched off",
    "cannot_reply_to_message": "this person takes no direct messages from the desk",
    "user_is_restricted": "this person takes no direct messages from apps",
    "invalid_user_combination": "the desk shares no channel with this person's organisation",
    "not_enabled": "the app's Home tab is switched off",
}
_LEFT_IN_PEACE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "hash_conflict"})
_STALE_CHANNEL = frozenset({"channel_not_found", "not_in_channel", "is_archived", "is_inactive"})


class SlackPort:
    """A `ChatPort`. Message ids are "CHANNEL:TS", a home view's is "home"."""

    platform = PLATFORM

    def __init__(self, api: SlackApi, database: Database, clock: Clock, pictures: Pictures | None = None) -> None:
        self.api = api
        self.sender = Sender(api, database, clock, pictures or Pictures(api, clock))
        self._searches: dict[tuple[Destination, str], str] = {}

    async def post(self, to: Destination, card: Card, key: str) -> str:
        """Post a card, its key in the message's metadata.

        Raises ChannelGone, DirectMessageClosed, TryLater, Unclear.
        """
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}

        async def send(drawn: Drawn) -> str:
            return await self._posted(to, drawn, metadata)

        try:
            return await self.sender.present(to.workspace, card, send)
        except (NotInstalled, SlackRefused) as refused:
            problem = refused
        raise _meaning(to, problem)

    async def repaint(self, to: Destination, message_id: str, card: Card) -> None:
        """Draw a message or a home view anew; what was deleted, or can't be edited any more, is left in peace.

        Raises ChannelGone, TryLater, Unclear.
        """
        try:
            if message_id == HOME:
                await self._publish(to, card)
            else:
                await self._update(to, message_id, card)
        except (NotInstalled, SlackRefused) as refused:
            if isinstance(refused, SlackRefused) and refused.error in _LEFT_IN_PEACE:
                return
            problem = refused
        else:
            return
        meaning = _meaning(to, problem)
        if not isinstance(meaning, DirectMessageClosed):
            raise meaning
        log.info("a card in direct messages can't be repainted", team=to.workspace, reason=str(meaning))

    async def find(self, to: Destination, key: str, since: dt.datetime) -> str | None:
        """The message that was posted with key after `since`.

        Raises ChannelGone, DirectMessageClosed, TryLater, Unclear. A search that Slack interrupts (its limits on
        reading history are narrow) is taken up where it stopped.
        """
        try:
            workspace = await self.api.workspace(to.workspace)
            channel = await self._channel(to)
            oldest = f"{(since - SLACK_CLOCK).timestamp():.6f}"
            return await self._search(to, channel, key, oldest, workspace.bot_user_id)
        except (NotInstalled, SlackRefused) as refused:
            problem = refused
        if isinstance(problem, SlackRefused) and problem.error == "missing_scope":
            # Not posted again unseen: it stands in the outbox with this reason until the scope is there.
            raise Unclear(f"{problem}; without it the desk can't see whether its message stands there")
        raise _meaning(to, problem)

    async def _posted(self, to: Destination, drawn: Drawn, metadata: Mapping[str, object]) -> str:
        for anew in (False, True):
            channel = await self._channel(to, anew=anew)
            try:
                answer = await self.api.call(
                    to.workspace,
                    "chat.postMessage",
                    lane=channel,
                    channel=channel,
                    blocks=drawn.blocks,
                    text=drawn.text,
                    metadata=metadata,
                    **QUIET,
                )
            except SlackRefused as refused:
                if anew or to.channel or refused.error not in _STALE_CHANNEL:
                    raise
            else:
                return f"{answer.get('channel', channel)}:{answer.get('ts', '')}"
        raise Unclear("chat.postMessage: no answer")  # not reached: the second round returns or raises

    async def _update(self, to: Destination, message_id: str, card: Card) -> None:
        channel, _, stamp = message_id.partition(":")

        async def send(drawn: Drawn) -> None:
            await self.api.call(
                to.workspace,
                "chat.update",
                lane=channel,
                channel=channel,
                ts=stamp,
                blocks=drawn.blocks,
                text=drawn.text,
                link_names=False,
                parse="none",
            )

        await self.sender.present(to.workspace, card, send)

    async def _publish(self, to: Destination, card: Card) -> None:
        await publish_home(self.sender, to.workspace, to.user_id, card, patience=RELAY_PATIENCE)

    async def _channel(self, to: Destination, *, anew: bool = False) -> str:
        if to.channel:
            return to.channel
        return await self.sender.direct_channel(to.workspace, to.user_id, patience=RELAY_PATIENCE, anew=anew)

    async def _search(self, to: Destination, channel: str, key: str, oldest: str, bot_user_id: str) -> str | None:
        search = (to, key)
        cursor = self._searches.get(search, "")
        while True:
            try:
                answer = await self.api.call(
                    to.workspace,
                    "conversations.history",
                    lane=channel,
                    channel=channel,
                    oldest=oldest,
                    inclusive=True,
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor or None,
                )
            except TryLater:
                self._remember(search, cursor)
                raise
            except SlackRefused as refused:
                if not cursor or refused.error != "invalid_cursor":
                    raise
                self._searches.pop(search, None)
                cursor = ""
                continue
            found = _with_key(answer, key, bot_user_id)
            cursor = _next_cursor(answer)
            if found or not cursor:
                self._searches.pop(search, None)
                return f"{channel}:{found}" if found else None

    def _remember(self, search: tuple[Destination, str], cursor: str) -> None:
        if len(self._searches) >= SEARCHES_KEPT:
            self._searches.clear()  # they begin again: slower, no less right
        if cursor:
            self._searches[search] = cursor


async def publish_home(sender: Sender, team_id: str, user_id: str, card: Card, *, patience: float) -> None:
    """Show a card as somebody's home view, in plain words if Slack refuses its drawing. Raises as `SlackApi.call`."""
    card = await sender.shortened(card)
    try:
        view = home(card)
        await sender.api.call(team_id, "views.publish", patience=patience, user_id=user_id, view=view)
    except BadCard:
        log.exception("a home view can't be drawn", team=team_id)
    except SlackRefused as refused:
        if refused.error not in BADLY_DRAWN:
            raise
        log.warning("Slack refused a home view", error=refused.error, messages=refused.messages, team=team_id)
    else:
        return
    words = {"type": "home", "blocks": plain(card).blocks}
    await sender.api.call(team_id, "views.publish", patience=patience, user_id=user_id, view=words)


def _meaning(to: Destination, problem: NotInstalled | SlackRefused) -> Exception:
    """What a refusal means to the relay: ChannelGone or DirectMessageClosed; one of another kind means itself."""
    error = problem.error if isinstance(problem, SlackRefused) else ""
    reasons = _CHANNEL_GONE if to.channel else _DIRECT_CLOSED
    reason = _UNINSTALLED if isinstance(problem, NotInstalled) else reasons.get(error)
    if reason is None:
        return problem
    return ChannelGone(reason) if to.channel else DirectMessageClosed(reason)


def _with_key(answer: Mapping[str, object], key: str, bot_user_id: str) -> str | None:
    """The ts of our own message that carries this key: metadata of others proves nothing."""
    messages = answer.get("messages")
    for one in messages if isinstance(messages, list) else ():
        metadata = one.get("metadata") if isinstance(one, dict) else None
        if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
            continue
        payload = metadata.get("event_payload")
        ours = one.get("user") == bot_user_id
        if ours and isinstance(payload, dict) and payload.get("key") == key:
            return str(one.get("ts", ""))
    return None


def _next_cursor(answer: Mapping[str, object]) -> str:
    metadata = answer.get("response_metadata")
    return str(metadata.get("next_cursor") or "") if isinstance(metadata, dict) else ""
