"""What `doctor` asks Discord: the token, the application's settings, commands, clocks and channels; and whether every
card is within Discord's limits, by our own table: Discord judges nothing without posting it. Nothing is posted."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from adapters.checks import Found, Samples, Subscribed, bad_cards, clocks, date_of, undrawn
from adapters.discord import custom_ids, layouts, modals, permitted
from adapters.discord.api import mapping
from adapters.discord.commands import GUILD_INSTALL, USER_INSTALL, digest, payload
from adapters.discord.custom_ids import BUTTON_VALUE, OPTION_VALUE
from adapters.discord.limits import command_problems, problems
from adapters.discord.manifest import portal_page, server_link
from core.chat import handles
from core.chat.cards import Actions, Card
from core.chat.registry import REGISTRY, Registry
from core.clock import Clock

FEW_STARTS: Final = 20
GUILDS_AT_MOST: Final = 50
TIMEOUT_SECONDS: Final = 10.0
LONGEST_WAIT_SECONDS: Final = 10.0
TRIES: Final = 3
Object = Mapping[str, object]
_PRIVILEGED: Final = {  # an application's flags; each has a twin for applications in few servers
    "Presence Intent": 1 << 12 | 1 << 13,
    "Server Members Intent": 1 << 14 | 1 << 15,
    "Message Content Intent": 1 << 18 | 1 << 19,
}
_USER_AGENT: Final = "DiscordBot (https://discord.com, 10) earnings-desk doctor"


@dataclass(frozen=True, slots=True)
class Said:
    """Discord's answer to one call. status: HTTP's, 0 when there was none; code: Discord's own, such as 10003."""

    status: int
    answer: object = None
    date: dt.datetime | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def one(self) -> Object:
        return mapping(self.answer)

    @property
    def many(self) -> list[Object]:
        return [mapping(each) for each in self.answer] if isinstance(self.answer, list) else []

    @property
    def code(self) -> int:
        code = self.one.get("code")
        return code if isinstance(code, int) else 0

    @property
    def why(self) -> str:
        """In words, for what has no explanation of ours."""
        if self.status == 0 or self.status >= 500:
            return "Discord doesn't answer"
        return f"Discord answers {self.status} ({self.one.get('message') or 'no reason given'})"


def new_session() -> aiohttp.ClientSession:
    """A session with a time-out, for `Doctor`."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


class Doctor:
    """Asks with the desk's own token, over `session`, which stays open. told: the digest of the commands that Discord
    was last told for an application, "" for none, None when it can't be looked up."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        token: str,
        clock: Clock,
        told: Callable[[str], str | None],
        registry: Registry = REGISTRY,
    ) -> None:
        self.session, self.api_url, self._token, self.clock = session, api_url, token, clock
        self.told, self.registry = told, registry
        self._guilds: dict[str, permitted.Home | Said] = {}

    async def examine(self, channels: Sequence[Subscribed], samples: Callable[[], Samples]) -> list[Found]:
        """Every check. channels: each once. samples: called on a thread."""
        found = await self._online(channels)
        return found + cards(await asyncio.to_thread(samples))

    async def _online(self, channels: Sequence[Subscribed]) -> list[Found]:
        me = await self.ask("/users/@me")
        if me.status in (401, 403):
            hint = f'Copy a new one: {portal_page("")} → your app → Bot → "Reset Token". The old one ends by that.'
            return [Found("Discord token", "wrong", "Discord refuses DISCORD_TOKEN", hint)]
        if not me.ok:
            return [_trouble("Discord token", me)]
        trouble = "a card may be posted twice after a fault"  # see `port`: it is not found again
        found = [
            Found("Discord token", "ok", f"@{me.one.get('username')}"),
            *clocks("Discord", me.date, self.clock(), trouble),
        ]
        told = await self.ask("/applications/@me")
        number = str(told.one.get("id", ""))
        if not told.ok or not number:
            return [*found, _trouble("Discord application", told)]
        found += application(told.one, number)
        found.append(await self._starts())
        found += await self._commands(number)
        found += await self._twice(number, channels)
        user = str(me.one.get("id", ""))
        for one in channels:
            found.append(await self._channel(one, user, number))
        return found

    async def _starts(self) -> Found:
        """How often the desk may still connect: Discord ends the token of a bot that does so too often."""
        name = "Discord gateway"
        said = await self.ask("/gateway/bot")
        limit = mapping(said.one.get("session_start_limit"))
        left, total, shards = limit.get("remaining"), limit.get("total"), said.one.get("shards")
        if not said.ok or not isinstance(left, int) or not isinstance(shards, int):
            return _trouble(name, said)
        after = limit.get("reset_after")
        new = f"; new ones in {after / 3_600_000:.1f} hours" if isinstance(after, int) and after > 0 else ""
        detail = f"{left} of {total} connections left for {shards} shard{'' if shards == 1 else 's'}{new}"
        hint = "Something starts the desk over and over, or another program uses its token: the log says why it ended."
        if left < shards:
            return Found(name, "wrong", detail, f"{hint} Until then the desk can't listen.")
        return Found(name, "note", detail, hint) if left < FEW_STARTS * shards else Found(name, "ok", detail)

    async def _commands(self, number: str) -> list[Found]:
        """What Discord has is what this version declares, and surely so: its digest was stored when it was told."""
        name = "Discord commands"
        wanted = payload(self.registry)
        faults = command_problems(wanted)
        if faults:
            return [Found(name, "wrong", "; ".join(faults[:5]), "Report it: this is a fault of ours.")]
        said = await self.ask(f"/applications/{number}/commands")
        if not said.ok:
            return [_trouble(name, said)]
        told = self.told(number)
        has, should = {str(one.get("name")) for one in said.many}, {str(one["name"]) for one in wanted}
        if told != digest(wanted) and told is not None:
            detail = "Discord was told another version's" if told else "Discord wasn't told them yet"
            return [Found(name, "note", detail, "`earnings-desk up` does that when it starts.")]
        if has != should:
            differ = ", ".join(f"/{one}" for one in sorted(has ^ should)[:10])
            hint = (
                "Another program uses this application: give it one of its own. Then tell Discord again: earnings-desk "
                f"manifest discord | jq .commands | {self._curl('-d @- -X PUT', f'/applications/{number}/commands')}"
            )
            return [Found(name, "wrong", f"somebody else changed them: {differ}", hint)]
        return [Found(name, "ok", f"Discord has all {len(should)}")]

    async def _twice(self, number: str, channels: Sequence[Subscribed]) -> list[Found]:
        """Commands of the same name in a server of its own show up beside the global ones."""
        ours = {str(one["name"]) for one in payload(self.registry)}
        names = {one.workspace: f"server {one.workspace}" for one in channels}
        mine = await self.ask(f"/users/@me/guilds?limit={GUILDS_AT_MOST}")
        names |= {str(one.get("id")): str(one.get("name")) for one in mine.many}
        found: list[Found] = []
        for guild, title in list(names.items())[:GUILDS_AT_MOST]:
            path = f"/applications/{number}/guilds/{guild}/commands"
            said = await self.ask(path)
            twice = sorted(ours & {str(one.get("name")) for one in said.many})
            if twice:
                detail = f"shown twice in {title}: {', '.join(f'/{one}' for one in twice)}"
                remove = self._curl("-d '[]' -X PUT", path)
                hint = f"They were registered for that server, too; remove those: {remove}"
                found.append(Found("Discord commands", "note", detail, hint))
        return found

    def _curl(self, what: str, path: str) -> str:
        """A command for a shell that has DISCORD_TOKEN."""
        headers = '-H "Authorization: Bot $DISCORD_TOKEN" -H "Content-Type: application/json"'
        return f"curl {what} {headers} {self.api_url}{path}"

    async def _channel(self, one: Subscribed, user: str, number: str) -> Found:
        name = f"Discord channel {one.channel}"
        said = await self.ask(f"/channels/{one.channel}")
        home = await self._home(one.workspace, user)
        if isinstance(home, Said):
            if home.code in (10004, 10007, 50001):
                detail = f"the desk is not in the server {one.workspace}, so its {one.topics} can't be posted"
                return Found(name, "wrong", detail, f"Add it again: {server_link(number)}")
            return _trouble(name, home)
        if said.code == 10003:
            hint = "Subscribe another one: /desk digest on, or /desk approvals-channel on, there."
            return Found(name, "wrong", f"it was deleted, so its {one.topics} can't be posted", hint)
        if said.code == 50001:
            lacking = ["View Channel"]
        elif not said.ok:
            return _trouble(name, said)
        else:
            name = f"Discord channel #{said.one.get('name')}"
            parent = said
            if permitted.is_thread(said.one):
                parent = await self.ask(f"/channels/{said.one.get('parent_id')}")
                if not parent.ok:
                    return _trouble(name, parent)
            if home.silenced_until(self.clock()):
                hint = f"In {home.name}: the desk's profile → Remove Timeout."
                return Found(name, "wrong", "the desk is timed out in that server", hint)
            lacking = permitted.lacking(home, parent.one, thread=permitted.is_thread(said.one))
        if not lacking:
            return Found(name, "ok", f"gets {one.topics}")
        hint = (
            f"In {home.name}: the channel's settings → Permissions → add the desk's role, and allow {_and(lacking)}."
            " Or add the desk to the server again, whose link asks for all it needs."
        )
        return Found(name, "wrong", f"the desk lacks {_and(lacking)} there, for its {one.topics}", hint)

    async def _home(self, guild_id: str, user: str) -> permitted.Home | Said:
        """The server and what the desk is in it, or the answer that said no; asked once."""
        if guild_id not in self._guilds:
            guild = await self.ask(f"/guilds/{guild_id}")
            member = await self.ask(f"/guilds/{guild_id}/members/{user}") if guild.ok else guild
            ok = guild.ok and member.ok
            self._guilds[guild_id] = permitted.Home(guild.one, member.one, user) if ok else member
        return self._guilds[guild_id]

    async def ask(self, path: str) -> Said:
        """GET as the bot. Waits where Discord says so, for a short while."""
        headers = {"Authorization": f"Bot {self._token}", "User-Agent": _USER_AGENT}
        said, wait = Said(0), 0.0
        for _ in range(TRIES):
            await asyncio.sleep(wait)
            try:
                async with self.session.get(
                    f"{self.api_url}{path}", headers=headers, allow_redirects=False
                ) as response:
                    answer: object = await response.json(content_type=None) if response.status != 204 else None
                    said = Said(response.status, answer, date_of(response.headers.get("Date")))
            except (aiohttp.ClientError, TimeoutError, OSError):
                return Said(0)
            except ValueError:  # no JSON
                said = Said(response.status, None, date_of(response.headers.get("Date")))
            if said.status != 429:
                break
            wait = _seconds(response.headers.get("Retry-After"))
            if wait > LONGEST_WAIT_SECONDS:
                break
        return said


def application(told: Mapping[str, object], number: str) -> list[Found]:
    """What the settings in the developer portal keep from working."""
    found: list[Found] = []
    name = "Discord application"
    if told.get("interactions_endpoint_url"):
        hint = f"Clear it: {portal_page(number, 'information')} → Interactions Endpoint URL."
        detail = "an Interactions Endpoint URL is set: Discord sends commands there, and the desk hears nothing"
        found.append(Found(name, "wrong", detail, hint))
    ways = mapping(told.get("integration_types_config"))
    installs = f"{portal_page(number, 'installation')} → Installation Contexts"
    if str(GUILD_INSTALL) not in ways:
        found.append(
            Found(name, "wrong", "Guild Install is off: no server can add the desk", f"{installs}: switch on.")
        )
    if str(USER_INSTALL) not in ways:
        detail = "User Install is off: nobody can add the desk to their account, and use it outside of your servers"
        found.append(Found(name, "note", detail, f"{installs}: switch on User Install, if you want that."))
    if told.get("bot_require_code_grant") is True:
        hint = f"Switch it off: {portal_page(number, 'bot')} → Requires OAuth2 Code Grant."
        found.append(Found(name, "wrong", "it requires an OAuth2 code grant: invite links don't work", hint))
    flags = told.get("flags")
    bits = flags if isinstance(flags, int) else 0
    intents = [intent for intent, bit in _PRIVILEGED.items() if bits & bit]
    if intents:
        hint = f"{portal_page(number, 'bot')} → Privileged Gateway Intents: switch off what no other program needs."
        found.append(Found(name, "note", f"the desk needs no {_and(intents)}", hint))
    who = "anyone may add it" if told.get("bot_public") is not False else "only its owner may add it"
    servers = told.get("approximate_guild_count")
    count = f", in {servers} server{'' if servers == 1 else 's'}" if isinstance(servers, int) else ""
    if any(one.status == "wrong" for one in found):
        return found
    return [Found(name, "ok", f"{told.get('name')} ({number}){count}; {who}"), *found]


def cards(samples: Samples) -> list[Found]:
    """Every sample drawn, and held against Discord's limits."""
    faults: list[tuple[str, str]] = []
    for name, card in samples.cards:
        short = handles.shortened(card, button=BUTTON_VALUE, option=OPTION_VALUE)
        shown = {chart.name: f"chart-{place}.png" for place, chart in enumerate(short.charts, 1)}
        attached: list[object] = [{"id": str(place), "filename": file} for place, file in enumerate(shown.values())]
        drawn = layouts.body(layouts.message(short, key=name, pictures=shown)) | {"attachments": attached}
        faults += [(name, fault) for fault in problems(drawn)[:1]]
    for name, button in (samples.forms or {}).items():
        (short_button,) = handles.shortened(
            Card("", blocks=(Actions((button,)),)), button=BUTTON_VALUE, option=OPTION_VALUE
        ).buttons
        custom_id = custom_ids.modal_id(short_button.action, short_button.value)
        modal = modals.modal(short_button.label, short_button.form or (), custom_id)
        faults += [(f"form of {name}", fault) for fault in problems(modal.to_dict())[:1]]
    found = bad_cards("Discord", faults)
    if not faults:
        found.append(Found("Discord cards", "ok", f"{samples.counted} are within Discord's limits"))
    return found + undrawn("Discord", samples)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _trouble(name: str, said: Said) -> Found:
    hint = "Check the network, DISCORD_API_URL and https://discordstatus.com."
    return Found(name, "wrong", said.why, "Run doctor again later." if 400 <= said.status < 500 else hint)


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or "1"))
    except ValueError:
        return 1.0
