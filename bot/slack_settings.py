"""What is wrong with the settings for Slack: each fault names the variable and what would be right, never its value."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.desk_section import Faults

MAKE_KEY = "make one with: openssl rand -base64 32 | tr +/ -_"
FEW = ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID")
PAGES = "it stands on the app's page at https://api.slack.com/apps"

_KINDS = (  # what Slack's secrets look like, most telling first
    (r"xoxe\.xox[bp]-", "a token that expires every 12 hours"),
    (r"xoxe-", "a refresh token"),
    (r"xoxb-", "a bot token"),
    (r"xoxp-", "a user token"),
    (r"xox[a-z]-", "a token of another kind"),
    (r"xapp-", "an app-level token"),
    (r"[0-9a-f]{32}$", "a signing secret or client secret"),
    (r"\d+\.\d+$", "a client id"),
)


def check(values: Mapping[str, str], faults: Faults) -> None:
    """Add every fault of the SLACK_* variables and PUBLIC_URL."""
    _kinds(values, faults)
    _public_url(values, faults)
    bot, client = "SLACK_BOT_TOKEN" in values, "SLACK_CLIENT_ID" in values
    listens = "SLACK_APP_TOKEN" in values or "SLACK_SIGNING_SECRET" in values
    either = "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)"
    if bot and client:
        right = "keep the bot token for one workspace, or the client id and its secret for many"
        faults.add("SLACK_BOT_TOKEN", "and SLACK_CLIENT_ID are both set", right)
    elif bot and not listens:
        faults.add("SLACK_BOT_TOKEN", "is set, but nothing says how Slack reaches the desk", either)
    elif client:
        _many(values, faults)
        if not listens:
            faults.add("SLACK_CLIENT_ID", "is set, but nothing says how Slack reaches the desk", either)
    if not bot and not client:
        alone = ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET", "SLACK_TOKEN_KEY")
        for name in [name for name in alone if name in values][:1]:
            right = "set SLACK_BOT_TOKEN for one workspace, or SLACK_CLIENT_ID for many"
            faults.add(name, "is set, but not which workspace it is for", right)


def token_keys(text: str) -> tuple[str, ...]:
    """The keys in SLACK_TOKEN_KEY, the one that encrypts first."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def is_token_key(text: str) -> bool:
    """Whether it is 32 bytes in URL-safe base64, which is what Fernet takes."""
    try:
        return len(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _kinds(values: Mapping[str, str], faults: Faults) -> None:
    """Each secret is of its own kind; mixing them up is the commonest slip."""
    expected = {
        "SLACK_BOT_TOKEN": ("xoxb-", 'copy the "Bot User OAuth Token" from the app\'s page OAuth & Permissions'),
        "SLACK_APP_TOKEN": ("xapp-", "make an app-level token with connections:write on the app's page"),
    }
    for name, (start, right) in expected.items():
        value = values.get(name)
        if value is None or value.startswith(start):
            continue
        looks = _looks_like(value)
        if looks == "a token that expires every 12 hours":
            right = "turn token rotation off for an app of one workspace"
        faults.add(name, f"doesn't start with {start}{f' (it looks like {looks})' if looks else ''}", right)
    for name in ("SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET"):
        looks = _looks_like(values.get(name, ""))
        if looks and looks != "a signing secret or client secret":
            faults.add(name, f"looks like {looks}", f'copy it from "App Credentials", {PAGES}')
    keys = token_keys(values["SLACK_TOKEN_KEY"]) if "SLACK_TOKEN_KEY" in values else ()
    if not all(is_token_key(key) for key in keys):
        which = "is no key" if len(keys) == 1 else "holds something that is no key"
        faults.add("SLACK_TOKEN_KEY", f"{which} (32 bytes in URL-safe base64)", MAKE_KEY)


def _looks_like(value: str) -> str:
    return next((kind for pattern, kind in _KINDS if re.match(pattern, value)), "")


def _many(values: Mapping[str, str], faults: Faults) -> None:
    needed = {
        "SLACK_CLIENT_SECRET": f'copy it from "App Credentials", {PAGES}',
        "SLACK_TOKEN_KEY": MAKE_KEY,
        "PUBLIC_URL": "set it to the https:// address where people reach this desk",
    }
    for name, right in needed.items():
        if name not in values:
            faults.add("SLACK_CLIENT_ID", f"is set, but not {name}", right)


def _public_url(values: Mapping[str, str], faults: Faults) -> None:
    fault = public_url_fault(values["PUBLIC_URL"]) if "PUBLIC_URL" in values else None
    if fault:
        faults.add("PUBLIC_URL", *fault)


def public_url_fault(url: str) -> tuple[str, str] | None:
    """What is wrong with an address where people and Slack reach the desk, and what would be right; None if fine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or any(map(str.isspace, url)):
        return "is no address", "write https://desk.example.com, with a path if there is one"
    if parts.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        return "begins with http://", "Slack sends people and secrets to https:// only"
    return None
