"""api.*, auth.*, apps.*, oauth.*: who the token is, Socket Mode's door, installs and token rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slack_server.calls import Refused, Request, method
from tests.slack_server.things import Json, Token, Workspace

if TYPE_CHECKING:
    from tests.slack_server.server import SlackServer


@method("api.test", token="none")
async def api_test(server: SlackServer, call: Request) -> Json:  # noqa: ARG001
    """Says that it is there."""
    if call.text("error"):
        raise Refused(call.text("error"))
    return {"args": {key: value for key, value in call.args.items() if key != "token"}}


@method("auth.test", token="any")
async def auth_test(server: SlackServer, call: Request) -> Json:
    """Whose token it is."""
    if call.app_token:
        return {"app_name": "earnings", "app_id": server.app_id}
    home = call.home
    told: Json = {"url": f"{server.base_url}/", "team": home.name, "user": "earnings", "team_id": home.team_id}
    told |= {"user_id": home.bot_user_id, "bot_id": "B" + home.bot_user_id[1:], "is_enterprise_install": False}
    if call.token.expires_at is not None:
        told["expires_in"] = int(call.token.expires_at - server.now())
    return told


@method("auth.revoke")
async def auth_revoke(server: SlackServer, call: Request) -> Json:
    """Kills the token."""
    if call.flag("test"):
        return {"revoked": False}
    server.tokens[call.token.value].dead = "token_revoked"
    return {"revoked": True}


@method("apps.connections.open", token="app")
async def connections_open(server: SlackServer, call: Request) -> Json:
    """A WebSocket address good for one connection."""
    call.need("connections:write")
    ticket = server.mint("ticket-")
    server.tickets.add(ticket)
    return {"url": f"{server.base_url.replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={server.app_id}"}


@method("apps.uninstall")
async def uninstall(server: SlackServer, call: Request) -> Json:
    """Removes the app from the workspace; the events of that follow."""
    _client(server, call)
    team = call.home.team_id

    async def tell() -> None:
        await server.uninstall(team)

    server.kill_tokens(team, "account_inactive")
    server.spawn(tell())
    return {}


@method("oauth.v2.access", token="none")
async def oauth_access(server: SlackServer, call: Request) -> Json:
    """A code or a refresh token becomes an access token."""
    _client(server, call)
    if call.text("grant_type") == "refresh_token":
        return _refresh(server, call.text("refresh_token"))
    team = server.codes.pop(call.text("code"), None)
    if team is None:
        raise Refused("invalid_code")
    home = server.workspaces[team]
    told = _issue(server, home)
    return {**told, "authed_user": {"id": server.installing_user or next(iter(home.users))}}


def _client(server: SlackServer, call: Request) -> None:
    if call.text("client_id") != server.client_id:
        raise Refused("invalid_client_id")
    if call.text("client_secret") != server.client_secret:
        raise Refused("bad_client_secret")


def _refresh(server: SlackServer, refresh: str) -> Json:
    """A refresh token works once. The access token before it lives on until it expires."""
    team = server.refresh_tokens.pop(refresh, None)
    if team is None:
        server.refreshes.append((server.used_refresh_tokens.get(refresh, ""), "invalid_refresh_token"))
        raise Refused("invalid_refresh_token")
    server.refreshes.append((team, "ok"))
    server.used_refresh_tokens[refresh] = team
    return _issue(server, server.workspaces[team])


def _issue(server: SlackServer, home: Workspace) -> Json:
    value = server.mint("xoxb-") if not server.rotation else server.mint("xoxe.xoxb-1-")
    token = Token(value, home.team_id, home.scopes)
    told: Json = {"access_token": value, "token_type": "bot", "scope": ",".join(home.scopes), "enterprise": None}
    told |= {"bot_user_id": home.bot_user_id, "app_id": server.app_id, "is_enterprise_install": False}
    told["team"] = {"id": home.team_id, "name": home.name}
    if server.rotation:
        token.expires_at = server.now() + server.expires_in
        refresh = server.mint("xoxe-1-")
        server.refresh_tokens[refresh] = home.team_id
        told |= {"refresh_token": refresh, "expires_in": server.expires_in}
    server.tokens[value] = token
    home.bot_token = value
    return told
