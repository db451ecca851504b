"""Makes description.json from Discord's full API description: only the request bodies that our tests need.

    python -m tests.discord_server.trim path/to/openapi.json

The full description is Discord's own, "Discord HTTP API (Preview)", OpenAPI 3.1, API version 10, published by Discord
under the MIT licence at https://github.com/discord/discord-api-spec (specs/openapi.json). Nothing in the schemas is
changed; descriptions in words are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.discord_server import routes

KEPT = {
    routes.SYNC: "/applications/{application_id}/commands",
    routes.GUILD_SYNC: "/applications/{application_id}/guilds/{guild_id}/commands",
    routes.OPEN_DM: "/users/@me/channels",
    routes.SEND: "/channels/{channel_id}/messages",
    routes.EDIT: "/channels/{channel_id}/messages/{message_id}",
    routes.CALLBACK: "/interactions/{interaction_id}/{interaction_token}/callback",
    routes.FOLLOW_UP: "/webhooks/{webhook_id}/{webhook_token}",
    routes.EDIT_ORIGINAL: "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
    routes.EDIT_FOLLOWED: "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}",
}
"""Our routes and their paths in the description."""
PLACE = Path(__file__).with_name("description.json")
_WORDS = ("description", "x-discord-union", "format", "title")


def trim(full: dict[str, Any]) -> dict[str, Any]:
    """The bodies of the kept routes, and every schema that they lead to."""
    bodies = {name: _body(full, name.split()[0].lower(), path) for name, path in KEPT.items()}
    schemas: dict[str, Any] = {}
    left = [bodies]
    while left:
        for name in _named(left.pop()):
            if name not in schemas:
                schemas[name] = _bare(full["components"]["schemas"][name])
                left.append(schemas[name])
    note = {
        "origin": "Discord HTTP API (Preview), OpenAPI, published by Discord at github.com/discord/discord-api-spec",
        "licence": full["info"]["license"]["name"],
        "version": full["info"]["version"],
        "made_by": "tests/discord_server/trim.py: bodies of the routes that we serve, schemas unchanged",
    }
    return {"about": note, "bodies": bodies, "components": {"schemas": dict(sorted(schemas.items()))}}


def written(made: dict[str, Any]) -> str:
    """The trimmed description as it is kept: a line for each body and each schema."""

    def lines(part: dict[str, Any], inside: str) -> str:
        each = (f"{inside}{json.dumps(name)}: {json.dumps(value)}" for name, value in part.items())
        return ",\n".join(each)

    schemas = lines(made["components"]["schemas"], "   ")
    about, bodies = lines(made["about"], "  "), lines(made["bodies"], "  ")
    whole = f'{{\n "about": {{\n{about}\n }},\n "bodies": {{\n{bodies}\n }},\n'
    return f'{whole} "components": {{\n  "schemas": {{\n{schemas}\n  }}\n }}\n}}\n'


def _body(full: dict[str, Any], method: str, path: str) -> Any:
    return _bare(full["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"])


def _named(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {str(part["$ref"]).rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(_named(each) for each in part.values()))
    return set().union(*(_named(each) for each in part)) if isinstance(part, list) else set()


def _bare(part: Any, *, naming: bool = False) -> Any:
    """A schema without words for people; properties may be called "description" and stay."""
    if isinstance(part, dict):
        return {
            key: _bare(value, naming=key == "properties" and not naming)
            for key, value in part.items()
            if naming or key not in _WORDS
        }
    return [_bare(each) for each in part] if isinstance(part, list) else part


if __name__ == "__main__":
    PLACE.write_text(written(trim(json.loads(Path(sys.argv[1]).read_text()))))
