"""The bot itself, its application, its commands, and the guilds it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.discord_server import routes
from tests.discord_server.calls import Answered, Refused, Request, route
from tests.discord_server.shapes import channel_json, guild_json, member_json
from tests.discord_server.things import VIEW_CHANNEL, Guild, Json

if TYPE_CHECKING:
    from tests.discord_server.server import DiscordServer

DAY = 24 * 3600.0
CREATES_A_DAY = 200
"""Commands that may be created within a day, globally and in each guild."""
_EVENT_ONLY = ("members", "channels", "threads", "presences", "voice_states", "member_count", "joined_at", "large")


@route("GET /gateway", open=True)
async def gateway(server: DiscordServer, _: Request) -> Answered:
    """Where the gateway is."""
    return 200, {"url": server.gateway_url}


@route(routes.GATEWAY_BOT)
async def gateway_bot(server: DiscordServer, _: Request) -> Answered:
    """Where the gateway is, how many shards we recommend, how many sessions may begin."""
    started = {"total": 1000, "remaining": server.starts - len(server.sessions)}
    started |= {"reset_after": 7_200_000, "max_concurrency": 1}
    return 200, {"url": server.gateway_url, "shards": server.shards, "session_start_limit": started}


@route(routes.ME)
async def me(server: DiscordServer, _: Request) -> Answered:
    """The bot's own user."""
    return 200, server.users[server.bot_id].as_json() | {"verified": True, "email": None, "mfa_enabled": False}


@route(routes.USER)
async def user(server: DiscordServer, asked: Request) -> Answered:
    """Anybody."""
    found = server.users.get(asked.params["user_id"])
    if found is None:
        raise Refused(404, 10013, "Unknown User")
    return 200, found.as_json()


@route(routes.APPLICATION)
@route("GET /oauth2/applications/@me")
async def application(server: DiscordServer, _: Request) -> Answered:
    """The application: its flags, and how it may be installed."""
    told: Json = {"id": server.application_id, "name": "earnings", "icon": None, "description": "", "summary": ""}
    told |= {"bot_public": True, "bot_require_code_grant": False, "verify_key": "0" * 64, "team": None, "hook": True}
    told |= {"flags": server.application_flags, "bot": server.users[server.bot_id].as_json(), "redirect_uris": []}
    told |= {"owner": {"id": "1", "username": "owner", "discriminator": "0", "global_name": None, "avatar": None}}
    asked: Json = {"oauth2_install_params": {"scopes": ["applications.commands", "bot"], "permissions": "51200"}}
    own: Json = {"oauth2_install_params": {"scopes": ["applications.commands"], "permissions": "0"}}
    told |= {"install_params": None, "interactions_endpoint_url": server.interactions_endpoint or None}
    told["approximate_guild_count"] = sum(each.bot_in for each in server.guilds.values())
    configured = {str(each): asked if each == 0 else own for each in server.install_contexts}
    return 200, {**told, "integration_types_config": configured}


@route(routes.COMMANDS)
@route(routes.GUILD_COMMANDS)
async def commands(server: DiscordServer, asked: Request) -> Answered:
    """The commands as they were synced."""
    return 200, _listed(server, _own(server, asked))


@route(routes.SYNC)
@route(routes.GUILD_SYNC)
async def sync(server: DiscordServer, asked: Request) -> Answered:
    """Replace all commands; those of a new name count as created."""
    guild = _own(server, asked)
    asked.checked(server)
    before = {(each["type"], each["name"]): each for each in _listed(server, guild)}
    made: list[Json] = []
    for told in asked.body or []:
        old = before.get((told.get("type", 1), told["name"]))
        if old is None:
            _count_create(server, guild)
        kept: Json = {"default_member_permissions": None, "nsfw": False, "type": 1, "options": [], **told}
        kept |= {"application_id": server.application_id, "version": server.mint()}
        kept |= {"id": old["id"] if old is not None else server.mint()} | ({"guild_id": guild} if guild else {})
        if not guild:
            kept.setdefault("contexts", None)
            kept.setdefault("integration_types", [0])
        made.append(kept)
    if guild:
        server.guild_commands[guild] = made
    else:
        server.commands = made
    return 200, made


@route(routes.MY_GUILDS)
async def my_guilds(server: DiscordServer, _: Request) -> Answered:
    """The guilds that our bot is in."""
    homes = [each for each in server.guilds.values() if each.bot_in]
    base: Json = {"icon": None, "owner": False, "features": []}
    return 200, [{**base, "id": e.id, "name": e.name, "permissions": str(e.bot_permissions)} for e in homes]


@route(routes.GUILD)
async def guild(server: DiscordServer, asked: Request) -> Answered:
    """One guild."""
    told = guild_json(server, _home(server, asked))
    return 200, {key: value for key, value in told.items() if key not in _EVENT_ONLY}


@route(routes.GUILD_CHANNELS)
async def guild_channels(server: DiscordServer, asked: Request) -> Answered:
    """The channels that our bot sees in a guild."""
    found = [each for each in _home(server, asked).channels.values() if not each.deleted]
    return 200, [channel_json(server, each) for each in found if server.bot_may(each) & VIEW_CHANNEL]


@route("GET /guilds/{guild_id}/roles")
async def roles(server: DiscordServer, asked: Request) -> Answered:
    """The roles of a guild."""
    return 200, guild_json(server, _home(server, asked))["roles"]


@route(routes.GUILD_MEMBER)
async def member(server: DiscordServer, asked: Request) -> Answered:
    """A member of a guild; "@me" is our bot."""
    home, wanted = _home(server, asked), asked.params["user_id"]
    wanted = server.bot_id if wanted == "@me" else wanted
    if wanted != server.bot_id and wanted not in home.permissions:
        raise Refused(404, 10007, "Unknown Member")
    return 200, member_json(server, home, wanted)


def _home(server: DiscordServer, asked: Request) -> Guild:
    found = server.guilds.get(asked.params["guild_id"])
    if found is None or not found.bot_in or not found.available:
        raise Refused(404, 10004, "Unknown Guild")
    return found


def _own(server: DiscordServer, asked: Request) -> str:
    """The guild that is meant, "" for global commands; refuses somebody else's application."""
    if asked.params["application_id"] != server.application_id:
        raise Refused(403, 20012, "You are not authorized to perform this action on this application")
    guild_id = asked.params.get("guild_id", "")
    if guild_id and (guild_id not in server.guilds or not server.guilds[guild_id].bot_in):
        raise Refused(403, 50001, "Missing Access")
    return guild_id


def _listed(server: DiscordServer, guild_id: str) -> list[Json]:
    return server.guild_commands.get(guild_id, []) if guild_id else server.commands


def _count_create(server: DiscordServer, guild_id: str) -> None:
    made = server.command_creates.setdefault(guild_id, [])
    made[:] = [each for each in made if server.now() - each < DAY]
    if len(made) >= CREATES_A_DAY:
        raise Refused(400, 30034, "Max number of daily application command creates has been reached (200)")
    made.append(server.now())
