"""What is wrong with the settings for Discord: each fault names the variable and what would be right, not its value."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.desk_section import Faults

API = "https://discord.com/api/v10"
VERSION = 10
PAGE = "the application's page Bot at https://discord.com/developers/applications"
COPY = f'copy the token from {PAGE} ("Reset Token" shows it, once)'

_KINDS = (  # what people copy from the developer portal in its place, most telling first
    (r"https?://", "an address"),
    (r"mfa\.", "the token of a person's own account"),
    (r"\d{15,20}$", "an application id"),
    (r"[0-9a-f]{64}$", "a public key"),
    (r"[0-9A-Za-z_-]{32}$", "a client secret"),
    (r"[0-9A-Za-z]{30}$", "an OAuth2 token"),
)


def check(values: Mapping[str, str], faults: Faults) -> None:
    """Add every fault of the DISCORD_* variables, but for addresses that are none."""
    token = values.get("DISCORD_TOKEN")
    if token is not None:
        fault = token_fault(token)
        if fault:
            faults.add("DISCORD_TOKEN", *fault)
    url = values.get("DISCORD_API_URL")
    if url is not None:
        fault = _api_fault(url)
        if fault:
            faults.add("DISCORD_API_URL", *fault)


def application_of(token: str) -> str:
    """The bot's id, which a token names in front; "" when it is no bot's token.

    It is the application's id too, but for applications made before August 2016.
    """
    first, *rest = token.split(".")
    if len(rest) != 2 or not all(re.fullmatch(r"[0-9A-Za-z_-]+", part) for part in (first, *rest)):
        return ""
    try:
        decoded = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return decoded if re.fullmatch(r"[0-9]{1,20}", decoded) else ""


def token_fault(token: str) -> tuple[str, str] | None:
    """What is wrong with a bot's token, and what would be right; None if nothing can be seen."""
    word, _, rest = token.partition(" ")
    if rest and word.lower() in ("bot", "bearer"):
        kind = word.capitalize()
        if kind == "Bearer" and not application_of(rest.strip()):
            return "looks like an OAuth2 token", COPY
        return f'begins with "{kind} "', "write the token alone"
    if any(map(str.isspace, token)):
        return "holds a space", COPY
    if application_of(token):
        return None
    looks = next((kind for pattern, kind in _KINDS if re.match(pattern, token)), "")
    return f"is no bot token{f' (it looks like {looks})' if looks else ''}", COPY


def api_url(url: str) -> str:
    """The address of a REST API as the adapter takes it: with a version, without a slash at its end."""
    url = url.rstrip("/")
    return url if re.search(r"/v[0-9]+$", url) else f"{url}/v{VERSION}"


def _api_fault(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        wrong = bool(parts.query or parts.fragment or parts.username)
    except ValueError:
        wrong = True
    if wrong or any(map(str.isspace, url)):
        return "is no address of an API", f"write one such as {API}"
    found = re.search(r"/v([0-9]+)$", url.rstrip("/"))
    if found and int(found[1]) != VERSION:
        return f"names another version than {VERSION}", f"write one such as {API}"
    return None
