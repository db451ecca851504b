"""Running the desk: try it, set it up, run it, look after it."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.commands.common import AsJson, At, Config, State, emit, parse_moment, refuse, say


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("demo")(demo)
    app.command("up")(up)
    app.command("init")(init)
    app.command("migrate")(migrate)
    app.command("doctor")(doctor)


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served, on this machine only.")] = 8321,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty database to fill.", show_default="a throw-away SQLite file"),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Don't open a browser.")] = False,
    at: At = None,
) -> None:
    """Fill a throw-away database with sample data and serve the playground."""
    from bot.demo import run

    run(port, database, open_browser=not no_open, start=parse_moment(at))


def up(
    playground: Annotated[
        bool, typer.Option("--playground", help="Serve the playground too; never next to real chat tokens.")
    ] = False,
    config: Config = None,
) -> None:
    """Run what is configured: HTTP, scheduler, relay. Ends on SIGTERM or Ctrl-C.

    Settings come from earnings-desk.toml; addresses and secrets from the environment or .env: DATABASE_URL, HTTP_HOST,
    HTTP_PORT, LOG_FORMAT, PUBLIC_URL, SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_CLIENT_ID,
    SLACK_CLIENT_SECRET, SLACK_TOKEN_KEY, SLACK_API_URL, DISCORD_TOKEN, DISCORD_API_URL, DISCORD_GATEWAY_URL,
    STRIPE_API_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_URL.
    """
    from bot.settings import load
    from bot.up import run

    run(load(config or State.config), playground)


def init(config: Config = None) -> None:
    """Write a commented earnings-desk.toml here and prepare the database."""
    from bot.bootstrap import build, prepare
    from bot.settings import DEFAULT_CONFIG, load
    from bot.starter import STARTER

    path = config or State.config or DEFAULT_CONFIG
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        refuse(f"{path} is there already; it stays as it is.")
    settings = load(path)
    app = build(settings)
    prepare(app)
    say(f"Wrote {path} and prepared the database {app.database_name}.")
    say("Next: `earnings-desk import creators FILE`, then projects, usage and subscriptions; then `earnings-desk up`.")


def migrate(as_json: AsJson = False, config: Config = None) -> None:
    """Bring the database to this version's schema."""
    from bot.bootstrap import build, migrate_now
    from bot.settings import load

    app = build(load(config or State.config, need_config=False))
    before, revision = migrate_now(app)
    if as_json:
        emit({"database": app.database_name, "before": before, "revision": revision})
    elif before == "current":
        say(f"The database {app.database_name} is at revision {revision} already.")
    else:
        say(f"Brought the database {app.database_name} to revision {revision} (it was {before}).")


def doctor(as_json: AsJson = False, at: At = None, config: Config = None) -> None:
    """Look for what is wrong or missing in the set-up, and say how to mend it."""
    from bot.doctor import examine

    findings = examine(config or State.config, parse_moment(at))
    ok = all(finding.status != "wrong" for finding in findings)
    if as_json:
        emit({"ok": ok, "checks": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            say(f"{finding.mark} {finding.name}: {finding.detail}")
            if finding.hint:
                say(f"    {finding.hint}")
    if not ok:
        names = ", ".join(finding.name for finding in findings if finding.status == "wrong")
        refuse(f"Something is wrong: {names}.")
