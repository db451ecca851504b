"""What a chat platform has to be told about the desk, to be pasted there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot.commands.common import Config, State, refuse, say

if TYPE_CHECKING:
    from bot.settings import Settings

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
    application: Annotated[
        str | None,
        typer.Option("--application", metavar="ID", help="Discord's id of the app.", show_default="from DISCORD_TOKEN"),
    ] = None,
    config: Config = None,
) -> None:
    """Print what the platform has to be told, as JSON: commands, permissions, settings; for Discord the links, too."""
    import json

    from bot.settings import load
    from core.chat import commands  # noqa: F401 - declares what can be typed

    if platform == "discord" and (http or oauth or url is not None):
        refuse("--http, --url and --oauth are for Slack; Discord needs no address.")
    if platform == "slack" and application is not None:
        refuse("--application is for Discord.")
    settings = load(config or State.config, need_config=False)
    made = _discord(settings, application) if platform == "discord" else _slack(settings, http, url, oauth)
    say(json.dumps(made, ensure_ascii=False, indent=2))


def _discord(settings: Settings, application: str | None) -> dict[str, object]:
    from adapters.discord.manifest import manifest as document
    from bot.discord_settings import application_of

    if application is not None and not (application.isascii() and application.isdigit()):
        refuse(f"--application takes the number under General Information, Application ID; {application} is none.")
    token = settings.discord.token.reveal() if settings.discord is not None else ""
    return document(settings.desk, application_id=application or application_of(token))


def _slack(settings: Settings, http: bool, url: str | None, oauth: bool) -> dict[str, object]:
    from adapters.slack.manifest import manifest as document
    from bot.slack_settings import public_url_fault

    address = (url or settings.public_url).rstrip("/")
    if (http or oauth) and not address:
        refuse(f"{'--http' if http else '--oauth'} needs --url https://…, where people reach the desk (or PUBLIC_URL).")
    fault = public_url_fault(address) if http or oauth else None
    if fault:
        refuse(f"{address} {fault[0]}; {fault[1]}.")
    transport: Literal["socket", "http"] = "http" if http else "socket"
    return document(settings.desk, transport=transport, url=address, oauth=oauth)
