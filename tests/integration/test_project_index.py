"""Completing project names from memory: at once, and what is found is what is there."""

from __future__ import annotations

import datetime as dt

from core.chat import project_index
from core.storage import Database
from tests.desk_world import World, jan


def names(world: World, creator: str, text: str) -> list[str]:
    with world.database.reading() as session:
        return [entry.handle for entry in project_index.find(session, world.now, creator, text)]


def test_finds_names_and_ids_of_the_creators_own(database: Database) -> None:
    """Any part of a name or id finds a project, in any case; other people's are never found."""
    world = World(database)
    assert names(world, "ada", "LAB") == ["Logo Lab"]
    assert names(world, "ada", "") == ["Logo Lab", "Prompt Pal"]
    assert names(world, "ada", "song") == []
    world.close()


def test_notices_new_and_deleted_projects_at_once(database: Database) -> None:
    """A project that appears or goes is known at the next letter; one renamed, within half a minute."""
    world = World(database)
    assert names(world, "ada", "a") == ["Logo Lab", "Prompt Pal"]
    world.project("atlas", "Atlas", "ada")
    assert names(world, "ada", "a") == ["Atlas", "Logo Lab", "Prompt Pal"]
    world.project("atlas", "Atlas", "ada", deleted=jan(13))
    assert names(world, "ada", "a") == ["Logo Lab", "Prompt Pal", "Atlas"]
    world.project("logo", "Logo Lounge", "ada")
    world.now += dt.timedelta(seconds=31)
    assert names(world, "ada", "lo") == ["Logo Lounge"]
    world.close()


def test_a_name_that_means_two_is_completed_by_id(database: Database) -> None:
    """Two projects of one name, or a name that is another's id, are told apart by their ids."""
    world = World(database)
    world.project("pal2", "prompt pal", "ada")
    assert sorted(names(world, "ada", "pal")) == ["pal", "pal2"]
    world.close()
