"""What a chat platform has to be told about the desk, to be pasted there."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bot.commands.common import Config, State, refuse, say

Platform = Literal["slack", "discord"]


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("manifest")(manifest)


def manifest(
    platform: Annotated[Platform, typer.Argument(help="Which platform it is for.")],
    http: Annotated[
        bool,
        typer.Option("--http", help="Slack calls the desk at --url; without it, the desk calls Slack (Socket Mode)."),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where Slack and people reach the desk.", show_default="PUBLIC_URL"),
    ] = None,
    oauth: Annotated[
        bool, typer.Option("--oauth", help="For many workspaces, which install the desk themselves.")
    ] = False,
    config: Config = None,
) -> None:
    """Print the app manifest: commands, permissions and settings, as JSON."""
    import json

    from adapters.slack.manifest import manifest as document
    from bot.settings import load
    from bot.slack_settings import public_url_fault
    from core.chat import commands  # noqa: F401 - declares what can be typed
    from core.chat.registry import REGISTRY

    if platform == "discord":
        refuse("There is no manifest for Discord yet: this version has no Discord adapter.")
    settings = load(config or State.config, need_config=False)
    address = (url or settings.public_url).rstrip("/")
    if (http or oauth) and not address:
        refuse(f"{'--http' if http else '--oauth'} needs --url https://…, where people reach the desk (or PUBLIC_URL).")
    fault = public_url_fault(address) if http or oauth else None
    if fault:
        refuse(f"{address} {fault[0]}; {fault[1]}.")
    transport: Literal["socket", "http"] = "http" if http else "socket"
    made = document(settings.desk, REGISTRY, transport=transport, url=address, oauth=oauth)
    say(json.dumps(made, ensure_ascii=False, indent=2))
