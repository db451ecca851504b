"""Persons, the codes that link them to chat accounts, and keys for the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import AsJson, At, Config, emit, open_desk, say, table

if TYPE_CHECKING:
    from core.people import Actor

person = typer.Typer(name="person", help="The humans that the desk knows.", no_args_is_help=True)
api_key = typer.Typer(name="api-key", help="Keys for callers of the HTTP API.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(person)
    app.add_typer(api_key)
    app.command("link-code")(link_code)


@person.command("add")
def person_add(
    name: Annotated[str, typer.Argument(help="What the desk calls them.")],
    creator: Annotated[str | None, typer.Option(help="The creator id, for someone who earns.")] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="approver, admin or owner; may be given more than once.")
    ] = None,
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Add a person, with roles; for a creator, name the person behind it."""
    from core import people

    app = open_desk(config, at)
    with app.database.transaction() as session:
        before = people.known(session, creator) if creator is not None else None
        added = people.add_person(session, app.clock(), name, creator, role or ())
        actor = people.actor(session, added.id or 0)
    if as_json:
        emit(_document(actor))
    elif before is not None and before.name != actor.name:
        say(f"Renamed {before.name} to {actor.name}; roles are now {', '.join(sorted(actor.roles)) or 'none'}.")
    else:
        say(f"Added {actor.name}{_as(actor)}.")


@person.command("roles")
def person_roles(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    role: Annotated[
        list[str] | None, typer.Option(help="approver, admin or owner; may be given more than once. None: no role.")
    ] = None,
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Have a person hold exactly these roles from now on."""
    from core import people

    app = open_desk(config, at)
    with app.database.transaction() as session:
        known = people.resolve(session, name)
        actor = people.set_roles(session, app.clock(), known.person_id, role or ())
    if as_json:
        emit(_document(actor))
    else:
        say(f"{actor.name}: {', '.join(sorted(actor.roles)) or 'no role'}.")


@person.command("list")
def person_list(as_json: AsJson = False, config: Config = None) -> None:
    """Everyone the desk knows, with creator ids and roles."""
    from core import people

    app = open_desk(config, sync=False, create=False)
    with app.database.reading() as session:
        everyone = people.list_people(session)
    if as_json:
        emit([_document(actor) for actor in everyone])
    elif everyone:
        table(
            ("NAME", "CREATOR", "ROLES"),
            [(actor.name, actor.creator_id or "", ", ".join(sorted(actor.roles))) for actor in everyone],
        )
    else:
        say("Nobody yet: `earnings-desk person add NAME --role owner` adds the first.")


def link_code(
    creator: Annotated[str | None, typer.Option(help="For this creator.")] = None,
    person: Annotated[str | None, typer.Option(help="For the person of this name.")] = None,
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """A code, valid 10 minutes, that someone types in chat as /link CODE."""
    if (creator is None) == (person is None):
        raise typer.BadParameter("name one of --creator and --person")
    from core import people
    from core.clock import iso

    app = open_desk(config, at)
    with app.database.transaction() as session:
        who = people.resolve(session, creator or person or "")
        if creator is not None and who.creator_id != creator:
            raise people.UnknownPerson(who=creator)
        code, expires_at = people.create_link_code(session, app.clock(), who.person_id)
    if as_json:
        emit({"code": code, "expires_at": iso(expires_at), "person": who.name})
    else:
        say(f"{code}    for {who.name}; type /link {code} in chat before {iso(expires_at)}")


@api_key.command("create")
def api_key_create(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    source: Annotated[str, typer.Option(help="What this caller's usage is filed under.")] = "platform",
    as_json: AsJson = False,
    at: At = None,
    config: Config = None,
) -> None:
    """Make a key and show it, this once."""
    from core import api_keys

    app = open_desk(config, at)
    with app.database.transaction() as session:
        key = api_keys.create(session, app.clock(), name, source)
    if as_json:
        emit({"name": name, "source": source, "key": key})
    else:
        say(key)


@api_key.command("revoke")
def api_key_revoke(name: str, at: At = None, config: Config = None) -> None:
    """Have a key refused from now on."""
    from core import api_keys

    app = open_desk(config, at)
    with app.database.transaction() as session:
        revoked = api_keys.revoke(session, app.clock(), name)
    say(f"Revoked {revoked.name} ({revoked.prefix}…).")


@api_key.command("list")
def api_key_list(as_json: AsJson = False, config: Config = None) -> None:
    """Every key there was; the keys themselves are stored nowhere."""
    from core import api_keys
    from core.clock import iso

    app = open_desk(config, sync=False, create=False)
    with app.database.reading() as session:
        keys = api_keys.list_keys(session)
    if as_json:
        emit(
            [
                {
                    "name": key.name,
                    "prefix": key.prefix,
                    "source": key.source,
                    "created_at": iso(key.created_at),
                    "revoked_at": iso(key.revoked_at) if key.revoked_at else None,
                }
                for key in keys
            ]
        )
    elif keys:
        table(
            ("NAME", "KEY", "SOURCE", "CREATED", "REVOKED"),
            [
                (
                    key.name,
                    f"{key.prefix}…",
                    key.source,
                    iso(key.created_at),
                    iso(key.revoked_at) if key.revoked_at else "",
                )
                for key in keys
            ],
        )
    else:
        say("No keys yet: `earnings-desk api-key create NAME` makes one.")


def _document(actor: Actor) -> dict[str, object]:
    return {"name": actor.name, "creator_id": actor.creator_id, "roles": sorted(actor.roles)}


def _as(actor: Actor) -> str:
    parts = [f"creator {actor.creator_id}"] if actor.creator_id else []
    parts += sorted(actor.roles)
    return f" ({', '.join(parts)})" if parts else ""
